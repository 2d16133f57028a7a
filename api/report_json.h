/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_API_REPORT_JSON_H
#define KF_API_REPORT_JSON_H

#include <jansson.h>
#include <kf/report.h>
#include <stdbool.h>
#include <stddef.h>

#define KF_REPORT_VERSION 1
#define KF_REPORT_SCHEMA  "urn:kferry:report:1" /* the $id of report.schema.json */

/**
 * Write the report as report.schema.json says, compact, a row of its lists at a time, through
 * `put`, which returns 0, or -1 to end it.
 *
 * `filename` may be NULL. Without `rows` the lists of tensors stay empty, for who asks for none of
 * them; `counts` has how long they are. 0, or -1 when memory ran out or `put` failed.
 */
int kf_report_json_write(const struct kf_report *rep, const char *filename, bool rows,
                         json_dump_callback_t put, void *to);

/** A few lines for people, each with its line feed; malloc'ed, NULL when memory ran out. */
char *kf_report_summary(const struct kf_report *rep);

/*
 * What only the program around the core knows. Each changes a report that was read back. NULL
 * leaves a member alone.
 */
void kf_report_json_set_source(json_t *report, const char *sha256);
void kf_report_json_set_filename(json_t *report, const char *filename);

/** Set timings.<phase>_ms, as "upload", "queue", "work". */
void kf_report_json_set_timing(json_t *report, const char *phase, double ms);

/* Why a report is a refusal: its first problem. Strings are borrowed from the report. */
struct kf_refusal {
    const char *code, *where, *reason;
    const char *way_out; /* or NULL */
};

/** Find the first problem; false when the report has none. */
bool kf_report_json_refusal(const json_t *report, struct kf_refusal *out);

/** True when a report is a refusal whose first problem has the code. */
bool kf_report_json_refused(const json_t *report, enum kf_code code);

/**
 * The counts as an RFC 9651 dictionary, "verdict=adapted, tensors=42, renamed=3".
 *
 * 0, or -1 when `report` is none or `max` bytes are too few; then `out` is "".
 */
int kf_report_json_summary(const json_t *report, char *out, size_t max);

#endif
