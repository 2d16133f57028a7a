/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "s3.h"
#include "remote_private.h"
#include "xml.h"
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define URL_SIZE  8192
#define DATE_SIZE 20
#define HOST_SIZE 512
#define CONFLICT  409
#define OWN_MAX   5 /* headers that every request may have */

/* What headers borrow. */
struct told {
    char host[HOST_SIZE], date[DATE_SIZE], size[24];
};

int s3_begin(struct s3 *s3, struct remote_task *task, bool write)
{
    *s3 = (struct s3){.task = task, .policy = remote_policy(task), .write = write};
    /* Nobody but the operator says where this is: an endpoint inside is what is meant. */
    s3->policy.rules = NULL;
    s3->policy.plain = true;
    s3->policy.ca = task->remote->s3_ca;
    s3->http = http_create();
    if (!s3->http)
        return remote_fail(&task->failure, "internal-error", "out of memory");
    if (task->remote->set.s3_anonymous)
        return 0;
    return credentials_get(task->remote->credentials, task, false, &s3->keys);
}

void s3_end(struct s3 *s3)
{
    http_destroy(s3->http);
    explicit_bzero(&s3->keys, sizeof s3->keys);
}

/* A bucket's name as part of a host name: AWS's way, where the name can be one. */
static bool is_virtual(const struct remote *remote, const char *bucket)
{
    bool aws = remote->s3_host[0] == '\0' || strstr(remote->s3_host, ".amazonaws.com");

    if (remote->set.s3_style != REMOTE_STYLE_AUTO)
        return remote->set.s3_style == REMOTE_STYLE_VIRTUAL;
    return aws && bucket[strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* Host and path of what is asked; the path is malloc'ed. */
static char *locate(const struct s3 *s3, const struct s3_request *request, char host[HOST_SIZE])
{
    const struct remote *remote = s3->task->remote;
    const struct s3_place *place = request->place;
    bool virtual = is_virtual(remote, place->bucket);
    char *key = sigv4_encode(request->of_bucket ? "" : place->key, true), *path = NULL;
    char base[256];

    snprintf(base, sizeof base, "%s", remote->s3_host);
    if (base[0] == '\0')
        snprintf(base, sizeof base, "s3.%s.amazonaws.com", s3->region);
    snprintf(host, HOST_SIZE, "%s%s%s", virtual ? place->bucket : "", virtual ? "." : "", base);
    if (!key || asprintf(&path, "/%s%s%s", virtual ? "" : place->bucket,
                         virtual || *key == '\0' ? "" : "/", key) < 0)
        path = NULL;
    free(key);
    return path;
}

static bool is_chunked(const struct s3_request *request)
{
    return request->sha256 && strcmp(request->sha256, SIGV4_CHUNKS) == 0;
}

/* The headers that every request has, before those of its own; how many. */
static size_t list_headers(const struct s3 *s3, const struct s3_request *request,
                           const struct told *told, struct sigv4_header *out)
{
    size_t n = 0;

    out[n++] = (struct sigv4_header){"host", told->host};
    out[n++] = (struct sigv4_header){"x-amz-date", told->date};
    out[n++] = (struct sigv4_header){"x-amz-content-sha256",
                                     request->sha256 ? request->sha256 : SIGV4_EMPTY};
    if (s3->keys.token[0] != '\0')
        out[n++] = (struct sigv4_header){"x-amz-security-token", s3->keys.token};
    /* Without content-encoding: some storages would keep it as the object's. */
    if (is_chunked(request))
        out[n++] = (struct sigv4_header){"x-amz-decoded-content-length", told->size};
    for (size_t i = 0; i < request->n_headers; i++)
        out[n++] = request->headers[i];
    return n;
}

static bool add_headers(struct http_exchange *x, const struct sigv4_header *headers, size_t n,
                        const char *authorization)
{
    bool ok = *authorization == '\0' || http_header(x, "Authorization: %s", authorization);

    for (size_t i = 1; i < n; i++) /* the first is Host, which libcurl sends */
        ok = ok && http_header(x, "%s: %s", headers[i].name, headers[i].value);
    return ok;
}

static void fill(struct http_exchange *x, const struct s3_request *request, char *url)
{
    *x = (struct http_exchange)HTTP_EXCHANGE_INIT;
    x->method = request->method;
    x->url = url;
    x->data = request->data;
    x->in_fd = request->in_fd;
    x->in_at = request->in_at;
    x->size = request->size;
    x->has_body = strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0;
    if (x->has_body && !x->data && x->in_fd < 0)
        x->data = "";
    x->out_fd = request->out_fd;
    x->out_at = request->out_at;
    x->out_max = request->out_max;
}

static int fail_memory(struct s3 *s3)
{
    return remote_fail(&s3->task->failure, "internal-error", "out of memory");
}

/* The body goes in chunks, the first of which is signed with what the request is signed by. */
static bool chunk(struct s3_call *call, const struct s3_request *request,
                  const struct sigv4_request *seed, const struct sigv4_keys *keys,
                  const char *authorization)
{
    struct sigv4_chain chain;

    if (!sigv4_chain_begin(&chain, seed, keys, authorization))
        return false;
    call->chunks = s3_chunks_create(request->in_fd, request->in_at, request->size, &chain);
    explicit_bzero(&chain, sizeof chain);
    call->x.size = s3_chunks_length(request->size);
    call->x.read = s3_chunks_read;
    call->x.read_context = call->chunks;
    return call->chunks != NULL;
}

/* Sign what is asked of `path`, and make the exchange of it. */
static bool seal(struct s3 *s3, const struct s3_request *request, struct s3_call *call,
                 const char *path, const struct told *told)
{
    const struct sigv4_keys keys = {s3->keys.id, s3->keys.secret, NULL};
    struct sigv4_header headers[S3_HEADERS_MAX + OWN_MAX];
    size_t n = list_headers(s3, request, told, headers);
    const struct sigv4_request seed = {request->method,  path,       request->query, headers,   n,
                                       headers[2].value, s3->region, "s3",           told->date};
    char *authorization =
        s3->task->remote->set.s3_anonymous ? strdup("") : sigv4_authorization(&seed, &keys);
    bool ok = authorization != NULL;

    fill(&call->x, request, call->url);
    ok = ok && add_headers(&call->x, headers, n, authorization);
    if (ok && is_chunked(request))
        ok = chunk(call, request, &seed, &keys, authorization);
    free(authorization);
    return ok;
}

int s3_sign(struct s3 *s3, const struct s3_request *request, struct s3_call *call)
{
    time_t now = (time_t)((int64_t)time(NULL) + s3->skew);
    struct told told;
    struct tm tm;
    char *path;
    bool ok;

    *call = (struct s3_call){0};
    s3_find_region(s3, request->place->bucket);
    path = locate(s3, request, told.host);
    gmtime_r(&now, &tm);
    strftime(told.date, sizeof told.date, "%Y%m%dT%H%M%SZ", &tm);
    snprintf(told.size, sizeof told.size, "%" PRIu64, request->size);
    if (path && asprintf(&call->url, "%s://%s%s%s%s", s3->task->remote->s3_scheme, told.host, path,
                         *request->query ? "?" : "", request->query) < 0)
        call->url = NULL;
    ok = path && call->url && seal(s3, request, call, path, &told);
    free(path);
    return ok ? 0 : fail_memory(s3);
}

void s3_call_finish(struct s3_call *call)
{
    http_finish(&call->x);
    s3_chunks_destroy(call->chunks);
    free(call->url);
    call->chunks = NULL;
    call->url = NULL;
}

/* How far the storage's clock is from ours. */
static bool learn_skew(struct s3 *s3, const struct s3_call *call)
{
    time_t there = call->x.head.date[0] ? curl_getdate(call->x.head.date, NULL) : -1;
    int64_t skew = there > 0 ? (int64_t)there - (int64_t)time(NULL) : 0;

    if (s3->skew != 0 || skew == 0)
        return false;
    s3->skew = skew;
    return true;
}

static bool is_code(const struct s3_call *call, const char *code)
{
    return strcmp(call->code, code) == 0;
}

/* Does the answer say what to change? 1: it was changed; 0: no; -1. */
static int correct(struct s3 *s3, const struct s3_request *request, const struct s3_call *call)
{
    if (is_code(call, "RequestTimeTooSkewed") && learn_skew(s3, call))
        return 1;
    if ((is_code(call, "ExpiredToken") || is_code(call, "TokenRefreshRequired")) && !s3->renewed) {
        s3->renewed = true;
        KF_TRY(credentials_get(s3->task->remote->credentials, s3->task, true, &s3->keys));
        return 1;
    }
    if (call->x.head.status == 301 || call->x.head.status == 307 || call->x.head.status == 400 ||
        call->x.head.status == 403)
        return s3_learn_region(s3, request, call) ? 1 : 0;
    return 0;
}

int s3_judge(struct s3 *s3, const struct s3_request *request, struct s3_call *call, unsigned tries,
             int *wait_ms)
{
    int corrected;

    *wait_ms = 0;
    call->code[0] = '\0';
    if (call->x.end == HTTP_ANSWERED && call->x.text && call->x.head.status >= 300)
        xml_find(call->x.text, call->x.n_text, "Code", call->code, sizeof call->code);
    if (s3_is_fine(call))
        return 0;
    corrected = call->x.end == HTTP_ANSWERED ? correct(s3, request, call) : 0;
    if (corrected != 0)
        return corrected;
    if (!http_may_go_better(&call->x) && !is_code(call, "RequestTimeout") &&
        !is_code(call, "ConditionalRequestConflict") && !is_code(call, "OperationAborted"))
        return call->x.end == HTTP_ANSWERED ? 0 : s3_explain(s3, request, call);
    if (tries < REMOTE_TRIES)
        *wait_ms = http_delay(&s3->policy, tries, call->x.head.retry_after);
    return tries < REMOTE_TRIES && *wait_ms >= 0 ? 1 : s3_explain(s3, request, call);
}

int s3_ask(struct s3 *s3, const struct s3_request *request, struct s3_call *call)
{
    int status, wait_ms;

    for (unsigned tries = 1;; tries++) {
        KF_TRY(s3_sign(s3, request, call));
        http_run(s3->http, &call->x, &s3->policy);
        status = s3_judge(s3, request, call, tries, &wait_ms);
        if (status <= 0)
            return status;
        s3_call_finish(call);
        if (wait_ms > 0 && !http_wait(&s3->policy, wait_ms))
            return remote_fail(&s3->task->failure, "cancelled", "nobody waits any more");
    }
}

/* What the words of S3 mean for who asked. */
static const struct {
    const char *code, *words;
} meanings[] = {
    /* first, for more is said of it */
    {"NoSuchKey", "there is no such object"},
    {"NoSuchBucket", "there is no such bucket"},
    {"NoSuchVersion", "there is no such version"},
    {"AccessDenied", "the service's keys may not do that"},
    {"InvalidAccessKeyId", "the storage does not know the service's keys"},
    {"SignatureDoesNotMatch", "the storage says that the service's secret is wrong"},
    {"RequestTimeTooSkewed", "the service's clock is wrong"},
    {"InvalidObjectState", "the object is archived and must be restored first"},
};

/* Nobody answered, or not as a storage does: whoever set the endpoint is told which it was. */
static int explain_silence(struct s3 *s3, const struct s3_request *request,
                           const struct s3_call *call)
{
    const char *rest = call->url ? strstr(call->url, "://") : NULL;
    char *shown = NULL;
    int status;

    if (!s3->task->remote->set.own || !rest ||
        asprintf(&shown, "%s at %.*s", request->place->shown,
                 (int)(rest + 3 - call->url + (ptrdiff_t)strcspn(rest + 3, "/")), call->url) < 0)
        shown = NULL;
    status = remote_explain(s3->task, &call->x, shown ? shown : request->place->shown, s3->write);
    free(shown);
    return status;
}

/* "s3://bucket/in" may have been meant for all below it. */
static const char *hint_prefix(const struct s3 *s3, const struct s3_place *place)
{
    const char *slash = strrchr(place->key, '/'), *name = slash ? slash + 1 : place->key;

    return !s3->write && *name && !strchr(name, '.') ? "; a prefix ends with /" : "";
}

int s3_explain(struct s3 *s3, const struct s3_request *request, const struct s3_call *call)
{
    struct remote_failure *failure = &s3->task->failure;
    const char *shown = request->place->shown;
    long status = call->x.head.status;
    const char *code = s3->write ? "target-unavailable" : "source-unavailable";

    if (call->x.end != HTTP_ANSWERED || http_may_go_better(&call->x))
        return explain_silence(s3, request, call);
    if (status == 412 || status == CONFLICT)
        return s3->write
                   ? remote_fail(failure, "target-exists", "%s is there already", shown)
                   : remote_fail(failure, "source-changed", "%s changed while it was read", shown);
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (is_code(call, meanings[i].code))
            return remote_fail(failure, code, "%s: %s (%s)%s", shown, meanings[i].words, call->code,
                               i == 0 ? hint_prefix(s3, request->place) : "");
    if (call->code[0] == '\0' && status == 404)
        return remote_fail(failure, code, "%s: there is no such object%s", shown,
                           hint_prefix(s3, request->place));
    return remote_fail(failure, code, "%s: the storage answered %ld %s", shown, status, call->code);
}
