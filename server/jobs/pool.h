/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_POOL_H
#define KF_SERVER_POOL_H

#include "auto.h"
#include <stddef.h>

struct server;

/* Supervisors: one thread a worker slot, each runs one job at a time to its end. */
struct pool;

/** Start `n` supervisors that take from the queue and the store; NULL when a thread cannot be
 * started. */
struct pool *pool_create(struct server *server, unsigned n);

/** Close the queue, let the supervisors finish what is in it, and join them. */
void pool_destroy(struct pool *pool);
KF_DEFINE_AUTO(pool)

#endif
