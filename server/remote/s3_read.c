/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "names.h"
#include "remote_private.h"
#include "s3_parts.h"
#include "s3_proof.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

/* One object on its way into a file. */
struct reading {
    struct s3 s3;
    struct s3_place place;
    int fd;
    char query[512];
    char etag[256]; /* of what is read: every range must be of it */
    uint64_t total;
    char sum_name[16], sum[96]; /* that the storage keeps of the whole; "" for none */
    struct s3_proof *proof;
    struct s3_parts *parts;
};

static void ask_for(void *context, struct s3_part *part)
{
    struct reading *r = context;
    struct s3_request *request = &part->request;

    snprintf(part->text, sizeof part->text, "bytes=%" PRIu64 "-%" PRIu64, part->at,
             part->at + part->left - 1);
    request->method = "GET";
    request->place = &r->place;
    request->query = r->query;
    request->headers[request->n_headers++] = (struct sigv4_header){"range", part->text};
    if (r->etag[0] != '\0')
        request->headers[request->n_headers++] = (struct sigv4_header){"if-match", r->etag};
    request->out_fd = r->fd;
    request->out_at = part->at;
    request->out_max = part->left;
}

/* Before which all has come: what is on its way is behind it. */
static uint64_t frontier(const struct s3_parts *parts)
{
    uint64_t at = parts->at;

    for (size_t i = 0; i < S3_PARTS_AT_ONCE; i++)
        if (parts->list[i].state != S3_PART_FREE && parts->list[i].left > 0 &&
            parts->list[i].at < at)
            at = parts->list[i].at;
    return at;
}

/* What came of a range, even when the connection broke in it. */
static void take(void *context, struct s3_part *part)
{
    struct reading *r = context;
    const struct http_exchange *x = &part->call.x;

    if (x->head.status != 206 || x->head.at != (int64_t)part->at)
        return;
    part->at += x->got;
    part->left -= x->got;
    s3_proof_tell(r->proof, frontier(r->parts));
}

static int read_rest(struct reading *r, uint64_t at)
{
    struct s3_parts parts = {.s3 = &r->s3,
                             .at = at,
                             .end = r->total,
                             .size = s3_range_size(r->s3.task->remote),
                             .shown = r->place.shown,
                             .prepare = ask_for,
                             .take = take,
                             .context = r};

    r->parts = &parts;
    return s3_parts_run(&parts);
}

/* Room is set aside, but not in memory: that would mean to fill it with zeros. */
static bool has_room(int fd, uint64_t size)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC)
        return size / (uint64_t)fs.f_bsize < (uint64_t)fs.f_bavail;
    return size == 0 || fallocate(fd, 0, 0, (off_t)size) == 0 || errno != ENOSPC;
}

/* The size is known: is it allowed, is there room? */
static int prepare(struct reading *r)
{
    struct remote_task *task = r->s3.task;
    uint64_t max = task->remote->set.source_max;

    if (max > 0 && r->total > max) {
        task->failure.limit = max;
        return remote_fail(&task->failure, "source-too-large",
                           "%s has %" PRIu64 " bytes, more than KFERRY_SOURCE_MAX", r->place.shown,
                           r->total);
    }
    if ((task->reserve && !task->reserve(task->context, r->total)) || !has_room(r->fd, r->total))
        return remote_fail(&task->failure, "scratch-full", "there is no room to store %s",
                           r->place.shown);
    return 0;
}

/* An empty object has no range that could be sent. */
static int read_empty(struct reading *r)
{
    struct s3_request request = S3_REQUEST_INIT;
    struct s3_call call;
    int status;

    request.method = "HEAD";
    request.place = &r->place;
    request.query = r->query;
    status = s3_ask(&r->s3, &request, &call);
    if (status == 0 && (!s3_is_fine(&call) || call.x.head.length != 0))
        status = s3_explain(&r->s3, &request, &call);
    memcpy(r->etag, call.x.head.etag, sizeof r->etag);
    s3_call_finish(&call);
    return status;
}

static void keep_sum(struct reading *r, const struct s3_call *call)
{
    memcpy(r->sum_name, call->x.head.sum_name, sizeof r->sum_name);
    memcpy(r->sum, call->x.head.sum, sizeof r->sum);
}

/* Of a range the storage tells no checksum; where it does not tell that of the whole, there is
 * none.
 */
static void ask_sum(struct reading *r)
{
    struct s3_request request = S3_REQUEST_INIT;
    struct s3_call call;

    request.method = "HEAD";
    request.place = &r->place;
    request.query = r->query;
    request.headers[request.n_headers++] = (struct sigv4_header){"x-amz-checksum-mode", "ENABLED"};
    if (s3_ask(&r->s3, &request, &call) == 0 && s3_is_fine(&call) &&
        strcmp(call.x.head.etag, r->etag) == 0)
        keep_sum(r, &call);
    s3_call_finish(&call);
    r->s3.task->failure = (struct remote_failure){0};
}

/* The first range tells the size of the whole; where it does not, all has come. */
static int read_first(struct reading *r, uint64_t *at)
{
    struct remote *remote = r->s3.task->remote;
    struct s3_part first = {.left = s3_range_size(remote), .request = S3_REQUEST_INIT};
    struct s3_call *call = &first.call;
    uint64_t max = remote->set.source_max;
    int64_t began = clock_ms();
    int status;

    ask_for(r, &first);
    first.request.headers[first.request.n_headers++] =
        (struct sigv4_header){"x-amz-checksum-mode", "ENABLED"};
    first.request.out_max = max > 0 ? max : UINT64_MAX; /* where ranges are not known, all comes */
    status = s3_ask(&r->s3, &first.request, call);
    if (status == 0 && call->x.head.status == 416) {
        s3_call_finish(call);
        return read_empty(r);
    }
    if (status == 0 && !s3_is_fine(call))
        status = s3_explain(&r->s3, &first.request, call);
    if (status == 0) {
        memcpy(r->etag, call->x.head.etag, sizeof r->etag);
        *at = call->x.got;
        s3_parts_learn(remote, call->x.got, clock_ms() - began);
        r->total = call->x.head.total >= 0 ? (uint64_t)call->x.head.total : call->x.got;
        if (call->x.got == r->total)
            keep_sum(r, call);
    }
    s3_call_finish(call);
    return status;
}

static int set_query(struct reading *r, const struct remote_source *source)
{
    char *version = source->version_id ? sigv4_encode(source->version_id, false) : NULL;
    int n = version ? snprintf(r->query, sizeof r->query, "versionId=%s", version) : 0;

    free(version);
    if (source->etag)
        snprintf(r->etag, sizeof r->etag, "%s", source->etag);
    if (n < (int)sizeof r->query)
        return 0;
    return remote_fail(&r->s3.task->failure, "invalid-parameter", "the version_id is too long");
}

/* The rest, held against the checksum; one with a "-" is of parts that nobody knows any more. */
static int read_checked(struct reading *r, uint64_t at)
{
    int status;

    if (r->sum[0] != '\0' && !strchr(r->sum, '-'))
        r->proof = s3_proof_begin(r->fd, r->sum_name, r->sum);
    s3_proof_tell(r->proof, at);
    status = read_rest(r, at);
    if (s3_proof_end(r->proof, status == 0) || status < 0)
        return status;
    return remote_fail(&r->s3.task->failure, "source-fetch-failed",
                       "%s: what came has another %s than the storage keeps of it", r->place.shown,
                       r->sum_name);
}

static int run(struct reading *r, const struct remote_source *source)
{
    uint64_t at = 0;

    KF_TRY(set_query(r, source));
    KF_TRY(read_first(r, &at));
    KF_TRY(prepare(r));
    if (at < r->total)
        ask_sum(r);
    return read_checked(r, at);
}

int s3_fetch(struct remote_task *task, const struct remote_source *source, const char *path,
             struct remote_got *got)
{
    struct reading r = {.fd = -1};
    int status;

    KF_TRY(s3_check(task, source->uri, false));
    status = s3_place_parse(task, &r.place, source->uri);
    if (status == 0)
        status = s3_begin(&r.s3, task, false);
    if (status == 0) {
        r.fd = remote_open_new(task, path);
        status = r.fd < 0 ? -1 : run(&r, source);
        if (r.fd >= 0)
            close(r.fd);
    }
    s3_end(&r.s3);
    got->name = kf_clean_filename(r.place.key ? r.place.key : "");
    got->shown = r.place.shown ? strdup(r.place.shown) : NULL;
    got->size = r.total;
    snprintf(got->etag, sizeof got->etag, "%s", r.etag);
    s3_place_finish(&r.place);
    return status;
}
