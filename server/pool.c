/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "pool.h"
#include "conversion.h"
#include "queue.h"
#include "request.h"
#include <pthread.h>
#include <stdlib.h>

struct pool {
    struct queue *queue; /* borrowed */
    unsigned n;
    pthread_t threads[];
};

static void *supervise(void *arg)
{
    struct queue *queue = arg;
    struct request *req;

    while ((req = queue_pop(queue))) {
        atomic_store(&req->stage, REQUEST_RUNNING);
        conversion_run(req);
        queue_done(queue, req->conversion->result.wall_ms);
        conversion_resume(req);
    }
    return NULL;
}

struct pool *pool_create(struct queue *queue, unsigned n)
{
    KF_AUTO(pool) pool = calloc(1, sizeof *pool + n * sizeof pool->threads[0]);

    if (!pool)
        return NULL;
    pool->queue = queue;
    for (; pool->n < n; pool->n++)
        if (pthread_create(&pool->threads[pool->n], NULL, supervise, queue) != 0)
            return NULL;
    return pool_take(&pool);
}

void pool_destroy(struct pool *pool)
{
    if (!pool)
        return;
    queue_close(pool->queue);
    for (unsigned i = 0; i < pool->n; i++)
        pthread_join(pool->threads[i], NULL);
    free(pool);
}
