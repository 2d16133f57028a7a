/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "jobs.h"
#include "../clock.h"
#include "../log.h"
#include "../server.h"
#include "../settings/config.h"
#include "conversion.h"
#include "data.h"
#include "hub.h"
#include "jobs_private.h"
#include "queue.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

struct store *jobs_store(struct jobs *jobs)
{
    return jobs->store;
}

struct data *jobs_data(struct jobs *jobs)
{
    return jobs->data;
}

struct hub *jobs_hub(struct jobs *jobs)
{
    return jobs->hub;
}

int64_t jobs_ttl(const struct jobs *jobs)
{
    return (int64_t)jobs->server->config->job_ttl * 1000;
}

int64_t jobs_lease(const struct jobs *jobs)
{
    return (int64_t)jobs->server->config->lease * 1000;
}

static struct data *open_data(const struct config *config, bool *alone, char *error, size_t max)
{
    char path[PATH_MAX];
    struct data *data = NULL;

    if (config->data[0] != '\0')
        snprintf(path, sizeof path, "%s", config->data);
    else if (snprintf(path, sizeof path, "%s/data", config->scratch_dir) >= (int)sizeof path)
        errno = ENAMETOOLONG;
    data = data_open(path, alone);
    if (!data)
        snprintf(error, max, "KFERRY_DATA, %s: %s", path, strerror(errno));
    return data;
}

static struct store *open_store(const struct config *config, const struct data *data, char *error,
                                size_t max)
{
    char path[PATH_MAX];

    if (store_is_address(config->store))
        return store_open(config->store, error, max);
    if (strcmp(config->store, "sqlite") != 0) { /* not shown: it may hold a password */
        snprintf(error, max, "KFERRY_STORE must be \"sqlite\" or postgres://...");
        return NULL;
    }
    if (snprintf(path, sizeof path, "%s/jobs.db", data_dir(data)) >= (int)sizeof path)
        return NULL;
    return store_open(path, error, max);
}

/* What an earlier run of this service left: nobody else is there to be working on it. */
static void put_in_order(struct jobs *jobs)
{
    json_t *result = jobs_lost_result();
    int64_t n = store_take_over(jobs->store, "*", result, jobs_ttl(jobs));

    json_decref(result);
    if (n > 0)
        log_event(LOG_WARNING, "jobs-recovered", NULL,
                  "%lld jobs were running when the service ended", (long long)n);
    jobs_sweep(jobs, 0);
}

struct jobs *jobs_open(struct server *server, char *error, size_t error_max)
{
    KF_AUTO(jobs) jobs = calloc(1, sizeof *jobs);
    bool alone = false;

    snprintf(error, error_max, "out of memory");
    if (!jobs)
        return NULL;
    jobs->server = server;
    pthread_mutex_init(&jobs->lock, NULL);
    clock_condition(&jobs->wake);
    id_create(jobs->owner);
    atomic_init(&jobs->beat, clock_ms());
    jobs->data = open_data(server->config, &alone, error, error_max);
    if (jobs->data)
        jobs->store = open_store(server->config, jobs->data, error, error_max);
    if (jobs->store)
        jobs->hub = hub_create(jobs->store);
    if (!jobs->hub)
        return NULL;
    if (alone && !store_is_shared(jobs->store))
        put_in_order(jobs);
    data_share(jobs->data);
    return jobs_take(&jobs);
}

void jobs_close(struct jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stop = true;
    pthread_cond_signal(&jobs->wake);
    pthread_mutex_unlock(&jobs->lock);
    if (jobs->started)
        pthread_join(jobs->keeper, NULL);
    hub_destroy(jobs->hub);
    store_close(jobs->store);
    data_close(jobs->data);
    pthread_cond_destroy(&jobs->wake);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

void jobs_drain(struct jobs *jobs)
{
    atomic_store(&jobs->draining, true);
    hub_close(jobs->hub);
}

void jobs_changed(struct server *server)
{
    queue_nudge(server->queue);
    hub_look(server->jobs->hub);
}

void jobs_counts(struct jobs *jobs, struct store_counts *out)
{
    pthread_mutex_lock(&jobs->lock);
    *out = jobs->counts;
    pthread_mutex_unlock(&jobs->lock);
}

int64_t jobs_beat(const struct jobs *jobs)
{
    return atomic_load(&jobs->beat);
}

unsigned jobs_running(struct jobs *jobs)
{
    unsigned n;

    pthread_mutex_lock(&jobs->lock);
    n = jobs->n_running;
    pthread_mutex_unlock(&jobs->lock);
    return n;
}

void jobs_unnote(struct jobs *jobs, struct running *running)
{
    struct running **link;

    pthread_mutex_lock(&jobs->lock);
    for (link = &jobs->running; *link != running; link = &(*link)->next)
        continue;
    *link = running->next;
    jobs->n_running--;
    pthread_mutex_unlock(&jobs->lock);
}

bool jobs_is_lost(struct jobs *jobs, const struct running *running)
{
    bool lost;

    pthread_mutex_lock(&jobs->lock);
    lost = running->lost;
    pthread_mutex_unlock(&jobs->lock);
    return lost;
}

/* Called under the lock. */
static void stop_worker(struct running *running, enum cancel_reason reason)
{
    atomic_store(&running->conversion->cancelled, (int)reason);
    (void)eventfd_write(running->conversion->cancel_fd, 1);
}

void jobs_note(struct jobs *jobs, struct running *running)
{
    pthread_mutex_lock(&jobs->lock);
    running->next = jobs->running;
    jobs->running = running;
    jobs->n_running++;
    if (jobs->giving_up)
        stop_worker(running, CANCEL_SHUTDOWN);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_stop_worker(struct jobs *jobs, const char *id)
{
    pthread_mutex_lock(&jobs->lock);
    for (struct running *running = jobs->running; running; running = running->next)
        if (strcmp(running->job->id, id) == 0)
            stop_worker(running, CANCEL_CLIENT);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_give_up(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->giving_up = true;
    for (struct running *running = jobs->running; running; running = running->next)
        stop_worker(running, CANCEL_SHUTDOWN);
    pthread_mutex_unlock(&jobs->lock);
}
