/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../digest.h"
#include "../jobs/data.h"
#include "../jobs/jobs.h"
#include "../server.h"
#include "handlers.h"
#include "problem.h"
#include "reply.h"
#include "request.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Open a file of a job's result; -1 with a failure when it is not there. */
static int open_result(struct request *req, const struct stored *job, const char *name,
                       uint64_t *size)
{
    char path[PATH_MAX];
    struct stat st;
    int fd = -1;

    if (data_path(jobs_data(req->server->jobs), job->id, job->attempt, name, path))
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        *size = (uint64_t)st.st_size;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return request_fail(req, "result-expired",
                        "the result had to make room for newer ones; the job is known still");
}

/* A job that has not come to its end, or not to a good one. */
static enum MHD_Result answer_unfinished(struct request *req, const struct stored *job)
{
    json_t *error = jobs_error(job);
    const char *code = json_string_value(json_object_get(error, "code"));
    struct reply reply = {.media_type = "application/problem+json"};
    enum MHD_Result ok;

    if (code) {
        reply.status = kf_problem_type(code)->status;
        reply_header(&reply, "Conversion-Error", "%s", code);
        reply_header(&reply, "Conversion-Id", "%s", job->id);
        json_object_set_new(error, "instance", json_sprintf("/v1/jobs/%s", job->id));
        return reply_json_new(req, &reply, error);
    }
    json_decref(error);
    req->failure.retry_after = 1;
    request_fail(req, "job-not-finished", "the job is %s", job_state_name(job->state));
    ok = reply_refusal(req);
    return ok;
}

/* One range of a file. */
struct range {
    uint64_t at, n;
    bool part; /* not all of it */
};

/* "12" of "12-"; false when there is no number. */
static bool read_position(const char **text, uint64_t *out)
{
    char *stop;

    if (**text < '0' || **text > '9')
        return false;
    *out = strtoull(*text, &stop, 10);
    *text = stop;
    return true;
}

/*
 * Read the header Range. What is no single range of bytes is ignored, as RFC 9110, 14.2 allows.
 * False when it lies outside of the file.
 */
static bool read_range(const char *header, uint64_t size, struct range *out)
{
    const char *at = header ? header + 6 : NULL;
    uint64_t first = 0, last = 0;
    bool has_first, has_last;

    *out = (struct range){0, size, false};
    if (!header || strncmp(header, "bytes=", 6) != 0)
        return true;
    has_first = read_position(&at, &first);
    if (*at++ != '-')
        return true;
    has_last = read_position(&at, &last);
    if (*at != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first))
        return true;
    if (!has_first) {
        first = last < size ? size - last : 0;
        has_first = last > 0;
        has_last = false;
    }
    if (!has_first || first >= size)
        return false;
    if (!has_last || last >= size)
        last = size - 1;
    *out = (struct range){first, last - first + 1, true};
    return true;
}

static bool header_has(const struct request *req, const char *name, const char *tag)
{
    const char *given = request_header(req, name);

    return given && (strstr(given, tag) || strcmp(given, "*") == 0);
}

static void describe(struct reply *reply, const struct stored *job, const json_t *artifact,
                     const char *sha256)
{
    char base64[64];

    reply->media_type = json_string_value(json_object_get(artifact, "media_type"));
    reply_disposition(reply, json_string_value(json_object_get(artifact, "filename")));
    reply_header(reply, "ETag", "\"sha256-%s\"", sha256);
    reply_header(reply, "Accept-Ranges", "bytes");
    if (digest_base64(sha256, base64))
        reply_header(reply, "Repr-Digest", "sha-256=:%s:", base64);
    reply_header(reply, "Conversion-Id", "%s", job->id);
    reply_header(reply, "Conversion-Report", "/v1/jobs/%s/report", job->id);
    reply_header(reply, "Link",
                 "</v1/jobs/%s/report>; rel=\"describedby\"; "
                 "type=\"application/json\"",
                 job->id);
}

/* Send the file, or the part that was asked for. Takes the descriptor. */
static enum MHD_Result send_file_new(struct request *req, struct reply *reply, int fd,
                                     uint64_t size, const char *tag)
{
    const char *wanted = request_header(req, MHD_HTTP_HEADER_RANGE);
    struct range range;

    if (request_header(req, MHD_HTTP_HEADER_IF_RANGE) &&
        !header_has(req, MHD_HTTP_HEADER_IF_RANGE, tag))
        wanted = NULL;
    if (!read_range(wanted, size, &range)) {
        close(fd);
        reply_header(reply, "Content-Range", "bytes */%" PRIu64, size);
        request_fail(req, "range-not-satisfiable", "the file has %" PRIu64 " bytes", size);
        return reply_failure(req, reply, NULL);
    }
    reply->status = range.part ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK;
    if (range.part)
        reply_header(reply, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range.at,
                     range.at + range.n - 1, size);
    return reply_fd_at_new(req, reply, fd, range.at, range.n);
}

enum MHD_Result jobs_send_artifact(struct request *req, const struct stored *job)
{
    const json_t *artifact = json_object_get(job->result, "artifact");
    const char *sha256 = json_string_value(json_object_get(artifact, "sha256"));
    struct reply reply = {0};
    uint64_t size = 0;
    char tag[80];
    int fd;

    if (job->state != STATE_SUCCEEDED || !sha256)
        return answer_unfinished(req, job);
    fd = open_result(req, job, "artifact", &size);
    if (fd < 0)
        return reply_refusal(req);
    snprintf(tag, sizeof tag, "\"sha256-%s\"", sha256);
    describe(&reply, job, artifact, sha256);
    if (!header_has(req, MHD_HTTP_HEADER_IF_NONE_MATCH, tag))
        return send_file_new(req, &reply, fd, size, tag);
    close(fd);
    reply.status = MHD_HTTP_NOT_MODIFIED;
    return reply_empty(req, &reply);
}

enum MHD_Result handle_job_artifact(struct request *req)
{
    enum MHD_Result ok;
    struct stored job;

    if (jobs_find(req, &job) < 0)
        return reply_refusal(req);
    ok = jobs_send_artifact(req, &job);
    stored_finish(&job);
    return ok;
}

/* The report is there for failures too, as far as a worker wrote one. */
static enum MHD_Result send_report(struct request *req, const struct stored *job)
{
    struct reply reply = {.status = MHD_HTTP_OK, .media_type = "application/json"};
    uint64_t size = 0;
    int fd;

    if (!job_state_ended(job->state))
        return answer_unfinished(req, job);
    if (!json_is_true(json_object_get(job->result, "report"))) {
        request_fail(req, "report-not-found", "the job ended without a report");
        return reply_refusal(req);
    }
    fd = open_result(req, job, "report.json", &size);
    return fd < 0 ? reply_refusal(req) : reply_fd_new(req, &reply, fd, size);
}

enum MHD_Result handle_job_report(struct request *req)
{
    enum MHD_Result ok;
    struct stored job;

    if (jobs_find(req, &job) < 0)
        return reply_refusal(req);
    ok = send_report(req, &job);
    stored_finish(&job);
    return ok;
}
