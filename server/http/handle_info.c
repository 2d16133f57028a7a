/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../jobs/jobs.h"
#include "../jobs/queue.h"
#include "../jobs/reports.h"
#include "../jobs/scratch.h"
#include "../server.h"
#include "../settings/config.h"
#include "accept.h"
#include "formats_json.h"
#include "handlers.h"
#include "reply.h"
#include "request.h"
#include <stdlib.h>

#define JSON_TYPE "application/json"

/* 0 when the client takes JSON, else a failure 406. */
static int want_json(struct request *req)
{
    static const char *const offers[] = {JSON_TYPE};

    if (accept_choose(request_header(req, MHD_HTTP_HEADER_ACCEPT), offers, 1) == 0)
        return 0;
    return request_fail(req, "not-acceptable", "the answer is " JSON_TYPE ", nothing else");
}

/* Send `value`, or 406 when the client takes no JSON. Takes the reference. */
static enum MHD_Result answer_new(struct request *req, json_t *value)
{
    struct reply reply = {.status = MHD_HTTP_OK};

    if (want_json(req) == 0)
        return reply_json_new(req, &reply, value);
    json_decref(value);
    return reply_refusal(req);
}

enum MHD_Result handle_formats(struct request *req)
{
    return answer_new(req, kf_formats_json());
}

static json_t *limits_json(const struct config *config)
{
    return json_pack("{s:I, s:I, s:I, s:i, s:i, s:i}", "body_bytes", (json_int_t)config->body_max,
                     "scratch_bytes", (json_int_t)config->scratch_max, "worker_memory_bytes",
                     (json_int_t)config->worker_memory, "job_seconds", (int)config->job_timeout,
                     "queue_seconds", (int)config->queue_timeout, "stall_seconds",
                     (int)config->stall_timeout);
}

/* Of all replicas, as they were a second ago. */
static json_t *jobs_capacity(const struct server *server)
{
    struct store_counts counts;
    json_t *jobs;

    jobs_counts(server->jobs, &counts);
    jobs = json_pack("{s:s, s:I, s:I, s:I, s:I}", "store",
                     store_is_shared(jobs_store(server->jobs)) ? "postgres" : "sqlite", "limit",
                     (json_int_t)server->config->jobs_max, "bytes", (json_int_t)counts.bytes,
                     "limit_bytes", (json_int_t)server->config->data_max, "running_here",
                     (json_int_t)jobs_running(server->jobs));
    for (int i = 0; i < JOB_STATES; i++)
        json_object_set_new(jobs, job_state_name((enum job_state)i), json_integer(counts.jobs[i]));
    return jobs;
}

enum MHD_Result handle_capacity(struct request *req)
{
    const struct server *server = req->server;
    struct queue_state q;
    json_t *queue, *scratch;

    queue_look(server->queue, &q);
    queue = json_pack("{s:i, s:i, s:i, s:f}", "limit", (int)q.limit, "waiting", (int)q.waiting,
                      "uploading", (int)q.reserved, "job_ms", q.job_ms);
    scratch = json_pack("{s:I, s:I}", "used_bytes", (json_int_t)scratch_used(server->scratch),
                        "limit_bytes", (json_int_t)scratch_max(server->scratch));
    return answer_new(req, json_pack("{s:i, s:i, s:o, s:o, s:o, s:o, s:O, s:b}", "workers",
                                     (int)q.workers, "busy", (int)q.running, "queue", queue, "jobs",
                                     jobs_capacity(server), "scratch", scratch, "limits",
                                     limits_json(server->config), "sandbox", server->sandbox,
                                     "draining", !server_takes_work(server)));
}

enum MHD_Result handle_version(struct request *req)
{
    return answer_new(req, json_pack("{s:s, s:s, s:s}", "name", "kferry", "version", KFERRY_VERSION,
                                     "libmicrohttpd", MHD_get_version()));
}

enum MHD_Result handle_report(struct request *req)
{
    struct reply reply = {.status = MHD_HTTP_OK, .media_type = JSON_TYPE};
    KF_AUTO(blob) report = NULL;

    if (want_json(req) < 0)
        return reply_refusal(req);
    report = reports_find(req->server->reports, req->captured[0], req->principal);
    if (report)
        return reply_blob(req, &reply, report);
    if (jobs_has(req))
        return handle_job_report(req);
    request_fail(req, "report-not-found",
                 "there is no report with this id, or no longer: reports "
                 "are kept for %u seconds, and only the newest",
                 (unsigned)req->server->config->report_ttl);
    return reply_refusal(req);
}
