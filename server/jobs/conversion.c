/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "conversion.h"
#include "../clock.h"
#include "../http/clients.h"
#include "../http/request.h"
#include "../measure.h"
#include "../server.h"
#include "../settings/config.h"
#include "jobs.h"
#include "left.h"
#include "order.h"
#include "outcome.h"
#include "parts.h"
#include "progress.h"
#include "queue.h"
#include "report_json.h"
#include "resume.h"
#include "scratch.h"
#include <errno.h>
#include <inttypes.h>
#include <kf/report.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void conversion_unreserve(struct request *req)
{
    if (!atomic_exchange(&req->conversion->reserved, false))
        return;
    if (req->conversion->stored)
        jobs_unreserve(req->server->jobs);
    else
        queue_unreserve(req->server->queue);
}

void conversion_destroy(struct request *req)
{
    struct conversion *c = req->conversion;

    watch_end(req->server->watch, &c->watch);
    conversion_unreserve(req);
    if (c->entered)
        clients_leave(req->server->clients, req->client);
    body_finish(&c->body);
    if (c->dir && c->stored)
        jobs_discard(req->server->jobs, c->id);
    else if (c->dir)
        job_dir_remove(c->dir);
    scratch_release(req->server->scratch, c->scratch);
    if (c->cancel_fd >= 0)
        close(c->cancel_fd);
    if (c->progress >= 0)
        close(c->progress);
    if (c->artifact >= 0)
        close(c->artifact);
    json_decref(c->report);
    json_decref(c->facts);
    blob_destroy(c->report_text);
    archive_destroy(c->archive);
    kf_request_finish(&c->params);
    order_destroy(c->order);
    resume_destroy(c->resume);
    parts_destroy(c->parts);
    free(c->delivered);
    free(c->artifact_name);
    free(c->dir);
    free(c);
    req->conversion = NULL;
}

bool conversion_has_target(const struct conversion *c)
{
    return c->task == JOB_CONVERT || c->task == JOB_PLAN;
}

static size_t count_files(const struct conversion *c)
{
    size_t n = c->order ? 0 : 1;

    for (size_t i = 0; c->order && i < c->order->n_files; i++)
        n += !c->order->files[i].architecture;
    for (size_t i = 0; i < c->body.n_further; i++)
        n += !c->body.further[i].architecture;
    return n;
}

/* Everything is known: write down what the worker is to do. */
static int prepare(struct request *req)
{
    struct conversion *c = req->conversion;
    struct job_input inputs[BODY_FILES_MAX];
    struct kf_param_error err = {0};
    size_t n;

    KF_TRY(body_end(req));
    KF_TRY(conversion_take_order(req));
    if (c->task == JOB_DIFF && count_files(c) != 2)
        return request_fail(req, "invalid-request",
                            "two files are compared: send a form with two parts called \"file\"");
    if (conversion_has_target(c) && kf_request_check(&c->params, &err) < 0) {
        memcpy(req->failure.parameter, err.parameter, sizeof err.parameter);
        return request_fail(req, "invalid-parameter", "%s", err.detail);
    }
    if (c->params.verify && (c->stored || (c->form != ANSWER_TAR && c->form != ANSWER_ZIP)))
        return request_fail(
            req, "invalid-parameter",
            "the script of verify=script comes with the result in an archive, and in "
            "no job: Accept application/x-tar or application/zip");
    n = c->order ? 0 : body_list(&c->body, c->params.filename, inputs);
    if (job_write_request(c->dir, &c->params, inputs, n, (struct job_told){.passes = !c->stored}) <
        0)
        return request_fail(req, "scratch-full", "the job cannot be stored: %s", strerror(errno));
    return 0;
}

/*
 * Suspend before the push: from then on the supervisor may resume at any moment, and this thread
 * must not touch the request any more.
 */
int conversion_submit(struct request *req)
{
    struct conversion *c = req->conversion;
    struct queue *queue = req->server->queue;

    c->received = clock_ms();
    KF_TRY(prepare(req));
    if (!watch_change(req->server->watch, &c->watch, WATCH_JOB)) {
        atomic_store(&req->stage, REQUEST_SENT);
        return request_fail(req, "upload-timeout", "the upload stalled");
    }
    if (c->stored) {
        watch_end(req->server->watch, &c->watch);
        return jobs_accept(req);
    }
    MHD_suspend_connection(req->connection);
    atomic_store(&req->stage, REQUEST_QUEUED);
    if (queue_push(queue, req, atomic_exchange(&c->reserved, false)))
        return 0;
    req->failure.retry_after = queue_retry_after(queue);
    request_fail(req, "shutting-down", "the service is stopping");
    conversion_resume(req);
    return 0;
}

/* The outcome is there; the connection's thread goes on. Nobody watches the request any more. */
static void resume(struct request *req)
{
    struct MHD_Connection *connection = req->connection;

    atomic_store(&req->last_byte, clock_ms());
    atomic_store(&req->stage, REQUEST_DONE);
    MHD_resume_connection(connection);
}

void conversion_resume(struct request *req)
{
    watch_end(req->server->watch, &req->conversion->watch);
    resume(req);
}

void conversion_cancel(struct request *req, enum cancel_reason reason)
{
    struct conversion *c = req->conversion;

    atomic_store(&c->cancelled, (int)reason);
    if (queue_remove(req->server->queue, req)) {
        c->result.outcome = JOB_CANCELLED;
        resume(req);
    } else {
        (void)eventfd_write(c->cancel_fd, 1);
    }
}

bool conversion_late(struct request *req)
{
    if (!queue_remove(req->server->queue, req))
        return false;
    req->failure.retry_after = queue_retry_after(req->server->queue);
    request_fail(req, "queue-timeout", "no worker was free for %" PRIu64 " seconds",
                 req->server->config->queue_timeout);
    resume(req);
    return true;
}

/* Some of its results are there already, or will be: whatever is left is some of several. */
static bool goes_on(const struct conversion *c)
{
    return conversion_in_parts(c) || (c->resume && resume_count(c->resume) > 0);
}

static void run_worker(struct request *req, const struct job_input *inputs, size_t n_inputs)
{
    struct conversion *c = req->conversion;
    const struct config *config = req->server->config;
    const struct job job = {
        .dir = c->dir,
        .inputs = inputs,
        .n_inputs = n_inputs,
        .task = goes_on(c) ? JOB_LIST : c->task,
        .sandbox = (enum sandbox_mode)config->sandbox,
        .limits = config_job_limits(config),
        .progress = c->progress,
        .cancel_fd = c->cancel_fd,
    };

    job_run(&job, &c->result);
    if (c->stored || c->order)
        job_bury(); /* no answer waits, and storing the result may take its time */
}

/* Did the worker hand several models back? */
static bool has_models(const struct conversion *c)
{
    char path[PATH_MAX];

    return snprintf(path, sizeof path, "%s/models.json", c->dir) < (int)sizeof path &&
           access(path, F_OK) == 0;
}

/* Was there nothing in it that is a model? Any other refusal is of all that came. */
static bool has_none(const struct conversion *c)
{
    json_t *report = left_json(c->dir, "report.json");
    bool none = kf_report_json_refused(report, KF_NOT_A_MODEL);

    json_decref(report);
    return none;
}

/* Two workers in a row that could not be started or confined: readyz says so. */
static void note_worker(struct server *server, enum job_outcome outcome)
{
    if (outcome == JOB_INTERNAL || outcome == JOB_NO_SANDBOX)
        atomic_fetch_add(&server->failures, 1);
    else
        atomic_store(&server->failures, 0);
}

/* The input is there: the worker, and more of them where it finds several models. */
static void run_workers(struct request *req)
{
    struct conversion *c = req->conversion;
    struct job_input *inputs = calloc(c->body.n_further + 1, sizeof *inputs);
    int n = inputs ? body_open(&c->body, c->dir, c->params.filename, inputs) : -1;
    bool ended;

    if (atomic_load(&c->cancelled) != CANCEL_NO)
        c->result.outcome = JOB_CANCELLED;
    else if (n > 0)
        run_worker(req, inputs, (size_t)n);
    if (c->result.outcome != JOB_CANCELLED && !body_settle(&c->body))
        c->result.outcome = JOB_INTERNAL;
    ended = n > 0 &&
            (c->result.outcome == JOB_REFUSED || (c->result.outcome == JOB_DONE && goes_on(c)));
    if (ended && has_models(c))
        conversion_run_batch(req, inputs, (size_t)n);
    else if (ended && goes_on(c) && has_none(c))
        conversion_skip(req);
    while (n-- > 0)
        close(inputs[n].fd);
    free(inputs);
}

static void run_part(struct request *req)
{
    struct conversion *c = req->conversion;

    if (!conversion_bring(req))
        return;
    if (c->resume && !c->body.first)
        conversion_skip(req);
    else
        run_workers(req);
}

int conversion_run(struct request *req)
{
    struct conversion *c = req->conversion;
    int input;

    c->started = clock_ms();
    c->result.outcome = JOB_INTERNAL;
    if (c->progress < 0)
        c->progress = progress_create(c->dir);
    do
        run_part(req);
    while (conversion_next_part(req));
    c->ended = clock_ms();
    input = c->stored ? -1 : scratch_hold(req->server->scratch, c->dir, "in");
    outcome_collect(req);
    conversion_deliver(req);
    note_worker(req->server, c->result.outcome);
    measure_worker(req->server, c);
    return input;
}
