/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_STORE_PRIVATE_H
#define KF_SERVER_STORE_PRIVATE_H

#include "store.h"

struct db;

struct store {
    struct db *db;
};

/* What store.c reads of a job, in this order. */
#define STORE_COLUMNS                                                                              \
    "id, owner, principal, state, attempt, revision, created, started, finished, expires, bytes, " \
    "cancel, evicted, facts, progress, result"

#endif
