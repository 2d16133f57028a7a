/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "hub.h"
#include "../clock.h"
#include "../store/store.h"
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* How often the store is asked for what other replicas changed. */
#define TICK_MS 250

struct hub {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool started, closed, stop, look;
    LIST_HEAD(, waiter) waiters;
    unsigned n;
    struct store *store; /* borrowed */
    int64_t since;       /* of the store's clock */
};

/* Out of the list and on with its connection. Called under the lock. */
static void unlink_waiter(struct hub *hub, struct waiter *waiter)
{
    LIST_REMOVE(waiter, others);
    waiter->listed = false;
    hub->n--;
}

static void release(struct hub *hub, struct waiter *waiter)
{
    struct MHD_Connection *connection = waiter->connection;

    unlink_waiter(hub, waiter);
    MHD_resume_connection(connection);
}

/* One job has another revision than `since` it was asked for last. */
static void on_change(const char *id, int64_t revision, bool ended, void *context)
{
    struct hub *hub = context;
    struct waiter *next;

    pthread_mutex_lock(&hub->lock);
    for (struct waiter *waiter = LIST_FIRST(&hub->waiters); waiter; waiter = next) {
        next = LIST_NEXT(waiter, others);
        if (revision != waiter->revision && (ended || !waiter->until_end) &&
            strcmp(waiter->id, id) == 0)
            release(hub, waiter);
    }
    pthread_mutex_unlock(&hub->lock);
}

/* Ask the store what is new. Nothing is missed: what it says overlaps, and begins anew when
 * nobody has waited for a while. */
static void look(struct hub *hub)
{
    if (hub->since <= 0)
        hub->since = store_changes(hub->store, 0, on_change, hub);
    if (hub->since > 0)
        hub->since = store_changes(hub->store, hub->since, on_change, hub);
}

/* Called under the lock. */
static void release_late(struct hub *hub)
{
    int64_t now = clock_ms();
    struct waiter *next;

    for (struct waiter *waiter = LIST_FIRST(&hub->waiters); waiter; waiter = next) {
        next = LIST_NEXT(waiter, others);
        if (hub->closed || waiter->deadline <= now)
            release(hub, waiter);
    }
}

static void sleep_for(struct hub *hub, int ms)
{
    const struct timespec t = clock_after(ms);

    pthread_cond_timedwait(&hub->wake, &hub->lock, &t);
}

static void *run(void *arg)
{
    struct hub *hub = arg;

    pthread_mutex_lock(&hub->lock);
    while (!hub->stop) {
        if (LIST_EMPTY(&hub->waiters)) {
            hub->since = 0;
            pthread_cond_wait(&hub->wake, &hub->lock);
            continue;
        }
        hub->look = false;
        pthread_mutex_unlock(&hub->lock);
        look(hub);
        pthread_mutex_lock(&hub->lock);
        release_late(hub);
        if (!LIST_EMPTY(&hub->waiters) && !hub->look && !hub->stop)
            sleep_for(hub, TICK_MS);
    }
    pthread_mutex_unlock(&hub->lock);
    return NULL;
}

struct hub *hub_create(struct store *store)
{
    KF_AUTO(hub) hub = calloc(1, sizeof *hub);

    if (!hub)
        return NULL;
    hub->store = store;
    pthread_mutex_init(&hub->lock, NULL);
    clock_condition(&hub->wake);
    hub->started = pthread_create(&hub->thread, NULL, run, hub) == 0;
    return hub->started ? hub_take(&hub) : NULL;
}

void hub_destroy(struct hub *hub)
{
    if (!hub)
        return;
    pthread_mutex_lock(&hub->lock);
    hub->stop = true;
    pthread_cond_signal(&hub->wake);
    pthread_mutex_unlock(&hub->lock);
    if (hub->started)
        pthread_join(hub->thread, NULL);
    pthread_cond_destroy(&hub->wake);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

void hub_wait(struct hub *hub, struct waiter *waiter)
{
    MHD_suspend_connection(waiter->connection);
    pthread_mutex_lock(&hub->lock);
    if (hub->closed) {
        MHD_resume_connection(waiter->connection);
    } else {
        LIST_INSERT_HEAD(&hub->waiters, waiter, others);
        waiter->listed = true;
        hub->n++;
        hub->look = true;
        pthread_cond_signal(&hub->wake);
    }
    pthread_mutex_unlock(&hub->lock);
}

void hub_leave(struct hub *hub, struct waiter *waiter)
{
    pthread_mutex_lock(&hub->lock);
    if (waiter->listed)
        unlink_waiter(hub, waiter);
    pthread_mutex_unlock(&hub->lock);
}

void hub_wake(struct hub *hub, const char *id)
{
    on_change(id, -1, true, hub);
}

void hub_look(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    hub->look = true;
    pthread_cond_signal(&hub->wake);
    pthread_mutex_unlock(&hub->lock);
}

void hub_close(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    hub->closed = true;
    release_late(hub);
    pthread_mutex_unlock(&hub->lock);
}

bool hub_is_closed(struct hub *hub)
{
    bool closed;

    pthread_mutex_lock(&hub->lock);
    closed = hub->closed;
    pthread_mutex_unlock(&hub->lock);
    return closed;
}

unsigned hub_waiting(struct hub *hub)
{
    unsigned n;

    pthread_mutex_lock(&hub->lock);
    n = hub->n;
    pthread_mutex_unlock(&hub->lock);
    return n;
}
