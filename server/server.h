/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_SERVER_H
#define KF_SERVER_SERVER_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct auth;
struct clients;
struct config;
struct connections;
struct jobs;
struct metrics;
struct queue;
struct remote;
struct reports;
struct scratch;
struct watch;

/* So many workers in a row that fail are no chance: the service is not ready. */
#define SERVER_FAILURES_MAX 2

enum server_state {
    SERVER_STARTING,
    SERVER_READY,
    SERVER_DRAINING, /* no new work; what runs may finish */
    SERVER_STOPPING  /* the time for that is over, or nobody wants to wait */
};

/* What all threads of the service share. Made by serve.c; each part has its own lock. */
struct server {
    const struct config *config;
    struct auth *auth;
    struct clients *clients;
    struct connections *connections;
    struct jobs *jobs;
    struct metrics *metrics;
    struct queue *queue;
    struct remote *remote;
    struct reports *reports;
    struct scratch *scratch;
    struct watch *watch;
    json_t *sandbox;           /* what `kferry-worker probe` said; not changed after the start */
    _Atomic int state;         /* enum server_state */
    _Atomic unsigned failures; /* workers in a row that could not be started or used */
    _Atomic int64_t beat;      /* clock_ms() when watch.c last looked */
    _Atomic unsigned active;   /* requests between their headers and the end of their answer */
    int64_t started;           /* clock_ms() */
};

/**
 * Which thread hangs that every conversion needs, NULL when none does. What is elsewhere, a disk or
 * a database, restarts nobody.
 */
const char *server_stuck(const struct server *server);

static inline bool server_takes_work(const struct server *server)
{
    return atomic_load(&server->state) < SERVER_DRAINING;
}

#endif
