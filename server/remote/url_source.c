/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOPS_MAX 5

/* One download: how far it is, and what it is of. */
struct download {
    struct remote_task *task;
    struct http *http;
    struct http_policy policy;
    struct url url;
    int fd;
    uint64_t at;    /* bytes that have come */
    char etag[256]; /* of what they are; "" when it cannot be continued */
    unsigned hops, tries;
};

/* A redirect: the next hop is checked as the first one was. */
static int follow(struct download *d, const struct http_exchange *x)
{
    struct url next;
    int status;

    if (++d->hops > HOPS_MAX)
        return remote_fail(&d->task->failure, "source-unavailable", "%s: more than %d redirects",
                           d->url.shown, HOPS_MAX);
    status = url_follow(d->task, &next, &d->url, x->head.location);
    if (status == 0 && next.plain && !d->url.plain)
        status = remote_fail(&d->task->failure, "source-not-allowed",
                             "%s: a redirect leads from https:// to http://", d->url.shown);
    if (status == 0)
        status = url_admit(d->task, &next, &d->policy);
    url_finish(&d->url);
    d->url = next;
    return status;
}

static bool is_redirect(const struct http_exchange *x)
{
    long s = x->head.status;

    return x->end == HTTP_ANSWERED && x->head.location[0] != '\0' &&
           (s == 301 || s == 302 || s == 303 || s == 307 || s == 308);
}

/* What came is not what was asked for to go on: once more from the beginning. */
static int restart(struct download *d)
{
    d->at = 0;
    d->etag[0] = '\0';
    return ftruncate(d->fd, 0) == 0
               ? 0
               : remote_fail(&d->task->failure, "scratch-full", "the source cannot be stored");
}

/* The part that came stays, where the rest can be asked for by its strong ETag. */
static int keep_part(struct download *d, const struct http_exchange *x)
{
    bool ok = x->head.status == 200 || x->head.status == 206;

    if (ok && x->got > 0 && x->head.etag[0] == '"') {
        d->at += x->got;
        memcpy(d->etag, x->head.etag, sizeof d->etag);
        return 0;
    }
    return ok ? restart(d) : 0;
}

static int try_again(struct download *d, const struct http_exchange *x)
{
    if (++d->tries >= REMOTE_TRIES || !http_may_go_better(x) ||
        !http_pause(&d->policy, d->tries, x->head.retry_after))
        return remote_explain(d->task, x, d->url.shown, false);
    return keep_part(d, x);
}

/* 1: it is there; 0: ask once more; -1. */
static int take_answer(struct download *d, const struct http_exchange *x)
{
    bool continued = d->at > 0;

    if (is_redirect(x))
        return follow(d, x);
    if (x->end != HTTP_ANSWERED || http_may_go_better(x))
        return try_again(d, x);
    if (continued && (x->head.status == 412 || x->head.status == 416))
        return ++d->tries < REMOTE_TRIES ? restart(d)
                                         : remote_explain(d->task, x, d->url.shown, false);
    if (x->head.status != 200 && x->head.status != 206)
        return remote_explain(d->task, x, d->url.shown, false);
    if (continued && (x->head.status != 206 || x->head.at != (int64_t)d->at ||
                      strcmp(x->head.etag, d->etag) != 0))
        return ++d->tries < REMOTE_TRIES ? restart(d)
                                         : remote_explain(d->task, x, d->url.shown, false);
    d->at += x->got;
    return 1;
}

/* Set aside what the answer's head promised, or, where it did not say, what has come. */
static int reserve(struct download *d, uint64_t before)
{
    struct remote_task *task = d->task;

    if (!task->reserve || d->at <= before || task->reserve(task->context, d->at - before))
        return 0;
    return remote_fail(&task->failure, "scratch-full", "there is no room to store the source");
}

static int ask(struct download *d)
{
    uint64_t max = d->task->remote->set.source_max;
    struct http_exchange x = HTTP_EXCHANGE_INIT;
    int status;

    x.url = d->url.text;
    x.out_fd = d->fd;
    x.out_at = d->at;
    x.out_max = max > 0 ? max - d->at : UINT64_MAX;
    http_header(&x, "Accept-Encoding: identity");
    if (d->at > 0) {
        http_header(&x, "Range: bytes=%llu-", (unsigned long long)d->at);
        http_header(&x, "If-Range: %s", d->etag);
    }
    http_run(d->http, &x, &d->policy);
    status = take_answer(d, &x);
    if (status == 1)
        memcpy(d->etag, x.head.etag, sizeof d->etag);
    http_finish(&x);
    return status;
}

static int run(struct download *d)
{
    uint64_t before;
    int status;

    do {
        before = d->at;
        status = ask(d);
        if (status >= 0 && reserve(d, before) < 0)
            status = -1;
    } while (status == 0);
    return status < 0 ? -1 : 0;
}

int url_fetch(struct remote_task *task, const struct remote_source *source, const char *path,
              struct remote_got *got)
{
    struct download d = {.task = task, .policy = remote_policy(task), .fd = -1};
    int status = url_check(task, source->uri, false);

    if (status == 0)
        status = url_parse(task, &d.url, source->uri);
    if (status == 0) {
        got->name = strdup(d.url.name);
        got->shown = strdup(d.url.shown);
        status = url_admit(task, &d.url, &d.policy);
    }
    if (status == 0)
        status = d.fd = remote_open_new(task, path);
    if (status >= 0) {
        d.http = http_create();
        status = d.http ? run(&d) : remote_fail(&task->failure, "internal-error", "out of memory");
    }
    got->size = d.at;
    snprintf(got->etag, sizeof got->etag, "%s", d.etag);
    if (d.fd >= 0)
        close(d.fd);
    http_destroy(d.http);
    url_finish(&d.url);
    return status < 0 ? -1 : 0;
}
