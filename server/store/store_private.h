/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_STORE_PRIVATE_H
#define KF_SERVER_STORE_PRIVATE_H

#include "store.h"

struct db;
struct db_row;

struct store {
    struct db *db;
};

/* What store.c reads of a job, in this order. */
#define STORE_COLUMNS                                                                              \
    "id, owner, principal, state, attempt, revision, created, started, finished, expires, bytes, " \
    "cancel, evicted, facts, progress, result"

/** Read the first column into the int64_t `context`; for db_run(). */
int store_take_number(const struct db_row *row, void *context);

#endif
