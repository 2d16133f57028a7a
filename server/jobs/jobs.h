/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_JOBS_H
#define KF_SERVER_JOBS_H

#include "../store/store.h"
#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Jobs: conversions that were accepted with 202 and are kept until their end and some time more,
 * whatever happens to this process. The store says what is so; data.h says where files are.
 *
 *   jobs_accept.c   from a request to a row of the store
 *   jobs_run.c      from a row to its end, in a supervisor's thread
 *   jobs_keep.c     one thread: renews leases, takes over, expires, sweeps
 *   job_json.c      a row as clients see it
 */
struct jobs;
struct conversion;
struct data;
struct hub;
struct request;
struct server;

/** Open store and folder and put in order what an earlier run left; `error` gets one sentence. */
struct jobs *jobs_open(struct server *server, char *error, size_t error_max);

/** Begin to renew, take over and clean up; false when the thread cannot be started. */
bool jobs_start(struct jobs *jobs);

/** Begin no more jobs, and let go of everybody who waits for one. */
void jobs_drain(struct jobs *jobs);

/** Stop the workers of all running jobs; they go back to the queue for whoever comes. */
void jobs_give_up(struct jobs *jobs);

void jobs_close(struct jobs *jobs);
static inline void jobs_destroy(struct jobs *jobs)
{
    jobs_close(jobs);
}
KF_DEFINE_AUTO(jobs)

struct store *jobs_store(struct jobs *jobs);
struct data *jobs_data(struct jobs *jobs);
struct hub *jobs_hub(struct jobs *jobs);

/** What there is, as it was about a second ago. */
void jobs_counts(struct jobs *jobs, struct store_counts *out);

/** clock_ms() when the thread that keeps them last began a round. */
int64_t jobs_beat(const struct jobs *jobs);

/** Jobs that run here. */
unsigned jobs_running(struct jobs *jobs);

/* Accepting. */

/** Fill c->stored and c->wait from the route and the header Prefer. */
void jobs_read_preference(struct request *req);

/** Reserve a place for one more, before its body; 0, or -1 with req->failure set. */
int jobs_admit(struct request *req, uint64_t length);
void jobs_unreserve(struct jobs *jobs);

/** Say that the store cannot be reached; -1. */
int jobs_fail_away(struct request *req);

/** A folder for what arrives; malloc'ed, or NULL with errno. */
char *jobs_make_folder(struct jobs *jobs, const char *id);

/** Remove what arrived and was not accepted. */
void jobs_discard(struct jobs *jobs, const char *id);

/** All has arrived: record it. 0 and jobs_answer() is to follow, or -1 with req->failure set. */
int jobs_accept(struct request *req);

/* Running. */

/** Run the job whose turn it is; false when none waits. In a supervisor's thread. */
bool jobs_run_next(struct server *server);

/** End a running job's worker at once, if it runs here. */
void jobs_stop_worker(struct jobs *jobs, const char *id);

/** Look for work and for waiters now: something has changed. */
void jobs_changed(struct server *server);

/* Telling. */

/** A job as clients see it; new reference. */
json_t *jobs_json(const struct stored *job);

/** The error of a job that ended without a result; new reference, NULL where there is none. */
json_t *jobs_error(const struct stored *job);

#endif
