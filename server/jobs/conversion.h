/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CONVERSION_H
#define KF_SERVER_CONVERSION_H

#include "../http/body.h"
#include "archive.h"
#include "id.h"
#include "job.h"
#include "params.h"
#include "progress.h"
#include "reports.h"
#include "watch.h"
#include <jansson.h>
#include <microhttpd.h>
#include <stdatomic.h>

struct remote_target;
struct remote_task;

/* What the client wants to get, in the order of preference among equals. */
enum answer_form { ANSWER_ARTIFACT, ANSWER_TAR, ANSWER_ZIP, ANSWER_JSON };

enum cancel_reason { CANCEL_NO, CANCEL_CLIENT, CANCEL_SHUTDOWN };

/*
 * A conversion, plan or inspection: what arrives, what runs, what comes out of it. Owned by its
 * request; the request's stage says which thread may touch it.
 */
struct conversion {
    char id[ID_SIZE];
    enum job_task task;
    struct kf_request params;
    enum answer_form form;
    bool entered;  /* it counts among its client's conversions */
    bool stored;   /* becomes a job of the store, or is one: its files stay where they are */
    unsigned wait; /* seconds that its client waits for the job's end before it hears 202 */

    struct watch_entry watch;
    _Atomic bool reserved;       /* has a place in the queue; who swaps it to false gives it back */
    _Atomic int cancelled;       /* enum cancel_reason */
    int progress;                /* descriptor of the worker's progress record; owned, or -1 */
    struct progress_place place; /* which of several models that is about */
    int cancel_fd;               /* eventfd, becomes readable with `cancelled`; owned */

    char *dir;             /* job folder, owned; gone after the run */
    struct body body;      /* JOB/in */
    struct order *order;   /* owned; where the input is fetched from, NULL when it was sent */
    struct resume *resume; /* owned; of a folder that goes into a folder, NULL else */
    struct parts *parts;   /* owned; likewise */
    uint64_t scratch;      /* bytes set aside in server->scratch */

    struct job_result result;
    json_t *report, *facts;    /* owned; NULL when there is none */
    struct blob *report_text;  /* what GET /v1/reports/{id} answers; owned */
    int artifact;              /* descriptor of the result, its folder gone; owned, or -1 */
    uint64_t artifact_size;    /* bytes */
    char *artifact_name;       /* owned */
    const char *artifact_type; /* its media type where it is an archive of several results */
    bool each;                 /* several results, each of which goes to the target by itself */
    char *delivered;           /* the URI of the result at its target, owned; NULL for none */
    struct archive *archive;   /* of a tar or zip answer; owned until it is sent */

    int64_t began, received, started, ended; /* clock_ms(); 0 when it did not come to that */
};

/**
 * Admit a request for work, or refuse it before a byte of its body is read.
 *
 * Outcomes: 0 and the body may come, or -1 with req->failure set.
 */
int conversion_begin(struct request *req, enum job_task task);

/** Take one option; fails the request with invalid-parameter. */
int conversion_set(struct request *req, const char *name, const char *value);

/** True for tasks that must know what is to be written. */
bool conversion_has_target(const struct conversion *c);

/** The body is complete: suspend the connection and queue the job. -1 with req->failure set. */
int conversion_submit(struct request *req);

/** True when the body may be a request in JSON rather than a model. */
bool conversion_may_order(const struct request *req);

/** Take the body for what it is, when it is a request in JSON. -1 with req->failure set. */
int conversion_take_order(struct request *req);

/** Fetch what was ordered, of a folder in parts the next one; false with the outcome set when it
 * cannot be had. */
bool conversion_bring(struct request *req);

/** True when there are more files below the source than one part has. */
bool conversion_in_parts(const struct conversion *c);

/** Is there another part? Then what came of this one is gone. */
bool conversion_next_part(struct request *req);

/** Put a summary below the target under the name of its own part; -1 with req->failure. */
int conversion_deliver_part(struct request *req, const char *name, const json_t *summary);

/** May the results of several models go where they were ordered to? -1 with req->failure. */
int conversion_check_several(struct request *req);

/** Put one of several results and its report, either of which may be NULL, below the target. */
int conversion_deliver_one(struct request *req, const char *output, const char *artifact,
                           const json_t *report);

/** True where the result is a folder whose files go below the target one by one. */
bool conversion_is_unpacked(const struct conversion *c);

/** Put them there, the file last that tells the folder from one under way. -1 with task->failure.
 */
int conversion_store_folder(struct request *req, struct remote_task *task,
                            struct remote_target *target);

/** Put the result where it was ordered to; sets the outcome when that cannot be. */
void conversion_deliver(struct request *req);

/** Work with what is far away, for this request; and make what went wrong there its failure, -1,
 * which being cancelled is not. */
struct remote_task conversion_task(struct request *req);
int conversion_fail(struct request *req, const struct remote_task *task);

/**
 * Run the worker and read what it wrote. In a supervisor's thread, which gives the descriptor to
 * scratch_drop() when all else is done.
 */
int conversion_run(struct request *req);

/**
 * The worker has found several models in the `inputs`: run one worker for each, and put what they
 * made into one archive, as artefact of the conversion. Its report is the summary.
 */
void conversion_run_batch(struct request *req, const struct job_input *inputs, size_t n_inputs);

/** All that was to be made is there already: the summary says so. */
void conversion_skip(struct request *req);

/** Give the connection back to its thread. The caller must not touch the request afterwards. */
void conversion_resume(struct request *req);

/**
 * Cancel a job that watch.c has just dropped, under its lock: out of the queue and back to its
 * connection, or its supervisor is told to kill the worker.
 */
void conversion_cancel(struct request *req, enum cancel_reason reason);

/** Choose the words for a job without a result: sets req->failure. */
void conversion_explain(struct request *req);

/** Answer 429 for a request that waits still; false when a worker has it. Under watch.c's lock. */
bool conversion_late(struct request *req);

/** Send the outcome. */
enum MHD_Result conversion_answer(struct request *req);

/** Free it, remove its folder, give back what it reserved. */
void conversion_destroy(struct request *req);

/** Give back the reserved place in the queue, if it is still held. */
void conversion_unreserve(struct request *req);

#endif
