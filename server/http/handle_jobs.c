/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "../jobs/conversion.h"
#include "../jobs/data.h"
#include "../jobs/jobs.h"
#include "../server.h"
#include "../settings/config.h"
#include "handlers.h"
#include "reply.h"
#include "request.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX_S   60
#define LIST_MAX     100
#define LIST_DEFAULT 20

int jobs_find(struct request *req, struct stored *out)
{
    int found = store_get(jobs_store(req->server->jobs), req->captured[0], req->principal, out);

    if (found > 0)
        return 0;
    if (found == 0)
        return request_fail(req, "job-not-found",
                            "there is no job with this id, or no longer: jobs are kept for "
                            "%" PRIu64 " seconds after their end",
                            req->server->config->job_ttl);
    return jobs_fail_away(req);
}

bool jobs_has(struct request *req)
{
    struct stored job;
    int found = store_get(jobs_store(req->server->jobs), req->captured[0], req->principal, &job);

    stored_finish(&job);
    return found > 0;
}

/* A whole number in the query, bounded; `fallback` when it is not given. -1 with a failure. */
static int read_query_number(struct request *req, const char *name, int fallback, int most)
{
    const char *text = MHD_lookup_connection_value(req->connection, MHD_GET_ARGUMENT_KIND, name);
    char *stop = NULL;
    long n;

    if (!text)
        return fallback;
    n = strtol(text, &stop, 10);
    if (stop == text || *stop != '\0' || n < 0) {
        snprintf(req->failure.parameter, sizeof req->failure.parameter, "%s", name);
        return request_fail(req, "invalid-parameter", "%s must be a whole number from 0 to %d",
                            name, most);
    }
    return n > most ? most : (int)n;
}

/* The revision is the job's ETag. */
static void add_tag(struct reply *reply, const struct stored *job)
{
    reply_header(reply, "ETag", "\"%" PRId64 "\"", job->revision);
}

static bool has_tag(const struct request *req, const struct stored *job)
{
    const char *given = request_header(req, MHD_HTTP_HEADER_IF_NONE_MATCH);
    char tag[32];

    snprintf(tag, sizeof tag, "\"%" PRId64 "\"", job->revision);
    return given && strstr(given, tag);
}

/*
 * Long poll: hold the answer back until the job has ended or, when the client says which one it
 * knows, until its revision is another. True when the connection is suspended.
 */
static bool hold(struct request *req, const struct stored *job, int seconds, bool known)
{
    struct waiter *waiter = &req->waiter;

    if (seconds == 0 || req->waited || job_state_ended(job->state) ||
        (!known && request_header(req, MHD_HTTP_HEADER_IF_NONE_MATCH)))
        return false;
    req->waited = true;
    waiter->connection = req->connection;
    snprintf(waiter->id, sizeof waiter->id, "%s", job->id);
    waiter->revision = job->revision;
    waiter->until_end = !known;
    waiter->deadline = clock_ms() + seconds * INT64_C(1000);
    hub_wait(jobs_hub(req->server->jobs), waiter);
    return true;
}

static enum MHD_Result show(struct request *req, const struct stored *job)
{
    struct reply reply = {.status = MHD_HTTP_OK};

    add_tag(&reply, job);
    if (has_tag(req, job)) {
        reply.status = MHD_HTTP_NOT_MODIFIED;
        return reply_empty(req, &reply);
    }
    if (!job_state_ended(job->state))
        reply_header(&reply, "Retry-After", "1");
    return reply_json_new(req, &reply, jobs_json(job));
}

static enum MHD_Result get_job(struct request *req)
{
    int seconds = read_query_number(req, "wait", 0, WAIT_MAX_S);
    enum MHD_Result ok = MHD_YES;
    struct stored job;

    if (seconds < 0 || jobs_find(req, &job) < 0)
        return reply_refusal(req);
    if (!hold(req, &job, seconds, has_tag(req, &job)))
        ok = show(req, &job);
    stored_finish(&job);
    return ok;
}

static enum MHD_Result delete_job(struct request *req)
{
    struct jobs *jobs = req->server->jobs;
    struct reply reply = {.status = MHD_HTTP_NO_CONTENT};
    struct stored job;
    bool running;

    if (jobs_find(req, &job) < 0)
        return reply_refusal(req);
    if (store_delete(jobs_store(jobs), job.id, req->principal, &running) < 0) {
        stored_finish(&job);
        jobs_fail_away(req);
        return reply_refusal(req);
    }
    jobs_stop_worker(jobs, job.id);
    hub_wake(jobs_hub(jobs), job.id);
    if (!running)
        data_drop(jobs_data(jobs), job.id);
    stored_finish(&job);
    return reply_empty(req, &reply);
}

enum MHD_Result handle_job(struct request *req)
{
    return strcmp(req->method, "DELETE") == 0 ? delete_job(req) : get_job(req);
}

enum MHD_Result handle_job_cancel(struct request *req)
{
    struct jobs *jobs = req->server->jobs;
    enum MHD_Result ok;
    struct stored job;
    bool ended;

    if (jobs_find(req, &job) < 0)
        return reply_refusal(req);
    if (store_cancel(jobs_store(jobs), job.id, req->principal,
                     (int64_t)req->server->config->job_ttl * 1000, &ended) > 0) {
        jobs_stop_worker(jobs, job.id);
        jobs_changed(req->server);
        if (ended)
            data_drop(jobs_data(jobs), job.id);
    }
    stored_finish(&job);
    if (jobs_find(req, &job) < 0)
        return reply_refusal(req);
    ok = show(req, &job);
    stored_finish(&job);
    return ok;
}

/* Which jobs: their state (-1 for all) and the one after which the page begins. */
static int read_list(struct request *req, int *state, const char **after)
{
    const char *word = MHD_lookup_connection_value(req->connection, MHD_GET_ARGUMENT_KIND, "state");

    *after = MHD_lookup_connection_value(req->connection, MHD_GET_ARGUMENT_KIND, "after");
    if (!*after)
        *after = "";
    *state = job_state_of(word);
    if (word && *state < 0) {
        snprintf(req->failure.parameter, sizeof req->failure.parameter, "state");
        return request_fail(req, "invalid-parameter",
                            "state is queued, running, succeeded, failed or cancelled");
    }
    if (strspn(*after, "0123456789abcdef-") == strlen(*after))
        return 0;
    snprintf(req->failure.parameter, sizeof req->failure.parameter, "after");
    return request_fail(req, "invalid-parameter", "after is the id of a job");
}

enum MHD_Result handle_jobs(struct request *req)
{
    int max = read_query_number(req, "limit", LIST_DEFAULT, LIST_MAX), state = -1, n = 0;
    struct stored jobs[LIST_MAX + 1];
    struct reply reply = {.status = MHD_HTTP_OK};
    json_t *list = NULL, *next = json_null();
    const char *after = "";

    if (max < 0 || read_list(req, &state, &after) < 0)
        return reply_refusal(req);
    max = max == 0 ? LIST_DEFAULT : max;
    n = store_list(jobs_store(req->server->jobs), req->principal, state, after, jobs,
                   (size_t)max + 1);
    if (n < 0) {
        jobs_fail_away(req);
        return reply_refusal(req);
    }
    list = json_array();
    for (int i = 0; i < n; i++) {
        if (i < max)
            json_array_append_new(list, jobs_json(&jobs[i]));
        else
            next = json_string(jobs[i - 1].id);
    }
    for (int i = 0; i < n; i++)
        stored_finish(&jobs[i]);
    return reply_json_new(req, &reply, json_pack("{s:o, s:o}", "jobs", list, "next", next));
}

/* 202: who sent the job hears where it is. */
static enum MHD_Result accepted(struct request *req, const struct stored *job)
{
    struct reply reply = {.status = MHD_HTTP_ACCEPTED};

    reply_header(&reply, "Location", "/v1/jobs/%s", job->id);
    reply_header(&reply, "Conversion-Id", "%s", job->id);
    if (!job_state_ended(job->state))
        reply_header(&reply, "Retry-After", "1");
    if (request_header(req, "Prefer"))
        reply_header(&reply, "Preference-Applied", "respond-async");
    if (req->replayed)
        reply_header(&reply, "Idempotent-Replayed", "true");
    add_tag(&reply, job);
    return reply_json_new(req, &reply, jobs_json(job));
}

enum MHD_Result jobs_answer(struct request *req)
{
    enum MHD_Result ok = MHD_YES;
    struct stored job;

    req->captured[0] = req->job;
    if (jobs_find(req, &job) < 0)
        return reply_refusal(req);
    if (!hold(req, &job, (int)req->conversion->wait, false)) {
        if (req->waited && job_state_ended(job.state))
            ok = jobs_send_artifact(req, &job);
        else
            ok = accepted(req, &job);
    }
    stored_finish(&job);
    return ok;
}
