/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_QUEUE_H
#define KF_SERVER_QUEUE_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Requests whose body has arrived, waiting for a worker; bounded and closable.
 *
 * An upload that begins reserves its place, so that nobody sends a model only to hear 429:
 *
 *   waiting + reserved + running <= limit + workers    for a reservation to be given
 *
 * A slow upload loses its reservation (watch.c), because it must not keep fast ones out, but it is
 * still queued when it has arrived. So the queue is bounded by the limit and, above that, by the
 * uploads that were admitted before, which are fewer than KFERRY_CONNECTIONS_MAX.
 */
struct queue;
struct request;

/*
 * Fair between clients: each has a lane of its own, in the order in which its requests came, and
 * workers take from the lanes in turn. The jobs of the store (store.h) have one lane together; the
 * store is fair between its own clients.
 */

struct queue_state {
    unsigned limit, workers;
    unsigned waiting, reserved, running;
    double job_ms; /* moving average of what one job takes */
};

/** NULL when memory ran out. `limit` may be 0: then nothing waits that finds no free worker. */
struct queue *queue_create(unsigned limit, unsigned workers);
void queue_destroy(struct queue *queue);
KF_DEFINE_AUTO(queue)

/** Reserve a place for an upload that begins; false when there is none. */
bool queue_reserve(struct queue *queue);
void queue_unreserve(struct queue *queue);

/** Append a request that was admitted; `reserved` gives its reservation back. False when closed. */
bool queue_push(struct queue *queue, struct request *req, bool reserved);

/**
 * Wait for work and count it as running; false when the queue is closed and empty.
 *
 * `out` gets a request, or NULL when it is the store's turn; `seen` then goes to
 * queue_store_done().
 */
bool queue_pop(struct queue *queue, struct request **out, unsigned *seen);

/** There may be jobs in the store; wakes whoever waits for work. */
void queue_nudge(struct queue *queue);

/**
 * The store's turn is over. `empty`: it had nothing, and is not asked again unless it was nudged
 * since `seen`.
 */
void queue_store_done(struct queue *queue, unsigned seen, bool empty);

/** Say that a popped request has ended, after `wall_ms` of work. */
void queue_done(struct queue *queue, uint64_t wall_ms);

/** Count `wall_ms` in the average of what a job takes; 0 is none. */
void queue_average(struct queue *queue, uint64_t wall_ms);

/** Take a request out before a worker had it; false when it is not there. */
bool queue_remove(struct queue *queue, struct request *req);

/** Accept nothing more; poppers drain what is there, of requests, and then get false. */
void queue_close(struct queue *queue);

void queue_look(struct queue *queue, struct queue_state *out);

/** Seconds after which a new request has a fair chance: 1 to 60, with 20 % of jitter. */
unsigned queue_retry_after(struct queue *queue);

/** The same when `ahead` jobs come first. */
unsigned queue_wait_seconds(struct queue *queue, double ahead);

#endif
