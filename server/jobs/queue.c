/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "queue.h"
#include "../http/request.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Weight of the newest job in the average, and what a job takes before the first has ended. */
#define EWMA_WEIGHT     0.2
#define JOB_MS_AT_START 1000.0
#define RETRY_AFTER_MAX 60.0

/* The requests of one client; or the store's turn, which has none of its own. */
struct lane {
    struct lane *next;
    struct request *first, **last;
    char client[]; /* NUL-terminated */
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct lane *first, **last; /* whose turn it is, in this order */
    struct lane *store;         /* owned; in the list while there may be jobs */
    bool store_listed;
    unsigned nudges;
    struct queue_state state;
    bool closed;
};

static struct lane *lane_create(const char *client)
{
    size_t n = strlen(client) + 1;
    struct lane *lane = calloc(1, sizeof *lane + n);

    if (!lane)
        return NULL;
    lane->last = &lane->first;
    memcpy(lane->client, client, n);
    return lane;
}

struct queue *queue_create(unsigned limit, unsigned workers)
{
    struct queue *queue = calloc(1, sizeof *queue);

    if (!queue)
        return NULL;
    queue->store = lane_create("");
    if (!queue->store) {
        free(queue);
        return NULL;
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->filled, NULL);
    queue->last = &queue->first;
    queue->state.limit = limit;
    queue->state.workers = workers;
    queue->state.job_ms = JOB_MS_AT_START;
    return queue;
}

void queue_destroy(struct queue *queue)
{
    if (!queue)
        return;
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
    free(queue->store);
    free(queue);
}

/* The last in the order. Called under the lock, as all that follow. */
static void append_lane(struct queue *queue, struct lane *lane)
{
    lane->next = NULL;
    *queue->last = lane;
    queue->last = &lane->next;
}

static void unlink_lane(struct queue *queue, struct lane *lane)
{
    struct lane **link = &queue->first;

    while (*link != lane)
        link = &(*link)->next;
    *link = lane->next;
    if (!*link)
        queue->last = link;
}

/* The lane of a client, made when it has none; NULL when memory ran out. */
static struct lane *lane_of(struct queue *queue, const char *client)
{
    struct lane *lane = queue->first;

    while (lane && (lane == queue->store || strcmp(lane->client, client) != 0))
        lane = lane->next;
    if (lane)
        return lane;
    lane = lane_create(client);
    if (lane)
        append_lane(queue, lane);
    return lane;
}

static bool has_room(const struct queue *queue)
{
    const struct queue_state *s = &queue->state;

    return !queue->closed && s->waiting + s->reserved + s->running < s->limit + s->workers;
}

bool queue_reserve(struct queue *queue)
{
    bool ok;

    pthread_mutex_lock(&queue->lock);
    ok = has_room(queue);
    if (ok)
        queue->state.reserved++;
    pthread_mutex_unlock(&queue->lock);
    return ok;
}

void queue_unreserve(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->state.reserved--;
    pthread_mutex_unlock(&queue->lock);
}

bool queue_push(struct queue *queue, struct request *req, bool reserved)
{
    struct lane *lane = NULL;

    pthread_mutex_lock(&queue->lock);
    if (reserved)
        queue->state.reserved--;
    if (!queue->closed)
        lane = lane_of(queue, req->client);
    if (lane) {
        req->next = NULL;
        *lane->last = req;
        lane->last = &req->next;
        queue->state.waiting++;
        pthread_cond_signal(&queue->filled);
    }
    pthread_mutex_unlock(&queue->lock);
    return lane != NULL;
}

/* Unlink what `link` points to; a lane that is empty goes. */
static struct request *unlink_at(struct queue *queue, struct lane *lane, struct request **link)
{
    struct request *req = *link;

    *link = req->next;
    if (!*link)
        lane->last = link;
    req->next = NULL;
    queue->state.waiting--;
    if (lane->first)
        return req;
    unlink_lane(queue, lane);
    free(lane);
    return req;
}

/* Take from the lane whose turn it is, and put it last. NULL for the store's. */
static struct request *take_turn(struct queue *queue)
{
    struct lane *lane = queue->first;

    unlink_lane(queue, lane);
    append_lane(queue, lane);
    return lane == queue->store ? NULL : unlink_at(queue, lane, &lane->first);
}

bool queue_pop(struct queue *queue, struct request **out, unsigned *seen)
{
    bool ok;

    *out = NULL;
    pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->closed)
        pthread_cond_wait(&queue->filled, &queue->lock);
    ok = queue->first != NULL;
    if (ok) {
        *out = take_turn(queue);
        *seen = queue->nudges;
        queue->state.running++;
    }
    pthread_mutex_unlock(&queue->lock);
    return ok;
}

void queue_nudge(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->nudges++;
    if (!queue->store_listed && !queue->closed) {
        queue->store_listed = true;
        append_lane(queue, queue->store);
    }
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

void queue_store_done(struct queue *queue, unsigned seen, bool empty)
{
    pthread_mutex_lock(&queue->lock);
    queue->state.running--;
    if (empty && queue->store_listed && queue->nudges == seen) {
        queue->store_listed = false;
        unlink_lane(queue, queue->store);
    }
    pthread_mutex_unlock(&queue->lock);
}

static void average(struct queue_state *s, uint64_t wall_ms)
{
    if (wall_ms > 0)
        s->job_ms += EWMA_WEIGHT * ((double)wall_ms - s->job_ms);
}

void queue_done(struct queue *queue, uint64_t wall_ms)
{
    pthread_mutex_lock(&queue->lock);
    queue->state.running--;
    average(&queue->state, wall_ms);
    pthread_mutex_unlock(&queue->lock);
}

void queue_average(struct queue *queue, uint64_t wall_ms)
{
    pthread_mutex_lock(&queue->lock);
    average(&queue->state, wall_ms);
    pthread_mutex_unlock(&queue->lock);
}

/* Where a request stands in a lane, or NULL. */
static struct request **find_in(struct lane *lane, const struct request *req)
{
    struct request **link = &lane->first;

    while (*link && *link != req)
        link = &(*link)->next;
    return *link ? link : NULL;
}

bool queue_remove(struct queue *queue, struct request *req)
{
    struct request **link = NULL;
    struct lane *lane;

    pthread_mutex_lock(&queue->lock);
    for (lane = queue->first; lane && !link;) {
        link = find_in(lane, req);
        if (!link)
            lane = lane->next;
    }
    if (link)
        unlink_at(queue, lane, link);
    pthread_mutex_unlock(&queue->lock);
    return link != NULL;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    if (queue->store_listed)
        unlink_lane(queue, queue->store);
    queue->store_listed = false;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

void queue_look(struct queue *queue, struct queue_state *out)
{
    pthread_mutex_lock(&queue->lock);
    *out = queue->state;
    pthread_mutex_unlock(&queue->lock);
}

/* Between 0.8 and 1.2, so that those who were sent away do not come back together. */
static double jitter(void)
{
    uint16_t r = 0;

    if (getrandom(&r, sizeof r, 0) != (ssize_t)sizeof r)
        return 1.0;
    return 0.8 + 0.4 * r / UINT16_MAX;
}

unsigned queue_wait_seconds(struct queue *queue, double ahead)
{
    struct queue_state s;
    double seconds;
    unsigned whole;

    queue_look(queue, &s);
    seconds = ahead * s.job_ms / 1000.0 / s.workers * jitter();
    if (seconds > RETRY_AFTER_MAX)
        seconds = RETRY_AFTER_MAX;
    whole = (unsigned)seconds;
    return whole + (seconds > whole) > 0 ? whole + (seconds > whole) : 1;
}

unsigned queue_retry_after(struct queue *queue)
{
    struct queue_state s;

    queue_look(queue, &s);
    return queue_wait_seconds(queue, s.waiting + s.reserved + s.running);
}
