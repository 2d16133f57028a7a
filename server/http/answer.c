/* SPDX-License-Identifier: Apache-2.0 */
#include "../jobs/conversion.h"
#include "../jobs/outcome.h"
#include "../jobs/queue.h"
#include "../server.h"
#include "../settings/config.h"
#include "problem.h"
#include "reply.h"
#include "report_json.h"
#include "request.h"
#include <kf/format.h>
#include <stdio.h>
#include <string.h>

/* Kept free below the ceiling of one header value. */
#define SUMMARY_MAX 512
/* Seconds after which another instance is likely to be there. */
#define RETRY_SOON   2
#define CODE_REFUSED "conversion-refused"

/* How a worker's end is told where no report tells it; job_outcome_slug() gives the code. */
static const char *const details[] = {
    [JOB_DONE] = "the worker left nothing behind",
    [JOB_REFUSED] = "the worker refused the file without a reason",
    [JOB_CRASHED] = "the worker crashed on this file",
    [JOB_MEMORY] = "the conversion needs more memory than one may have",
    [JOB_TIMEOUT] = "the conversion took longer than one may take",
    [JOB_VIOLATION] = "the file made the worker do what its sandbox forbids",
    [JOB_STALLED] = "the conversion made no progress for longer than one may",
    [JOB_CANCELLED] = "the service is stopping",
    [JOB_CANNOT_WRITE] = "there is no room for the result",
    [JOB_REMOTE] = "the source could not be fetched, or the target not written",
    [JOB_NO_SANDBOX] = "the sandbox that is required cannot be had",
    [JOB_INTERNAL] = "the worker failed for a reason of its own",
};

static double since(int64_t from, int64_t to)
{
    return from > 0 && to > from ? (double)(to - from) : 0;
}

/* What every answer about a job says of it, a refusal too. */
static void add_job(struct reply *reply, const struct conversion *c)
{
    char summary[SUMMARY_MAX];

    reply_header(reply, "Conversion-Id", "%s", c->id);
    if (c->ended > 0)
        reply_header(reply, "Server-Timing", "upload;dur=%.0f, queue;dur=%.0f, work;dur=%.0f",
                     since(c->began, c->received), since(c->received, c->started),
                     since(c->started, c->ended));
    if (!c->report_text)
        return;
    reply_header(reply, "Conversion-Report", "/v1/reports/%s", c->id);
    reply_header(reply, "Link", "</v1/reports/%s>; rel=\"describedby\"; type=\"application/json\"",
                 c->id);
    if (kf_report_json_summary(c->report, summary, sizeof summary) == 0)
        reply_header(reply, "Conversion-Summary", "%s", summary);
}

static enum MHD_Result answer_artifact(struct request *req, struct reply *reply)
{
    struct conversion *c = req->conversion;
    int fd = c->artifact;

    c->artifact = -1;
    reply->media_type = c->artifact_type ? c->artifact_type : kf_artifact_type(&c->params);
    reply_disposition(reply, c->artifact_name);
    return reply_fd_new(req, reply, fd, c->artifact_size);
}

static enum MHD_Result answer_archive(struct request *req, struct reply *reply)
{
    struct conversion *c = req->conversion;
    bool tar = c->form == ANSWER_TAR;
    char name[512];
    int fd = c->artifact;

    c->artifact = -1;
    reply->media_type = tar ? "application/x-tar" : "application/zip";
    snprintf(name, sizeof name, "%.*s-kferry.%s", outcome_stem(c->artifact_name), c->artifact_name,
             tar ? "tar" : "zip");
    reply_disposition(reply, name);
    return reply_archive_new(req, reply, archive_take(&c->archive), fd);
}

/*
 * The artefact is not kept here: who asks for JSON, or had it put elsewhere, gets the report, and
 * what the file is or would be.
 */
static enum MHD_Result answer_envelope(struct request *req, struct reply *reply)
{
    struct conversion *c = req->conversion;
    char link[64];

    snprintf(link, sizeof link, "/v1/reports/%s", c->id);
    return reply_json_new(
        req, reply,
        json_pack("{s:s, s:s, s:I, s:o, s:{s:s}, s:O}", "id", c->id, "filename", c->artifact_name,
                  "bytes", (json_int_t)c->artifact_size, "artifact",
                  c->delivered ? json_pack("{s:s}", "uri", c->delivered) : json_null(), "links",
                  "report", link, "report", c->report));
}

/* What a file is: the worker's facts, and the report that it wrote on the way. */
static json_t *inspection(const struct conversion *c)
{
    json_t *answer = c->facts ? json_copy(c->facts) : json_object();

    if (c->report)
        json_object_set(answer, "report", c->report);
    return answer;
}

static enum MHD_Result answer_done(struct request *req, struct reply *reply)
{
    struct conversion *c = req->conversion;

    reply->status = MHD_HTTP_OK;
    add_job(reply, c);
    if (c->task == JOB_INSPECT)
        return reply_json_new(req, reply, inspection(c));
    if (c->task == JOB_DIFF)
        return reply_json_new(req, reply, json_incref(c->facts));
    if (c->task == JOB_PLAN)
        return reply_json_new(req, reply, json_incref(c->report));
    if (c->form == ANSWER_JSON || c->delivered)
        return answer_envelope(req, reply);
    if (c->form == ANSWER_ARTIFACT || c->artifact_type)
        return answer_artifact(req, reply);
    return answer_archive(req, reply);
}

/*
 * The first reason of a report, as code and sentence; false when it has none. The file is the
 * cause, whatever the worker says: a code that stands for a fault of ours is not taken over.
 */
static bool explain_refusal(struct request *req, const json_t *report)
{
    const json_t *first = json_array_get(json_object_get(report, "problems"), 0);
    const char *code = json_string_value(json_object_get(first, "code"));
    const char *reason = json_string_value(json_object_get(first, "reason"));
    const char *where = json_string_value(json_object_get(first, "where"));
    const struct kf_problem_type *type;

    if (!code || !reason)
        return false;
    type = kf_problem_type(code);
    request_fail(req, type->status < 500 ? type->code : CODE_REFUSED, "%s%s%s", where ? where : "",
                 where && *where ? ": " : "", reason);
    return true;
}

void conversion_explain(struct request *req)
{
    enum job_outcome outcome = req->conversion->result.outcome;
    const char *code = kf_problem_type(job_outcome_slug(outcome))->code;

    if (outcome == JOB_REFUSED && explain_refusal(req, req->conversion->report))
        return;
    if (outcome == JOB_REFUSED)
        code = CODE_REFUSED;
    if (outcome == JOB_CANCELLED)
        code = "shutting-down";
    request_fail(req, code, "%s", details[outcome]);
    if (outcome == JOB_CANCELLED || outcome == JOB_NO_SANDBOX)
        req->failure.retry_after = RETRY_SOON;
    if (outcome == JOB_CANNOT_WRITE)
        req->failure.retry_after = queue_retry_after(req->server->queue);
}

enum MHD_Result conversion_answer(struct request *req)
{
    struct conversion *c = req->conversion;
    struct reply reply = {0};

    if (atomic_load(&c->cancelled) == CANCEL_CLIENT)
        return MHD_NO;
    if (!req->failure.code && c->result.outcome == JOB_DONE)
        return answer_done(req, &reply);
    if (!req->failure.code)
        conversion_explain(req);
    add_job(&reply, c);
    return reply_failure(req, &reply, c->report);
}
