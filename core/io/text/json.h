/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_JSON_H
#define KF_IO_JSON_H

#include <jansson.h>
#include <kf/options.h>
#include <kf/report.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * Parse a config written by Python's json module.
 *
 * Python writes NaN, Infinity and -Infinity, which JSON has not and Jansson refuses: they come
 * in as the strings KF_JSON_NAN, KF_JSON_INF and KF_JSON_NEG_INF and kf_json_dump() writes them
 * back as the bare words. Text that holds one of these strings itself is refused.
 * A trailing NUL, a BOM, and JSON inside one JSON string (real files have all three) are taken
 * off. Duplicate keys are refused, depth and size are bounded by `limits`.
 *
 * Returns a new reference, or NULL with BAD_JSON, TOO_LARGE or NO_MEMORY in `rep`.
 */
json_t *kf_json_parse(const char *text, size_t n, const struct kf_limits *limits, const char *where,
                      struct kf_report *rep);

#define KF_JSON_NAN     "\x01NaN"
#define KF_JSON_INF     "\x01Infinity"
#define KF_JSON_NEG_INF "\x01-Infinity"

/**
 * Compact text in the order of the keys, floats with the fewest digits that read back the same.
 *
 * Returns kf_alloc()ed text and its length, or NULL when memory ran out.
 */
char *kf_json_dump(const json_t *value, size_t *n_out);

/** The same in ASCII characters alone, as Python writes it: "\\u00fc", and a pair beyond 16 bits.
 */
char *kf_json_dump_ascii(const json_t *value, size_t *n_out);

/* Setting takes the value's reference, on failure too; a NULL value is out of memory. */
int kf_json_set(json_t *object, const char *key, json_t *value, struct kf_report *rep);
int kf_json_append(json_t *array, json_t *value, struct kf_report *rep);
int kf_json_set_at(json_t *array, size_t index, json_t *value, struct kf_report *rep);

/* Getting: the default when the key is missing or is not of that type. */
const char *kf_json_str(const json_t *object, const char *key, const char *fallback);
bool kf_json_bool(const json_t *object, const char *key, bool fallback);
/** An integer, also when it was written as 2.0. */
json_int_t kf_json_int(const json_t *object, const char *key, json_int_t fallback);

/** True for an object {"class_name": <string>, "config": <object>, ...}. */
bool kf_json_is_object_of_class(const json_t *value);

#endif
