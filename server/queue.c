/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "queue.h"
#include "request.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

/* Weight of the newest job in the average, and what a job takes before the first has ended. */
#define EWMA_WEIGHT     0.2
#define JOB_MS_AT_START 1000.0
#define RETRY_AFTER_MAX 60.0

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct request *first, **last;
    struct queue_state state;
    bool closed;
};

struct queue *queue_create(unsigned limit, unsigned workers)
{
    struct queue *queue = calloc(1, sizeof *queue);

    if (!queue)
        return NULL;
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
    free(queue);
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
    bool ok;

    pthread_mutex_lock(&queue->lock);
    if (reserved)
        queue->state.reserved--;
    ok = !queue->closed;
    if (ok) {
        req->next = NULL;
        *queue->last = req;
        queue->last = &req->next;
        queue->state.waiting++;
        pthread_cond_signal(&queue->filled);
    }
    pthread_mutex_unlock(&queue->lock);
    return ok;
}

/* Unlink what `link` points to. Called under the lock. */
static struct request *unlink_at(struct queue *queue, struct request **link)
{
    struct request *req = *link;

    *link = req->next;
    if (!*link)
        queue->last = link;
    req->next = NULL;
    queue->state.waiting--;
    return req;
}

struct request *queue_pop(struct queue *queue)
{
    struct request *req = NULL;

    pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->closed)
        pthread_cond_wait(&queue->filled, &queue->lock);
    if (queue->first) {
        req = unlink_at(queue, &queue->first);
        queue->state.running++;
    }
    pthread_mutex_unlock(&queue->lock);
    return req;
}

void queue_done(struct queue *queue, uint64_t wall_ms)
{
    struct queue_state *s = &queue->state;

    pthread_mutex_lock(&queue->lock);
    s->running--;
    if (wall_ms > 0)
        s->job_ms += EWMA_WEIGHT * ((double)wall_ms - s->job_ms);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_remove(struct queue *queue, struct request *req)
{
    struct request **link;
    bool found;

    pthread_mutex_lock(&queue->lock);
    link = &queue->first;
    while (*link && *link != req)
        link = &(*link)->next;
    found = *link != NULL;
    if (found)
        unlink_at(queue, link);
    pthread_mutex_unlock(&queue->lock);
    return found;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
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

unsigned queue_retry_after(struct queue *queue)
{
    struct queue_state s;
    double seconds;
    unsigned whole;

    queue_look(queue, &s);
    seconds = (s.waiting + s.reserved + s.running) * s.job_ms / 1000.0 / s.workers * jitter();
    if (seconds > RETRY_AFTER_MAX)
        seconds = RETRY_AFTER_MAX;
    whole = (unsigned)seconds;
    return whole + (seconds > whole) > 0 ? whole + (seconds > whole) : 1;
}
