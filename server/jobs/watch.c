/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "watch.h"
#include "../clock.h"
#include "../http/request.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS    250
#define EVENTS_MAX 64

struct watch {
    pthread_mutex_t lock;
    pthread_t thread;
    bool started;
    struct watch_hooks hooks;
    LIST_HEAD(, watch_entry) entries;
    uint64_t serial;
    int epoll, stop;
};

/* Take an entry out of list and epoll. Called under the lock. */
static void drop(struct watch *watch, struct watch_entry *entry)
{
    if (entry->kind == WATCH_JOB)
        epoll_ctl(watch->epoll, EPOLL_CTL_DEL, entry->fd, NULL);
    LIST_REMOVE(entry, others);
    entry->kind = WATCH_NONE;
}

static struct watch_entry *find(struct watch *watch, uint64_t serial)
{
    struct watch_entry *entry = LIST_FIRST(&watch->entries);

    while (entry && entry->serial != serial)
        entry = LIST_NEXT(entry, others);
    return entry;
}

static void hang_up(struct watch *watch, uint64_t serial)
{
    struct watch_entry *entry;

    pthread_mutex_lock(&watch->lock);
    entry = find(watch, serial);
    if (entry && entry->kind == WATCH_JOB) {
        drop(watch, entry);
        watch->hooks.gone(entry->request);
    }
    pthread_mutex_unlock(&watch->lock);
}

/* The clock's part of one entry. Called under the lock. */
static void look_at(struct watch *watch, struct watch_entry *entry, int64_t now)
{
    const struct watch_hooks *hooks = &watch->hooks;
    bool stalled;

    if (entry->kind == WATCH_LINGER && now - entry->since > hooks->linger_ms)
        shutdown(entry->fd, SHUT_RDWR);
    if (entry->kind == WATCH_JOB && now - entry->since > hooks->queue_ms &&
        hooks->late(entry->request))
        drop(watch, entry);
    if (entry->kind != WATCH_UPLOAD)
        return;
    if (now - entry->since > hooks->slow_ms)
        hooks->slow(entry->request);
    stalled = now - request_last_byte(entry->request) > hooks->idle_ms;
    if (!stalled && !hooks->is_too_slow(entry->request, now - entry->since))
        return;
    entry->kind = WATCH_LINGER;
    entry->since = now;
    (stalled ? hooks->stalled : hooks->too_slow)(entry->request);
    shutdown(entry->fd, SHUT_RDWR);
}

static void look_at_all(struct watch *watch)
{
    int64_t now = clock_ms();

    struct watch_entry *next;

    pthread_mutex_lock(&watch->lock);
    for (struct watch_entry *entry = LIST_FIRST(&watch->entries); entry; entry = next) {
        next = LIST_NEXT(entry, others);
        look_at(watch, entry, now);
    }
    pthread_mutex_unlock(&watch->lock);
    watch->hooks.tick(watch->hooks.cls);
}

static void *run(void *arg)
{
    struct watch *watch = arg;
    struct epoll_event events[EVENTS_MAX];
    int64_t looked = clock_ms();

    for (;;) {
        int n = epoll_wait(watch->epoll, events, EVENTS_MAX, TICK_MS);

        for (int i = 0; i < n; i++) {
            if (events[i].data.u64 == 0)
                return NULL;
            hang_up(watch, events[i].data.u64);
        }
        if (clock_ms() - looked >= TICK_MS) {
            look_at_all(watch);
            looked = clock_ms();
        }
    }
}

struct watch *watch_create(const struct watch_hooks *hooks)
{
    KF_AUTO(watch) watch = calloc(1, sizeof *watch);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};

    if (!watch)
        return NULL;
    pthread_mutex_init(&watch->lock, NULL);
    watch->hooks = *hooks;
    watch->epoll = epoll_create1(EPOLL_CLOEXEC);
    watch->stop = eventfd(0, EFD_CLOEXEC);
    if (watch->epoll < 0 || watch->stop < 0 ||
        epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->stop, &event) < 0)
        return NULL;
    watch->started = pthread_create(&watch->thread, NULL, run, watch) == 0;
    return watch->started ? watch_take(&watch) : NULL;
}

void watch_destroy(struct watch *watch)
{
    if (!watch)
        return;
    if (watch->started && eventfd_write(watch->stop, 1) == 0)
        pthread_join(watch->thread, NULL);
    if (watch->stop >= 0)
        close(watch->stop);
    if (watch->epoll >= 0)
        close(watch->epoll);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

void watch_begin(struct watch *watch, struct watch_entry *entry, struct request *req, int fd)
{
    pthread_mutex_lock(&watch->lock);
    *entry = (struct watch_entry){.request = req, .kind = WATCH_UPLOAD, .fd = fd};
    entry->serial = ++watch->serial;
    entry->since = clock_ms();
    LIST_INSERT_HEAD(&watch->entries, entry, others);
    pthread_mutex_unlock(&watch->lock);
}

bool watch_change(struct watch *watch, struct watch_entry *entry, enum watch_kind kind)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT};
    bool ok;

    pthread_mutex_lock(&watch->lock);
    ok = entry->kind == WATCH_UPLOAD;
    if (ok) {
        entry->kind = kind;
        entry->since = clock_ms();
        event.data.u64 = entry->serial;
        if (kind == WATCH_JOB)
            epoll_ctl(watch->epoll, EPOLL_CTL_ADD, entry->fd, &event);
    }
    pthread_mutex_unlock(&watch->lock);
    return ok;
}

void watch_end(struct watch *watch, struct watch_entry *entry)
{
    pthread_mutex_lock(&watch->lock);
    if (entry->kind != WATCH_NONE)
        drop(watch, entry);
    pthread_mutex_unlock(&watch->lock);
}

void watch_give_up_all(struct watch *watch)
{
    struct watch_entry *next;

    pthread_mutex_lock(&watch->lock);
    for (struct watch_entry *entry = LIST_FIRST(&watch->entries); entry; entry = next) {
        bool job = entry->kind == WATCH_JOB;

        next = LIST_NEXT(entry, others);
        if (!job) {
            shutdown(entry->fd, SHUT_RDWR);
            continue;
        }
        drop(watch, entry);
        watch->hooks.gone(entry->request);
    }
    pthread_mutex_unlock(&watch->lock);
}
