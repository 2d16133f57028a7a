/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_JOBS_PRIVATE_H
#define KF_SERVER_JOBS_PRIVATE_H

#include "jobs.h"
#include <pthread.h>
#include <stdatomic.h>

/* A job that runs here; lives on its supervisor's stack. */
struct running {
    struct running *next;
    const struct stored *job;
    struct conversion *conversion;
    bool lost; /* it belongs to another replica now, or to nobody; under the lock */
};

struct jobs {
    struct server *server; /* borrowed */
    struct store *store;
    struct data *data;
    struct hub *hub;
    char owner[ID_SIZE]; /* this process */
    _Atomic bool draining;
    _Atomic int64_t beat;
    _Atomic unsigned arriving; /* uploads that become jobs */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    struct running *running;
    unsigned n_running;
    struct store_counts counts;
    bool stop;
    bool giving_up; /* whatever begins to run is to end at once */

    pthread_t keeper;
    bool started;
};

/** Note that a job runs here, or no longer. */
void jobs_note(struct jobs *jobs, struct running *running);
void jobs_unnote(struct jobs *jobs, struct running *running);
bool jobs_is_lost(struct jobs *jobs, const struct running *running);

/** Remove the folders of no job in which nothing has changed for `idle_s` seconds. */
void jobs_sweep(struct jobs *jobs, int64_t idle_s);

/** Make room for `bytes` more by dropping the oldest results; false when there are none left. */
bool jobs_make_room(struct jobs *jobs, uint64_t bytes);

/** Milliseconds that a finished job is kept, and that a lease lasts. */
int64_t jobs_ttl(const struct jobs *jobs);
int64_t jobs_lease(const struct jobs *jobs);

/** The result of a job whose owners died too often; new reference. */
json_t *jobs_lost_result(void);

#endif
