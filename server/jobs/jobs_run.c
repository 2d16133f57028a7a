/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "../digest.h"
#include "../http/reply.h"
#include "../http/request.h"
#include "../log.h"
#include "../measure.h"
#include "../server.h"
#include "../settings/config.h"
#include "conversion.h"
#include "data.h"
#include "jobs_private.h"
#include "order.h"
#include "problem.h"
#include "progress.h"
#include "queue.h"
#include "report_json.h"
#include <fcntl.h>
#include <kf/format.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SUMMARY_MAX 512
/* How long to wait before a store that failed is asked again. */
#define RETRY_MS 500

static void sleep_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

/* Which files came, the first apart: as the body had them when it arrived. */
static int recall_files(struct body *body, const json_t *inputs)
{
    size_t n = json_array_size(inputs);

    if (n == 0 || n > BODY_FILES_MAX)
        return -1;
    body->has_file = true;
    body->further = calloc(n, sizeof *body->further);
    if (!body->further)
        return -1;
    for (size_t i = 1; i < n; i++) {
        const json_t *row = json_array_get(inputs, i);
        const char *role = json_string_value(json_object_get(row, "role"));
        const char *name = json_string_value(json_object_get(row, "name"));
        struct body_file *file = &body->further[body->n_further++];

        file->architecture = role && strcmp(role, "architecture") == 0;
        file->name = strdup(name ? name : "");
        if (!file->name)
            return -1;
    }
    return 0;
}

/* What the request asked for, from the folder of the attempt. */
static int load_request(struct conversion *c)
{
    struct kf_param_error err = {0};
    char path[PATH_MAX];
    json_t *object;
    int status = -1;

    if (snprintf(path, sizeof path, "%s/request.json", c->dir) >= (int)sizeof path)
        return -1;
    object = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    c->order = order_load(c->dir);
    if (object && (c->order || recall_files(&c->body, json_object_get(object, "inputs")) == 0) &&
        json_object_del(object, "inputs") == 0)
        status = kf_request_from_json(&c->params, object, &err);
    if (status == 0 && c->params.options.to)
        status = kf_request_check(&c->params, &err); /* the result is named by its release */
    json_decref(object);
    return status;
}

/* A conversion without a connection, from what was accepted. NULL when it cannot be had. */
static struct conversion *conversion_of(struct jobs *jobs, const struct stored *job)
{
    struct conversion *c = calloc(1, sizeof *c);
    const char *sha256 = json_string_value(json_object_get(job->facts, "sha256"));

    if (!c)
        return NULL;
    c->task = JOB_CONVERT;
    c->stored = true;
    c->form = json_object_get(job->facts, "archive") ? ANSWER_ZIP : ANSWER_ARTIFACT;
    c->artifact = -1;
    c->body = (struct body)BODY_INIT;
    snprintf(c->id, sizeof c->id, "%s", job->id);
    c->body.size = (uint64_t)json_integer_value(json_object_get(job->facts, "bytes"));
    snprintf(c->body.sha256, sizeof c->body.sha256, "%s", sha256 ? sha256 : "");
    c->began = c->received = clock_ms();
    kf_request_init(&c->params);
    c->dir = data_attempt(jobs->data, job->id, job->attempt);
    c->progress = c->dir ? progress_create(c->dir) : -1;
    c->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return c;
}

/* The result as the store keeps it; the digest is what proves the file from now on. */
static json_t *artifact_json(const struct conversion *c)
{
    const char *type = c->artifact_type ? c->artifact_type : kf_artifact_type(&c->params);
    char sha256[65];

    if (digest_sha256(c->artifact, -1, sha256) < 0)
        return NULL;
    return json_pack("{s:s, s:s, s:I, s:s}", "filename", c->artifact_name, "media_type", type,
                     "bytes", (json_int_t)c->artifact_size, "sha256", sha256);
}

static bool save_report(const struct conversion *c)
{
    char path[PATH_MAX];
    FILE *f;
    bool ok;

    if (!c->report_text)
        return true;
    if (snprintf(path, sizeof path, "%s/report.json", c->dir) >= (int)sizeof path)
        return false;
    f = fopen(path, "we");
    if (!f)
        return false;
    ok = fwrite(blob_data(c->report_text), 1, blob_size(c->report_text), f) ==
         blob_size(c->report_text);
    return fclose(f) == 0 && ok;
}

static void add_report(json_t *result, const struct conversion *c)
{
    const char *verdict = json_string_value(json_object_get(c->report, "verdict"));
    char summary[SUMMARY_MAX];

    json_object_set_new(result, "report", json_boolean(c->report_text != NULL));
    if (verdict)
        json_object_set_new(result, "verdict", json_string(verdict));
    if (c->report && kf_report_json_summary(c->report, summary, sizeof summary) == 0)
        json_object_set_new(result, "summary", json_string(summary));
}

/* What the store keeps of an end: the result, or the problem. NULL when it cannot be saved. */
static json_t *result_of(struct request *req)
{
    struct conversion *c = req->conversion;
    json_t *result = json_object(), *part;

    add_report(result, c);
    if (c->dir && c->result.outcome != JOB_CANCELLED && (!save_report(c) || data_sync(c->dir) < 0))
        c->result.outcome = JOB_CANNOT_WRITE;
    if (c->result.outcome == JOB_DONE) {
        part = artifact_json(c);
        if (part)
            json_object_set_new(result, "artifact", part);
        else
            c->result.outcome = JOB_INTERNAL;
    }
    if (c->delivered)
        json_object_set_new(result, "uri", json_string(c->delivered));
    json_object_set_new(result, "outcome", json_string(job_outcome_slug(c->result.outcome)));
    json_object_set_new(result, "work_ms", json_integer((json_int_t)c->result.wall_ms));
    if (c->result.outcome != JOB_DONE && c->result.outcome != JOB_CANCELLED) {
        conversion_explain(req);
        json_object_set_new(result, "error", reply_problem(req, NULL));
    }
    return result;
}

static void log_end(const struct stored *job, const struct conversion *c, const char *state)
{
    const char *request_id = json_string_value(json_object_get(job->facts, "request_id"));
    const char *trace = json_string_value(json_object_get(job->facts, "trace_id"));

    log_event_new(LOG_INFO, "job", request_id,
                  json_pack("{s:s, s:s, s:I, s:s, s:s*, s:I, s:I, s:I, s:i}", "id", job->id,
                            "state", state, "attempt", (json_int_t)job->attempt, "outcome",
                            job_outcome_slug(c->result.outcome), "trace_id", trace, "work_ms",
                            (json_int_t)c->result.wall_ms, "cpu_ms", (json_int_t)c->result.cpu_ms,
                            "max_rss", (json_int_t)c->result.max_rss, "worker_pid", c->result.pid));
}

/* Ends that are no word about the file: it may go better the next time, or elsewhere. */
static bool may_go_better(const struct job_result *result)
{
    return result->outcome == JOB_INTERNAL || result->outcome == JOB_CANNOT_WRITE ||
           result->outcome == JOB_NO_SANDBOX ||
           (result->outcome == JOB_CRASHED && result->signal == SIGKILL);
}

/* Ask until the store answers, or the service has to stop; the lease then does the rest. */
static int end(struct jobs *jobs, const struct stored *job, const struct store_end *how)
{
    int status;

    while ((status = store_end(jobs->store, job, how)) < 0) {
        if (atomic_load(&jobs->server->state) == SERVER_STOPPING)
            return -1;
        sleep_ms(RETRY_MS);
    }
    return status;
}

/* How far it came in the end; NULL when the worker told nothing. */
static json_t *last_progress(const struct conversion *c)
{
    struct progress progress;
    json_t *told;

    if (!progress_read(c->progress, &progress))
        return NULL;
    told = progress_json(&progress, &c->place);
    if (c->result.outcome == JOB_DONE)
        json_object_set_new(told, "percent", json_integer(100));
    return told;
}

static enum job_state state_of(enum job_outcome outcome)
{
    if (outcome == JOB_DONE)
        return STATE_SUCCEEDED;
    return outcome == JOB_CANCELLED ? STATE_CANCELLED : STATE_FAILED;
}

/* It belongs to others now, or to nobody: then its client has deleted it. */
static void leave(struct jobs *jobs, const struct stored *job)
{
    enum job_state state;
    int64_t attempt;

    if (store_look(jobs->store, job->id, &state, &attempt) == 0)
        data_drop(jobs->data, job->id);
    else
        data_drop_attempt(jobs->data, job->id, job->attempt);
}

/* Record how it ended and keep only that; its state, or "lost" when it belongs to others now. */
static const char *conclude(struct jobs *jobs, const struct stored *job, struct request *req)
{
    struct conversion *c = req->conversion;
    json_t *result = result_of(req), *progress = last_progress(c);
    const struct store_end how = {
        .state = state_of(c->result.outcome),
        .result = result,
        .progress = progress,
        .bytes = c->result.outcome == JOB_DONE ? (int64_t)c->artifact_size : 0,
        .ttl_ms = jobs_ttl(jobs),
    };
    int held = end(jobs, job, &how);

    json_decref(result);
    json_decref(progress);
    if (held > 0)
        measure_job(jobs->server, how.state, req->failure.code);
    if (held > 0)
        data_keep_attempt(jobs->data, job->id, job->attempt);
    else if (held == 0)
        leave(jobs, job);
    return held > 0 ? job_state_name(how.state) : "lost";
}

/* The attempt is over: back to the queue, or to its end. */
static void settle(struct jobs *jobs, const struct stored *job, struct request *req)
{
    struct conversion *c = req->conversion;
    bool stopping = atomic_load(&c->cancelled) == CANCEL_SHUTDOWN;

    if (((stopping && c->result.outcome == JOB_CANCELLED) || may_go_better(&c->result)) &&
        store_release(jobs->store, job, !stopping) != 0) {
        data_drop_attempt(jobs->data, job->id, job->attempt);
        measure_job(jobs->server, STATE_QUEUED, NULL);
        log_end(job, c, "queued");
        return;
    }
    log_end(job, c, conclude(jobs, job, req));
}

/* Run one attempt. `req` stands in for the request, which was answered long ago. */
static void attempt(struct jobs *jobs, const struct stored *job, struct request *req)
{
    struct running running = {.job = job, .conversion = req->conversion};
    struct conversion *c = req->conversion;

    jobs_note(jobs, &running);
    if (c->dir && c->cancel_fd >= 0 && load_request(c) == 0)
        conversion_run(req);
    else
        c->result.outcome = JOB_INTERNAL;
    if (jobs_is_lost(jobs, &running)) {
        leave(jobs, job);
        log_end(job, c, "lost");
    } else {
        settle(jobs, job, req);
    }
    jobs_unnote(jobs, &running);
}

static void run_job(struct server *server, const struct stored *job)
{
    struct request req = {.server = server};
    const char *request_id = json_string_value(json_object_get(job->facts, "request_id"));

    snprintf(req.id, sizeof req.id, "%s", request_id ? request_id : "");
    req.conversion = conversion_of(server->jobs, job);
    if (!req.conversion)
        return; /* out of memory: the lease runs out, and somebody tries again */
    attempt(server->jobs, job, &req);
    queue_average(server->queue, req.conversion->result.wall_ms);
    free(req.conversion->dir);
    req.conversion->dir = NULL;
    conversion_destroy(&req);
}

bool jobs_run_next(struct server *server)
{
    struct jobs *jobs = server->jobs;
    struct stored job;

    atomic_fetch_add(&server->active, 1); /* first: a stop waits for who may have claimed one */
    if (atomic_load(&jobs->draining) ||
        store_claim(jobs->store, jobs->owner, jobs_lease(jobs), &job) <= 0) {
        atomic_fetch_sub(&server->active, 1);
        return false;
    }
    hub_look(jobs->hub);
    run_job(server, &job);
    stored_finish(&job);
    jobs_changed(server);
    atomic_fetch_sub(&server->active, 1);
    return true;
}

json_t *jobs_lost_result(void)
{
    const struct kf_problem problem = {
        .code = "job-lost", .detail = "the service was killed too often while this job ran"};

    return json_pack("{s:s, s:o}", "outcome", "job-lost", "error", kf_problem_json(&problem));
}
