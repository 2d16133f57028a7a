/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"
#include "clock.h"
#include "http/request.h"
#include "http/routes.h"
#include "jobs/conversion.h"
#include "metrics.h"
#include "problem.h"
#include "server.h"
#include "store/store.h"
#include <kf/format.h>
#include <stdio.h>
#include <string.h>

/* Problems that are about room and time, not about the request. */
static const char *const rejections[] = {
    "queue-full",     "queue-timeout", "client-jobs",   "client-bytes",   "client-requests",
    "body-too-large", "scratch-full",  "shutting-down", "upload-timeout", "upload-too-slow",
};
/* Members of a report's `counts` that are worth a line of their own. */
static const char *const findings[] = {"renamed_tensors", "renamed_layers", "layer_mismatches",
                                       "config_changes",  "lost",           "findings",
                                       "needs",           "problems"};
#define N_FINDINGS   (sizeof findings / sizeof findings[0])
#define N_REJECTIONS (sizeof rejections / sizeof rejections[0])

static const char *const deliveries[] = {"delivered", "failed", "given-up"};

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};

static void add(struct server *server, enum metric metric, double value, const char *label)
{
    metrics_add(server->metrics, metric, value, label, NULL, NULL);
}

void measure_begin(struct server *server)
{
    const struct kf_problem_type *type;

    for (size_t i = 0; (type = kf_problem_at(i)); i++)
        add(server, METRIC_ERRORS, 0, type->code);
    for (size_t i = 0; i < N_REJECTIONS; i++)
        add(server, METRIC_REJECTED, 0, rejections[i]);
    for (int i = JOB_DONE; i <= JOB_INTERNAL; i++)
        add(server, METRIC_WORKER_EXITS, 0, job_outcome_slug((enum job_outcome)i));
    for (int i = 0; i < JOB_STATES; i++)
        add(server, METRIC_JOBS_ENDED, 0, job_state_name((enum job_state)i));
    for (size_t i = 0; i < N_FINDINGS; i++)
        add(server, METRIC_FINDINGS, 0, findings[i]);
    add(server, METRIC_WORKER_CPU, 0, NULL);
    add(server, METRIC_REPLAYS, 0, NULL);
    add(server, METRIC_DISCONNECTS, 0, NULL);
    for (size_t i = 0; i < sizeof deliveries / sizeof deliveries[0]; i++)
        add(server, METRIC_WEBHOOKS, 0, deliveries[i]);
}

/* A client may send any word as a method. */
static const char *method_of(const struct request *req)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(methods[i], req->method) == 0)
            return methods[i];
    return "other";
}

static void measure_failure(struct server *server, const char *code)
{
    add(server, METRIC_ERRORS, 1, kf_problem_type(code)->code);
    for (size_t i = 0; i < N_REJECTIONS; i++)
        if (strcmp(rejections[i], code) == 0)
            add(server, METRIC_REJECTED, 1, code);
}

void measure_request(const struct request *req, bool gone)
{
    struct server *server = req->server;
    const char *route = req->route ? req->route->pattern : "none";
    const struct conversion *c = req->conversion;
    char status[8];

    snprintf(status, sizeof status, "%u", gone && req->status == 0 ? 499 : req->status);
    metrics_add(server->metrics, METRIC_HTTP_REQUESTS, 1, method_of(req), route, status);
    add(server, METRIC_HTTP_DURATION, (double)(clock_ms() - req->began) / 1000, route);
    add(server, METRIC_HTTP_BODY_IN, c ? (double)c->body.received : 0, route);
    add(server, METRIC_HTTP_BODY_OUT, (double)req->bytes_out, route);
    if (gone && req->status == 0)
        add(server, METRIC_DISCONNECTS, 1, NULL);
    if (req->failure.code)
        measure_failure(server, req->failure.code);
    if (req->replayed)
        add(server, METRIC_REPLAYS, 1, NULL);
}

/* What the worker says it read: a name of ours, or "unknown". */
static const char *source_of(const struct conversion *c)
{
    const json_t *source = json_object_get(c->report, "source");
    const char *name = json_string_value(json_object_get(source, "format"));
    const struct kf_format_info *info;

    for (size_t i = 0; name && (info = kf_reader_info(i)); i++)
        if (strcmp(info->name, name) == 0)
            return info->name;
    return "unknown";
}

static void measure_phases(struct server *server, const struct conversion *c)
{
    add(server, METRIC_PHASE, (double)(c->received - c->began) / 1000, "upload");
    add(server, METRIC_PHASE, (double)(c->started - c->received) / 1000, "queue");
    add(server, METRIC_PHASE, (double)(c->ended - c->started) / 1000, "work");
}

static void measure_report(struct server *server, const json_t *report)
{
    const json_t *counts = json_object_get(report, "counts");

    for (size_t i = 0; i < N_FINDINGS; i++)
        add(server, METRIC_FINDINGS,
            (double)json_integer_value(json_object_get(counts, findings[i])), findings[i]);
}

void measure_worker(struct server *server, const struct conversion *c)
{
    const struct job_result *result = &c->result;
    const char *from = source_of(c), *outcome = job_outcome_slug(result->outcome);
    const struct kf_format_info *writer =
        c->params.options.to ? kf_writer_find(c->params.options.to) : NULL;
    const char *to = c->task == JOB_CONVERT && writer ? writer->name : "none";

    if (c->started == 0 || (result->outcome == JOB_REMOTE && result->pid == 0))
        return;
    add(server, METRIC_WORKER_EXITS, 1, outcome);
    add(server, METRIC_WORKER_RSS, (double)result->max_rss, NULL);
    add(server, METRIC_WORKER_CPU, (double)result->cpu_ms / 1000, NULL);
    measure_phases(server, c);
    if (c->task != JOB_CONVERT)
        return;
    metrics_add(server->metrics, METRIC_CONVERSIONS, 1, from, to, outcome);
    metrics_add(server->metrics, METRIC_CONVERSION_DURATION, (double)result->wall_ms / 1000, from,
                to, NULL);
    measure_report(server, c->report);
    add(server, METRIC_INPUT_BYTES, (double)c->body.size, from);
    if (result->outcome == JOB_DONE)
        add(server, METRIC_OUTPUT_BYTES, (double)c->artifact_size, to);
}

void measure_job(struct server *server, enum job_state state, const char *code)
{
    add(server, METRIC_JOBS_ENDED, 1, job_state_name(state));
    if (code)
        measure_failure(server, code);
}

void measure_webhook(struct server *server, const char *outcome)
{
    add(server, METRIC_WEBHOOKS, 1, outcome);
}
