/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_API_PROBLEM_H
#define KF_API_PROBLEM_H

#include <jansson.h>
#include <kf/report.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a problem's slug means to a client; static. Handlers decide codes, this decides statuses. */
struct kf_problem_type {
    const char *code;
    unsigned status; /* of HTTP */
    const char *title;
    bool retryable;   /* the same request may succeed later */
    const char *hint; /* the way out, or NULL */
};

/** The row of a slug, of the service or of the core's codes; "internal-error" for a strange one. */
const struct kf_problem_type *kf_problem_type(const char *code);

/** Row `index` of the table, for documents and tests; NULL past the end. */
const struct kf_problem_type *kf_problem_at(size_t index);

/** {"code", "status", "title", "retryable", "hint"}; new reference. */
json_t *kf_problem_type_json(const struct kf_problem_type *type);

/* One problem as it happened. Everything may be zero; strings are borrowed. */
struct kf_problem {
    const char *code;      /* slug */
    const char *detail;    /* one sentence */
    const char *parameter; /* the parameter that is wrong */
    const char *hint;      /* instead of the table's */
    const char *request_id;
    uint64_t limit, actual; /* shown when limit is not 0 */
    unsigned retry_after;   /* seconds */
    json_t *report;         /* of a refused conversion; borrowed */
};

/** The body of an RFC 9457 answer; new reference, NULL when memory ran out. */
json_t *kf_problem_json(const struct kf_problem *problem);

#endif
