/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "remote_private.h"
#include "s3_parts.h"
#include "uploads.h"
#include "xml.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETAG_SIZE 256
#define ABORT_MS  20000

/* One file on its way to an object. */
struct writing {
    struct s3 s3;
    struct s3_place place;
    const struct remote_target *target;
    int fd;
    uint64_t size, part;
    bool unconditional; /* the storage does not know If-None-Match, or what is there is ours */
    char upload[1024];  /* id of the upload in parts, encoded; "" while there is none */
    char query[1200];
    char (*etags)[ETAG_SIZE];
};

static struct s3_request request_of(const struct writing *w, const char *method)
{
    struct s3_request request = S3_REQUEST_INIT;

    request.method = method;
    request.place = &w->place;
    return request;
}

static void add(struct s3_request *request, const char *name, const char *value)
{
    if (value && *value)
        request->headers[request->n_headers++] = (struct sigv4_header){name, value};
}

/* What is told of the object beside its bytes. */
static void describe(const struct writing *w, struct s3_request *request)
{
    add(request, "content-type", w->target->media_type);
    add(request, "x-amz-meta-kferry-job", w->target->job);
    add(request, "x-amz-meta-kferry-source-sha256", w->target->sha256);
    add(request, "x-amz-meta-kferry-version", KFERRY_VERSION);
}

static void add_condition(const struct writing *w, struct s3_request *request)
{
    if (!w->target->replace && !w->unconditional)
        add(request, "if-none-match", "*");
}

static bool is_ours(const struct writing *w, const struct s3_call *call)
{
    return s3_is_fine(call) && w->target->job && strcmp(call->x.head.job, w->target->job) == 0;
}

/* Is it there already? An attempt of the same job that was killed may have left it: that is ours.
 */
static int look(struct writing *w)
{
    const struct s3_request request = request_of(w, "HEAD");
    struct s3_call call = {0};
    int status;

    if (w->target->replace)
        return 0;
    status = s3_ask(&w->s3, &request, &call);
    if (status == 0 && is_ours(w, &call))
        w->unconditional = true;
    else if (status == 0 && s3_is_fine(&call))
        remote_fail(&w->s3.task->failure, "target-exists", "%s is there already", w->place.shown);
    /* Who may write and not list is told 403 of what is not there: the condition decides then. */
    else if (status == 0 && call.x.head.status != 404 && call.x.head.status != 403)
        s3_explain(&w->s3, &request, &call);
    status = w->s3.task->failure.code ? -1 : 0;
    s3_call_finish(&call);
    return status;
}

/* Ask, and once more without a condition where that is what the storage cannot do. */
static int ask(struct writing *w, struct s3_request *request, struct s3_call *call)
{
    KF_TRY(s3_ask(&w->s3, request, call));
    if (strcmp(call->code, "NotImplemented") != 0 || w->target->replace || w->unconditional)
        return 0;
    w->unconditional = true;
    for (size_t i = 0; i < request->n_headers; i++)
        if (strcmp(request->headers[i].name, "if-none-match") == 0)
            request->headers[i--] = request->headers[--request->n_headers];
    s3_call_finish(call);
    return s3_ask(&w->s3, request, call);
}

static int fail_read(struct writing *w)
{
    return remote_fail(&w->s3.task->failure, "internal-error", "the result cannot be read again");
}

/* TLS guards what goes, and who signs nothing cannot; else each chunk of the file is signed. */
static const char *body_digest(const struct writing *w)
{
    const struct remote *remote = w->s3.task->remote;

    return strcmp(remote->s3_scheme, "https") == 0 || remote->set.s3_anonymous ? SIGV4_UNSIGNED
                                                                               : SIGV4_CHUNKS;
}

/*
 * The storage took it, and its answer was lost: the second try finds the object, or no upload any
 * more. Then what is there is ours.
 */
static bool came_through(struct writing *w, const struct s3_call *last)
{
    const struct s3_request request = request_of(w, "HEAD");
    struct s3_call call = {0};
    bool ours = false;

    if (last->x.end != HTTP_ANSWERED ||
        (last->x.head.status != 412 && strcmp(last->code, "NoSuchUpload") != 0))
        return false;
    if (s3_ask(&w->s3, &request, &call) == 0)
        ours = is_ours(w, &call);
    s3_call_finish(&call);
    return ours;
}

/* Whether the last request of all did what it should; -1 with the task's failure. */
static int settle(struct writing *w, const struct s3_request *request, const struct s3_call *call)
{
    if (s3_is_fine(call) || came_through(w, call))
        return 0;
    return w->s3.task->failure.code ? -1 : s3_explain(&w->s3, request, call);
}

static int put_whole(struct writing *w)
{
    struct s3_request request = request_of(w, "PUT");
    struct s3_call call = {0};
    int status;

    describe(w, &request);
    add_condition(w, &request);
    request.in_fd = w->fd;
    request.size = w->size;
    request.sha256 = body_digest(w);
    status = ask(w, &request, &call);
    if (status == 0)
        status = settle(w, &request, &call);
    s3_call_finish(&call);
    return status;
}

static int begin_upload(struct writing *w)
{
    struct s3_request request = request_of(w, "POST");
    char id[sizeof w->upload / 3], *encoded = NULL;
    struct s3_call call = {0};
    int status;

    request.query = "uploads";
    describe(w, &request);
    status = s3_ask(&w->s3, &request, &call);
    if (status == 0 && !s3_is_fine(&call))
        status = s3_explain(&w->s3, &request, &call);
    else if (status == 0 && xml_find(call.x.text, call.x.n_text, "UploadId", id, sizeof id))
        encoded = sigv4_encode(id, false);
    if (encoded)
        snprintf(w->upload, sizeof w->upload, "%s", encoded);
    else if (status == 0)
        status = remote_fail(&w->s3.task->failure, "target-put-failed",
                             "%s: the storage begins no upload", w->place.shown);
    free(encoded);
    s3_call_finish(&call);
    return status;
}

static void prepare_part(void *context, struct s3_part *part)
{
    struct writing *w = context;

    part->request.method = "PUT";
    part->request.place = &w->place;
    snprintf(part->text, sizeof part->text, "partNumber=%" PRIu64 "&uploadId=%s", part->number + 1,
             w->upload);
    part->request.query = part->text;
    part->request.in_fd = w->fd;
    part->request.in_at = part->at;
    part->request.size = part->left;
    part->request.sha256 = body_digest(w);
}

static void take_part(void *context, struct s3_part *part)
{
    struct writing *w = context;

    if (!s3_is_fine(&part->call))
        return;
    memcpy(w->etags[part->number], part->call.x.head.etag, ETAG_SIZE);
    part->left = 0;
}

static int put_parts(struct writing *w)
{
    struct s3_parts parts = {.s3 = &w->s3,
                             .end = w->size,
                             .size = w->part,
                             .shown = w->place.shown,
                             .prepare = prepare_part,
                             .take = take_part,
                             .context = w};

    return s3_parts_run(&parts);
}

static char *list_parts(const struct writing *w, size_t n_parts, size_t *size)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, size);

    if (!f)
        return NULL;
    fputs("<CompleteMultipartUpload>", f);
    for (size_t i = 0; i < n_parts; i++) {
        fprintf(f, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        for (const char *c = w->etags[i]; *c; c++)
            if (*c == '"')
                fputs("&quot;", f);
            else if (*c != '<' && *c != '&')
                fputc(*c, f);
        fputs("</ETag></Part>", f);
    }
    fputs("</CompleteMultipartUpload>", f);
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

/* The answer may be 200 and an error: the storage sends its head before it knows. */
static int complete_upload(struct writing *w, size_t n_parts)
{
    struct s3_request request = request_of(w, "POST");
    char sha256[SIGV4_HEX];
    struct s3_call call = {0};
    size_t size = 0;
    char *text = list_parts(w, n_parts, &size);
    int status = -1;

    snprintf(w->query, sizeof w->query, "uploadId=%s", w->upload);
    request.query = w->query;
    add_condition(w, &request);
    request.data = text;
    request.size = size;
    request.sha256 = sha256;
    if (text && sigv4_sha256(text, size, sha256))
        status = ask(w, &request, &call);
    else
        fail_read(w);
    if (status == 0 && s3_is_fine(&call) &&
        xml_find(call.x.text, call.x.n_text, "Code", call.code, sizeof call.code))
        status = remote_fail(&w->s3.task->failure, "target-put-failed", "%s: %s", w->place.shown,
                             call.code);
    else if (status == 0)
        status = settle(w, &request, &call);
    s3_call_finish(&call);
    free(text);
    return status;
}

/* Whatever went wrong, also when nobody waits any more: the parts are not to stay. */
static void abort_upload(struct writing *w)
{
    struct remote_failure failure = w->s3.task->failure;

    w->s3.policy.cancel_fd = -1;
    w->s3.policy.deadline = clock_ms() + ABORT_MS;
    s3_abort(&w->s3, &w->place, w->upload);
    w->s3.task->failure = failure;
}

static int put_in_parts(struct writing *w)
{
    size_t n_parts = (size_t)((w->size + w->part - 1) / w->part);
    struct upload *upload = NULL;
    int status;

    w->etags = calloc(n_parts, sizeof *w->etags);
    if (!w->etags)
        return remote_fail(&w->s3.task->failure, "internal-error", "out of memory");
    status = begin_upload(w);
    if (status == 0) {
        upload = upload_note(w->s3.task->remote->set.uploads, w->place.shown, w->upload);
        status = put_parts(w);
        if (status == 0)
            status = complete_upload(w, n_parts);
        if (status < 0)
            abort_upload(w);
        upload_forget(upload);
    }
    free(w->etags);
    return status;
}

int s3_store(struct remote_task *task, const struct remote_target *target, int fd, uint64_t size)
{
    struct writing w = {.target = target, .fd = fd, .size = size};
    int status;

    KF_TRY(s3_check(task, target->uri, true));
    status = s3_place_parse(task, &w.place, target->uri);
    w.part = s3_part_size(task->remote, size);
    if (status == 0)
        status = s3_begin(&w.s3, task, true);
    if (status == 0)
        status = look(&w);
    if (status == 0)
        status = w.size <= w.part ? put_whole(&w) : put_in_parts(&w);
    s3_end(&w.s3);
    s3_place_finish(&w.place);
    return status;
}
