/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"
#include "problem.h"
#include <stdio.h>
#include <time.h>

/* "2026-01-31T12:34:56.789Z", or null for no time. */
static json_t *time_json(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    char date[24], text[40];
    struct tm tm;

    if (ms == 0)
        return json_null();
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof text, "%s.%03dZ", date, (int)(ms % 1000));
    return json_string(text);
}

static json_t *links_json(const char *id)
{
    static const char *const names[] = {"report", "artifact", "events"};
    json_t *links = json_pack("{s:o, s:o}", "self", json_sprintf("/v1/jobs/%s", id), "cancel",
                              json_sprintf("/v1/jobs/%s:cancel", id));

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(links, names[i], json_sprintf("/v1/jobs/%s/%s", id, names[i]));
    return links;
}

json_t *jobs_error(const struct stored *job)
{
    json_t *error = json_object_get(job->result, "error");
    const struct kf_problem cancelled = {.code = "job-cancelled",
                                         .detail = "the job was cancelled"};

    if (error)
        return json_incref(error);
    return job->state == STATE_CANCELLED ? kf_problem_json(&cancelled) : NULL;
}

/* The artefact and what the report says in short; null until there is one. */
static json_t *result_json(const struct stored *job)
{
    static const char *const names[] = {"verdict", "summary", "work_ms", "uri"};
    json_t *result;

    if (job->state != STATE_SUCCEEDED)
        return json_null();
    result = json_deep_copy(json_object_get(job->result, "artifact"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *value = json_object_get(job->result, names[i]);

        if (value)
            json_object_set(result, names[i], value);
    }
    if (job->evicted)
        json_object_set_new(result, "gone", json_true());
    return result ? result : json_null();
}

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value ? value : json_null());
}

json_t *jobs_json(const struct stored *job)
{
    static const char *const facts[] = {"to", "request_id", "trace_id", "target"};
    static const char *const source[] = {"filename", "bytes", "sha256", "uri"};
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:b, s:b, s:I, s:I}", "id", job->id, "object", "job", "state",
        job_state_name(job->state), "done", job_state_ended(job->state), "cancel_requested",
        job->cancel, "attempt", (json_int_t)job->attempt, "revision", (json_int_t)job->revision);
    json_t *from = json_object();

    set(object, "progress", json_incref(job->progress));
    set(object, "created_at", time_json(job->created));
    set(object, "started_at", time_json(job->started));
    set(object, "finished_at", time_json(job->finished));
    set(object, "expires_at", time_json(job->expires));
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        set(object, facts[i], json_incref(json_object_get(job->facts, facts[i])));
    for (size_t i = 0; i < sizeof source / sizeof source[0]; i++)
        set(from, source[i], json_incref(json_object_get(job->facts, source[i])));
    set(object, "source", from);
    set(object, "result", result_json(job));
    set(object, "error", jobs_error(job));
    set(object, "links", links_json(job->id));
    return object;
}
