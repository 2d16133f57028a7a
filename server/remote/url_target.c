/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote_private.h"
#include <string.h>

#define HOPS_MAX 5

/* An URL that takes a PUT, as a presigned one does, on its way. */
struct putting {
    struct remote_task *task;
    const struct remote_target *target;
    struct http *http;
    struct http_policy policy;
    struct url url;
    int fd;
    uint64_t size;
    unsigned hops, tries;
};

/* Only 307 and 308 ask for the same once more elsewhere. */
static int follow(struct putting *p, const struct http_exchange *x)
{
    struct url next;
    int status;

    if (++p->hops > HOPS_MAX)
        return remote_fail(&p->task->failure, "target-unavailable", "%s: more than %d redirects",
                           p->url.shown, HOPS_MAX);
    status = url_follow(p->task, &next, &p->url, x->head.location);
    if (status == 0 && next.plain && !p->url.plain)
        status = remote_fail(&p->task->failure, "target-not-allowed",
                             "%s: a redirect leads from https:// to http://", p->url.shown);
    if (status == 0)
        status = url_admit(p->task, &next, &p->policy);
    url_finish(&p->url);
    p->url = next;
    return status;
}

/* 1: it is there; 0: once more; -1. */
static int take_answer(struct putting *p, const struct http_exchange *x)
{
    bool answered = x->end == HTTP_ANSWERED;
    long s = x->head.status;

    if (answered && s >= 200 && s < 300)
        return 1;
    if (answered && (s == 307 || s == 308) && x->head.location[0] != '\0')
        return follow(p, x);
    if (answered && s == 412)
        return remote_fail(&p->task->failure, "target-exists", "%s is there already", p->url.shown);
    if (http_may_go_better(x) && ++p->tries < REMOTE_TRIES &&
        http_pause(&p->policy, p->tries, x->head.retry_after))
        return 0;
    return remote_explain(p->task, x, p->url.shown, true);
}

static int put(struct putting *p)
{
    struct http_exchange x = HTTP_EXCHANGE_INIT;
    int status;

    x.method = "PUT";
    x.url = p->url.text;
    x.in_fd = p->fd;
    x.size = p->size;
    x.has_body = true;
    http_header(&x, "Content-Type:"); /* a signature may have named one, and it was not ours */
    if (!p->target->replace)
        http_header(&x, "If-None-Match: *");
    http_run(p->http, &x, &p->policy);
    status = take_answer(p, &x);
    http_finish(&x);
    return status;
}

int url_store(struct remote_task *task, const struct remote_target *target, int fd, uint64_t size)
{
    struct putting p = {
        .task = task, .target = target, .policy = remote_policy(task), .fd = fd, .size = size};
    int status = url_check(task, target->uri, true);

    if (status == 0)
        status = url_parse(task, &p.url, target->uri);
    if (status == 0)
        status = url_admit(task, &p.url, &p.policy);
    if (status == 0) {
        p.http = http_create();
        status = p.http ? 0 : remote_fail(&task->failure, "internal-error", "out of memory");
    }
    while (status == 0)
        status = put(&p);
    http_destroy(p.http);
    url_finish(&p.url);
    return status < 0 ? -1 : 0;
}
