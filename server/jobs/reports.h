/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_REPORTS_H
#define KF_SERVER_REPORTS_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes with an owner count: kept in the store and sent to several clients at once. */
struct blob;

/** Copy `n` bytes; NULL when memory ran out. One reference. */
struct blob *blob_create(const void *data, size_t n);
struct blob *blob_ref(struct blob *blob);
void blob_destroy(struct blob *blob); /* gives one reference back */
KF_DEFINE_AUTO(blob)
const char *blob_data(const struct blob *blob);
size_t blob_size(const struct blob *blob);

/*
 * Reports of the last conversions, in memory, for GET /v1/reports/{id}: the oldest go when there
 * are too many, when they are too many bytes together, or when their time is over.
 */
struct reports;

struct reports_limits {
    size_t count_max;
    size_t bytes_max;
    int64_t ttl_ms;
};

struct reports *reports_create(struct reports_limits limits);
void reports_destroy(struct reports *reports);
KF_DEFINE_AUTO(reports)

/**
 * Keep a report under the id of its conversion, for whoever sent that ("": everybody); takes a
 * reference of its own.
 */
void reports_keep(struct reports *reports, const char *id, const char *principal,
                  struct blob *report);

/** A new reference, or NULL when there is none (any more) for this principal. */
struct blob *reports_find(struct reports *reports, const char *id, const char *principal);

#endif
