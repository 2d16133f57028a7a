/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "reply.h"
#include "../jobs/archive.h"
#include "../jobs/conversion.h"
#include "../jobs/reports.h"
#include "../server.h"
#include "problem.h"
#include "request.h"
#include "wire.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STREAM_BLOCK (256 * 1024)
#define PROBLEM_TYPE "application/problem+json"

void reply_header(struct reply *reply, const char *name, const char *fmt, ...)
{
    size_t max = sizeof reply->headers[0].value;
    va_list ap;
    int n;

    if (reply->n_headers == REPLY_HEADERS_MAX)
        return;
    va_start(ap, fmt);
    n = vsnprintf(reply->headers[reply->n_headers].value, max, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < max)
        reply->headers[reply->n_headers++].name = name;
}

/* Everything but these bytes is written as %XX in filename*=. Source: RFC 5987, attr-char */
static bool is_attr_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$&+-.^_`|~", c));
}

void reply_disposition(struct reply *reply, const char *name)
{
    char plain[256], exact[3 * 256 + 1];
    size_t n = 0, m = 0;

    for (const char *c = name; *c && n + 1 < sizeof plain; c++) {
        bool odd = (unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f || *c == '"' ||
                   *c == '\\' || *c == '%';

        plain[n++] = odd ? '_' : *c;
        m += (size_t)snprintf(exact + m, sizeof exact - m, is_attr_char(*c) ? "%c" : "%%%02X",
                              (unsigned char)*c);
    }
    plain[n] = '\0';
    reply_header(reply, "Content-Disposition", "attachment; filename=\"%s\"; filename*=UTF-8''%s",
                 plain, exact);
}

/* For browsers: what comes is no page, belongs to no other site, and is nobody else's to keep. */
static const char *const common[][2] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
};

/* What every answer carries, unless it says something else. */
static void add_common(struct MHD_Response *response, const struct request *req)
{
    if (req->id[0] != '\0')
        MHD_add_response_header(response, "X-Request-Id", req->id);
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        if (!MHD_get_response_header(response, common[i][0]))
            MHD_add_response_header(response, common[i][0], common[i][1]);
    if (req->early || !server_takes_work(req->server))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* Send a response and give it up; NULL closes the connection. */
static enum MHD_Result send_new(struct request *req, const struct reply *reply,
                                struct MHD_Response *response, uint64_t size)
{
    enum MHD_Result ok;

    if (!response)
        return MHD_NO;
    if (reply->media_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->media_type);
    for (size_t i = 0; i < reply->n_headers; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    add_common(response, req);
    req->status = reply->status;
    req->bytes_out = size;
    atomic_store(&req->stage, REQUEST_SENT);
    ok = MHD_queue_response(req->connection, reply->status, response);
    MHD_destroy_response(response);
    return ok;
}

enum MHD_Result reply_json_new(struct request *req, struct reply *reply, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;
    size_t n = text ? strlen(text) : 0;

    json_decref(value);
    if (!reply->media_type)
        reply->media_type = "application/json";
    if (!text)
        return MHD_NO;
    text[n++] = '\n'; /* in the place of the NUL: a shell prompt likes it */
    return send_new(req, reply, MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE), n);
}

enum MHD_Result reply_text_new(struct request *req, struct reply *reply, char *text, size_t n)
{
    return send_new(req, reply, MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE), n);
}

static void free_blob(void *cls)
{
    blob_destroy(cls);
}

/* Blobs are shared between answers, so libmicrohttpd reads them by a callback. */
static ssize_t read_blob(void *cls, uint64_t at, char *to, size_t n)
{
    const struct blob *blob = cls;
    size_t left = blob_size(blob) - (size_t)at;

    if (left == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n > left)
        n = left;
    memcpy(to, blob_data(blob) + at, n);
    return (ssize_t)n;
}

enum MHD_Result reply_blob(struct request *req, struct reply *reply, struct blob *blob)
{
    size_t size = blob_size(blob);
    struct MHD_Response *response =
        MHD_create_response_from_callback(size, STREAM_BLOCK, read_blob, blob_ref(blob), free_blob);

    if (!response)
        blob_destroy(blob);
    return send_new(req, reply, response, size);
}

enum MHD_Result reply_fd_new(struct request *req, struct reply *reply, int fd, uint64_t size)
{
    struct MHD_Response *response = MHD_create_response_from_fd64(size, fd);

    if (!response)
        close(fd);
    return send_new(req, reply, response, size);
}

enum MHD_Result reply_fd_at_new(struct request *req, struct reply *reply, int fd, uint64_t at,
                                uint64_t n)
{
    struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(n, fd, at);

    if (!response)
        close(fd);
    return send_new(req, reply, response, n);
}

enum MHD_Result reply_static(struct request *req, struct reply *reply, const void *data, size_t n)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(n, (void *)data, MHD_RESPMEM_PERSISTENT);

    return send_new(req, reply, response, n);
}

enum MHD_Result reply_empty(struct request *req, struct reply *reply)
{
    reply->media_type = NULL;
    return send_new(req, reply, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT),
                    0);
}

enum MHD_Result reply_stream_new(struct request *req, struct reply *reply,
                                 MHD_ContentReaderCallback read, void *cls,
                                 MHD_ContentReaderFreeCallback release)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read, cls, release);

    if (!response)
        release(cls);
    return send_new(req, reply, response, 0);
}

/* An archive on its way out, with the file its pieces point to. */
struct outgoing {
    struct archive *archive;
    int fd;
};

static void free_outgoing(void *cls)
{
    struct outgoing *out = cls;

    archive_destroy(out->archive);
    close(out->fd);
    free(out);
}

static ssize_t read_outgoing(void *cls, uint64_t at, char *to, size_t n)
{
    const struct outgoing *out = cls;
    ssize_t got = archive_read(out->archive, at, to, n);

    if (got == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

enum MHD_Result reply_archive_new(struct request *req, struct reply *reply, struct archive *archive,
                                  int fd)
{
    struct outgoing *out = calloc(1, sizeof *out);
    struct MHD_Response *response = NULL;
    uint64_t size = archive_size(archive);

    if (!out) {
        archive_destroy(archive);
        close(fd);
        return MHD_NO;
    }
    *out = (struct outgoing){archive, fd};
    response =
        MHD_create_response_from_callback(size, STREAM_BLOCK, read_outgoing, out, free_outgoing);
    if (!response)
        free_outgoing(out);
    return send_new(req, reply, response, size);
}

/* req->failure as the body of the answer, and what the head says of it. */
json_t *reply_problem(const struct request *req, json_t *report)
{
    const struct failure *f = &req->failure;
    const struct kf_problem problem = {
        .code = f->code,
        .detail = f->detail,
        .parameter = f->parameter[0] != '\0' ? f->parameter : NULL,
        .request_id = req->id,
        .limit = f->limit,
        .actual = f->actual,
        .retry_after = f->retry_after,
        .report = report,
    };

    return kf_problem_json(&problem);
}

enum MHD_Result reply_failure(struct request *req, struct reply *reply, json_t *report)
{
    const struct failure *f = &req->failure;

    reply->status = kf_problem_type(f->code)->status;
    reply->media_type = PROBLEM_TYPE;
    reply_header(reply, "Conversion-Error", "%s", f->code);
    if (f->retry_after > 0)
        reply_header(reply, "Retry-After", "%u", f->retry_after);
    if (f->challenge)
        reply_header(reply, "WWW-Authenticate", "%s", f->challenge);
    if (f->allow[0] != '\0')
        reply_header(reply, "Allow", "%s", f->allow);
    return reply_json_new(req, reply, reply_problem(req, report));
}

enum MHD_Result reply_refusal(struct request *req)
{
    struct reply reply = {0};

    return reply_failure(req, &reply, NULL);
}

void reply_failure_early(struct request *req)
{
    json_t *problem = reply_problem(req, NULL);
    char *body = json_dumps(problem, JSON_INDENT(2)), *head = NULL;

    req->status = kf_problem_type(req->failure.code)->status;
    atomic_store(&req->stage, REQUEST_SENT);
    if (body &&
        asprintf(&head,
                 "HTTP/1.1 %u %s\r\nContent-Type: " PROBLEM_TYPE "\r\nContent-Length: %zu\r\n"
                 "Conversion-Error: %s\r\nX-Request-Id: %s\r\nX-Content-Type-Options: nosniff\r\n"
                 "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
                 req->status, MHD_get_reason_phrase_for(req->status), strlen(body),
                 req->failure.code, req->id, body) > 0) {
        req->bytes_out = strlen(body);
        wire_write(req, head);
        wire_end(req);
    }
    free(head);
    free(body);
    json_decref(problem);
}
