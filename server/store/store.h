/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_STORE_H
#define KF_SERVER_STORE_H

#include "../jobs/id.h"
#include "auto.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is known of every job, in a database that outlives the service and that replicas share.
 *
 *            add                claim                finish
 *   (client) ---->  QUEUED  ----------->  RUNNING  ----------->  SUCCEEDED, FAILED, CANCELLED
 *                     |  ^                 |   |
 *              cancel |  +--- release -----+   | lost (the lease ran out), more than once too often
 *                     v  +------ lost ---------+-->  FAILED
 *                 CANCELLED
 *
 * Every arrow is one statement with its condition in it, so it happens once whoever else tries.
 * Who runs a job holds it by (owner, attempt) and renews its lease; who lost it cannot finish it.
 */
struct store;

enum job_state { STATE_QUEUED, STATE_RUNNING, STATE_SUCCEEDED, STATE_FAILED, STATE_CANCELLED };
#define JOB_STATES 5

#define STORE_NAME_SIZE 129 /* of a principal or client, with its NUL */
#define STORE_KEY_SIZE  256 /* of an idempotency key, with its NUL */

/* One job as recorded. Times are ms since 1970, 0 for none. */
struct stored {
    char id[ID_SIZE], owner[ID_SIZE];
    char principal[STORE_NAME_SIZE]; /* who may see it; "" is everybody */
    enum job_state state;
    int64_t attempt;  /* how often it was begun; names the folder of its result */
    int64_t revision; /* counts changes */
    int64_t created, started, finished, expires;
    int64_t bytes;    /* on the disk */
    bool cancel;      /* it is to be cancelled */
    bool evicted;     /* its result had to go before its time */
    json_t *facts;    /* what it is to do, as it was accepted; owned */
    json_t *progress; /* owned; NULL before it runs */
    json_t *result;   /* owned; NULL before its end */
};
void stored_finish(struct stored *job);

/* "queued", "running", ...; and back, -1 for a strange word. */
const char *job_state_name(enum job_state state);
int job_state_of(const char *name);

static inline bool job_state_ended(enum job_state state)
{
    return state >= STATE_SUCCEEDED;
}

/** True for "postgres://..." and "postgresql://...". */
bool store_is_address(const char *where);

/** Open "postgres://..." or the SQLite file `path`, and make or check its tables. */
struct store *store_open(const char *where, char *error, size_t error_max);
void store_close(struct store *store);
static inline void store_destroy(struct store *store)
{
    store_close(store);
}
KF_DEFINE_AUTO(store)

/** Reach for a database that went away; a thread that may wait does it now and then. */
void store_repair(struct store *store);

/** True when other machines may use it too. */
bool store_is_shared(const struct store *store);

/* A job to be accepted. Strings are borrowed; `key` and `print` are NULL without Idempotency-Key.
 */
struct store_new {
    const char *id, *principal, *client, *key, *print;
    int64_t bytes;
    const json_t *facts;
};

enum store_added {
    STORE_FAILED = -1, /* the database failed: nobody knows whether it is recorded */
    STORE_ADDED,
    STORE_REPLAY,  /* this principal's key brought the same job before: `same` is its id */
    STORE_CONFLICT /* the key was used for something else */
};
enum store_added store_add(struct store *store, const struct store_new *job, char same[ID_SIZE]);

/** True when the key is known: what comes is probably a replay. */
bool store_has_key(struct store *store, const char *principal, const char *key);

/** 1 and where a job is, whoever it belongs to; 0 when there is none, -1. */
int store_look(struct store *store, const char *id, enum job_state *state, int64_t *attempt);

/** 1 and `out` (to be finished), 0 when there is none for this principal, -1. */
int store_get(struct store *store, const char *id, const char *principal, struct stored *out);

/**
 * List a principal's jobs, the newest first: those before `after` ("" for all) and in `state`
 * (-1 for all). How many of `out` were filled, or -1.
 */
int store_list(struct store *store, const char *principal, int state, const char *after,
               struct stored *out, size_t max);

/**
 * Begin the job whose turn it is: of all clients with a waiting one the client that was served
 * least lately, and its oldest. 1 and `out`, 0 when nothing waits, -1.
 */
int store_claim(struct store *store, const char *owner, int64_t lease_ms, struct stored *out);

/** Renew the lease. 1; 0 when it is no longer `job->owner`'s; -1. `cancel` is set when asked for.
 */
int store_renew(struct store *store, const struct stored *job, const json_t *progress,
                int64_t lease_ms, bool *cancel);

/* How a job ended; the JSON is borrowed, `progress` may be NULL. */
struct store_end {
    enum job_state state;
    const json_t *result, *progress;
    int64_t bytes; /* that stay on the disk */
    int64_t ttl_ms;
};

/** End a running job. 1 (also when it had been done already), 0 when it was lost, -1. */
int store_end(struct store *store, const struct stored *job, const struct store_end *end);

/** Give a running job back to the queue; `failed` counts it as lost. 1, 0 when lost, -1. */
int store_release(struct store *store, const struct stored *job, bool failed);

/**
 * Ask for the end of a job. 1, 0 when there is none that has not ended, -1. `ended_out`: it had not
 * begun, so that this was its end; of any other whoever runs it is to hear.
 */
int store_cancel(struct store *store, const char *id, const char *principal, int64_t ttl_ms,
                 bool *ended_out);

/** Forget a job. 1, 0 when there is none, -1. `running_out`: somebody runs it. */
int store_delete(struct store *store, const char *id, const char *principal, bool *running_out);

/**
 * Take jobs from owners whose lease ran out: back to the queue, or to their end with `result` when
 * that has happened STORE_LOST_MAX times. `owner` is the one that is known to be dead although its
 * lease runs, or NULL; "*" stands for all. How many, or -1.
 */
#define STORE_LOST_MAX 5
int64_t store_take_over(struct store *store, const char *owner, const json_t *result,
                        int64_t ttl_ms);

/* What the disk is to lose; called with the id of each job. */
typedef void (*store_drop)(const char *id, void *context);
/** Forget the jobs whose time is over, at most a hundred. How many, or -1. */
int64_t store_expire(struct store *store, store_drop drop, void *context);
/** Mark the oldest result as gone. 1, 0 when there is none, -1. */
int store_evict(struct store *store, store_drop drop, void *context);

/* How much there is. */
struct store_counts {
    int64_t jobs[JOB_STATES];
    int64_t bytes;     /* on the disk, of all */
    int64_t held;      /* of them those of jobs that wait or run, which cannot go */
    int64_t oldest_ms; /* age of the oldest that waits */
};
int store_count(struct store *store, struct store_counts *out);

/** How many jobs wait; -1. */
int64_t store_waiting(struct store *store);

/* A client's jobs that wait or run, and the bytes of their input. */
struct store_load {
    int64_t jobs, bytes;
};
/** 0, or -1. */
int store_of_client(struct store *store, const char *client, struct store_load *out);

/**
 * What has changed since `since` (ms of the database's clock, 0 at first), with a little overlap.
 * `take` gets id and revision of each. The time to ask from next, or -1.
 */
typedef void (*store_changed)(const char *id, int64_t revision, bool ended, void *context);
int64_t store_changes(struct store *store, int64_t since, store_changed take, void *context);

#endif
