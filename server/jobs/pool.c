/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "pool.h"
#include "../http/request.h"
#include "../server.h"
#include "conversion.h"
#include "jobs.h"
#include "queue.h"
#include "scratch.h"
#include "worker_wait.h"
#include <pthread.h>
#include <stdlib.h>

struct pool {
    struct server *server; /* borrowed */
    unsigned n;
    pthread_t threads[];
};

static void *supervise(void *arg)
{
    struct server *server = arg;
    struct queue *queue = server->queue;
    struct request *req;
    unsigned seen = 0;
    int input;

    for (worker_ready(); queue_pop(queue, &req, &seen); job_bury(), worker_ready()) {
        if (!req) {
            queue_store_done(queue, seen, !jobs_run_next(server));
            continue;
        }
        atomic_store(&req->stage, REQUEST_RUNNING);
        input = conversion_run(req);
        queue_done(queue, req->conversion->result.wall_ms);
        conversion_resume(req);
        scratch_drop(server->scratch, input);
    }
    worker_dismiss();
    return NULL;
}

struct pool *pool_create(struct server *server, unsigned n)
{
    KF_AUTO(pool) pool = calloc(1, sizeof *pool + n * sizeof pool->threads[0]);

    if (!pool)
        return NULL;
    pool->server = server;
    for (; pool->n < n; pool->n++)
        if (pthread_create(&pool->threads[pool->n], NULL, supervise, server) != 0)
            return NULL;
    return pool_take(&pool);
}

void pool_destroy(struct pool *pool)
{
    if (!pool)
        return;
    queue_close(pool->server->queue);
    for (unsigned i = 0; i < pool->n; i++)
        pthread_join(pool->threads[i], NULL);
    free(pool);
}
