/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_HUB_H
#define KF_SERVER_HUB_H

#include "auto.h"
#include "id.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct MHD_Connection;
struct store;

/*
 * Connections that wait for a job to change: suspended, listed here, and resumed by one thread
 * when that happened, when their time is over, or when the service drains. What other replicas
 * change is seen by asking the store a few times a second, but only while somebody waits.
 */
struct hub;

/* Who waits; part of a request or stream. Only hub.c looks inside once hub_wait() was called. */
struct waiter {
    LIST_ENTRY(waiter) others;
    struct MHD_Connection *connection; /* borrowed */
    char id[ID_SIZE];
    int64_t revision; /* wake when the job's is another... */
    bool until_end;   /* ...and it has ended */
    int64_t deadline; /* clock_ms() */
    bool listed;
};

struct hub *hub_create(struct store *store);
/** Stop the thread; nobody may wait. */
void hub_destroy(struct hub *hub);
KF_DEFINE_AUTO(hub)

/** Suspend the waiter's connection until there is reason to go on. In the connection's thread. */
void hub_wait(struct hub *hub, struct waiter *waiter);

/** Forget a waiter whose connection ends; twice is fine. */
void hub_leave(struct hub *hub, struct waiter *waiter);

/** A job is gone: wake who waits for it. */
void hub_wake(struct hub *hub, const char *id);

/** Something has changed here: look now. */
void hub_look(struct hub *hub);

/** Wake everybody, now and from now on. */
void hub_close(struct hub *hub);
bool hub_is_closed(struct hub *hub);

unsigned hub_waiting(struct hub *hub);

#endif
