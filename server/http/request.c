/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "request.h"
#include "../clock.h"
#include "../jobs/conversion.h"
#include "../jobs/jobs.h"
#include "../measure.h"
#include "../server.h"
#include "../settings/config.h"
#include "routes.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request *request_create(struct server *server, struct MHD_Connection *connection,
                               const char *raw)
{
    KF_AUTO(request) req = calloc(1, sizeof *req);

    if (!req)
        return NULL;
    req->server = server;
    req->connection = connection;
    req->began = clock_ms();
    atomic_init(&req->last_byte, req->began);
    atomic_init(&req->stage, REQUEST_NEW);
    req->raw = strdup(raw);
    return req->raw ? request_take(&req) : NULL;
}

void request_destroy(struct request *req)
{
    if (!req)
        return;
    hub_leave(jobs_hub(req->server->jobs), &req->waiter);
    if (req->conversion)
        conversion_destroy(req);
    if (req->counted)
        atomic_fetch_sub(&req->server->active, 1);
    target_finish(&req->target);
    free(req->raw);
    free(req);
}

/* JSON is UTF-8: where a client's bytes are none, or were cut, they are shown as '?'. */
static void make_text(char *text)
{
    json_t *proof = json_string(text);

    for (char *c = text; !proof && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    json_decref(proof);
}

static bool fail_first(struct request *req, const char *code, const char *fmt, va_list ap)
{
    struct failure *failure = &req->failure;

    if (atomic_exchange(&req->failing, true))
        return false;
    failure->code = code;
    vsnprintf(failure->detail, sizeof failure->detail, fmt, ap);
    make_text(failure->detail);
    make_text(failure->parameter);
    return true;
}

int request_fail(struct request *req, const char *code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)fail_first(req, code, fmt, ap);
    va_end(ap);
    return -1;
}

bool request_fail_first(struct request *req, const char *code, const char *fmt, ...)
{
    va_list ap;
    bool first;

    va_start(ap, fmt);
    first = fail_first(req, code, fmt, ap);
    va_end(ap);
    return first;
}

const char *request_header(const struct request *req, const char *name)
{
    return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

int request_socket(const struct request *req)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info ? info->connect_fd : -1;
}

int64_t request_last_byte(const struct request *req)
{
    return atomic_load(&req->last_byte);
}

/* What the log says about a job. */
static void log_job(json_t *line, const struct conversion *c)
{
    const char *verdict = json_string_value(json_object_get(c->report, "verdict"));

    json_object_set_new(line, "id", json_string(c->id));
    json_object_set_new(line, "bytes_in", json_integer((json_int_t)c->body.received));
    if (c->params.options.to)
        json_object_set_new(line, "to", json_string(c->params.options.to));
    if (c->ended == 0)
        return;
    json_object_set_new(line, "outcome", json_string(job_outcome_slug(c->result.outcome)));
    json_object_set_new(line, "queue_ms", json_integer(c->started - c->received));
    json_object_set_new(line, "work_ms", json_integer((json_int_t)c->result.wall_ms));
    json_object_set_new(line, "cpu_ms", json_integer((json_int_t)c->result.cpu_ms));
    json_object_set_new(line, "max_rss", json_integer((json_int_t)c->result.max_rss));
    json_object_set_new(line, "worker_pid", json_integer(c->result.pid));
    if (c->result.outcome == JOB_CRASHED)
        json_object_set_new(line, "signal", json_integer(c->result.signal));
    if (verdict)
        json_object_set_new(line, "verdict", json_string(verdict));
}

/* The route is told, not the path: a path may hold what is nobody's business. */
void request_log(const struct request *req, bool gone)
{
    bool probe = req->route && req->route->probe && req->status < 500;
    json_t *line =
        json_pack("{s:s, s:s, s:i, s:I, s:I}", "method", req->method, "route",
                  req->route ? req->route->pattern : "", "status",
                  gone && req->status == 0 ? 499 : (int)req->status, "bytes_out",
                  (json_int_t)req->bytes_out, "ms", (json_int_t)(clock_ms() - req->began));

    measure_request(req, gone);
    if (!line)
        return;
    json_object_set_new(line, "client", json_string(req->client));
    if (req->trace_id[0] != '\0')
        json_object_set_new(line, "trace_id", json_string(req->trace_id));
    if (req->job[0] != '\0')
        json_object_set_new(line, "job", json_string(req->job));
    if (req->failure.code)
        json_object_set_new(line, "code", json_string(req->failure.code));
    if (gone)
        json_object_set_new(line, "gone", json_true());
    if (req->conversion)
        log_job(line, req->conversion);
    log_event_new(probe ? LOG_DEBUG : LOG_INFO, "request", req->id, line);
}
