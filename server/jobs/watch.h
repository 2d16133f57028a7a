/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_WATCH_H
#define KF_SERVER_WATCH_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/*
 * One thread that looks at the sockets of conversions, because libmicrohttpd does not look at a
 * suspended one, and closes a stalled one without a word.
 *
 *   WATCH_UPLOAD  the body arrives: 408 when it stalls; a slow one loses its place in the queue
 *   WATCH_LINGER  an answer was written before the body ended: hang up soon
 *   WATCH_JOB     suspended: when the client hangs up, its worker is freed
 */
enum watch_kind { WATCH_NONE, WATCH_UPLOAD, WATCH_LINGER, WATCH_JOB };

struct request;

/* Part of a conversion; only watch.c looks inside. */
struct watch_entry {
    LIST_ENTRY(watch_entry) others;
    struct request *request;
    enum watch_kind kind;
    int fd; /* borrowed from libmicrohttpd; valid while the entry is in the list */
    uint64_t serial;
    int64_t since; /* clock_ms() of the last change of kind */
};

/* What the thread does about what it sees. Called under its lock, so the request stays. */
struct watch_hooks {
    void (*stalled)(struct request *req); /* no byte for `idle_ms` */
    void (*slow)(struct request *req);    /* an upload takes longer than `slow_ms` */
    bool (*is_too_slow)(struct request *req, int64_t ms); /* did it come too slowly for `ms`? */
    void (*too_slow)(struct request *req);                /* an upload did */
    void (*gone)(struct request *req); /* the client hung up; the entry is out of the list */
    bool (*late)(struct request *req); /* waited for `queue_ms`; true when it was taken out */
    void (*tick)(void *cls);           /* a few times a second, without the lock */
    void *cls;                         /* for tick */
    int64_t idle_ms, slow_ms, linger_ms, queue_ms;
};

struct watch;

/** Start the thread; NULL with errno. */
struct watch *watch_create(const struct watch_hooks *hooks);

/** Stop the thread. No entry may be left. */
void watch_destroy(struct watch *watch);
KF_DEFINE_AUTO(watch)

/** Begin to watch a request's socket as an upload. */
void watch_begin(struct watch *watch, struct watch_entry *entry, struct request *req, int fd);

/** Go on as another kind; false when the thread has given the request up (the upload stalled). */
bool watch_change(struct watch *watch, struct watch_entry *entry, enum watch_kind kind);

/** Stop watching; after it the thread does not touch the request. Twice is fine. */
void watch_end(struct watch *watch, struct watch_entry *entry);

/** Call `gone` for all jobs and hang up on all uploads. */
void watch_give_up_all(struct watch *watch);

#endif
