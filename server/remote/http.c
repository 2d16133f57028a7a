/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "http_private.h"
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#define POLL_MS     500
#define PAUSE_MS    200u /* before the second try; twice as long before each further one */
#define PAUSE_MAX   10000u
#define CONNECTIONS 16L
#define FLOW_MAX    16 /* exchanges at once */

struct http {
    CURLM *multi;
};

static void begin_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http *http_create(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    KF_AUTO(http) http = calloc(1, sizeof *http);

    pthread_once(&once, begin_curl);
    if (http)
        http->multi = curl_multi_init();
    if (!http || !http->multi)
        return NULL;
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS);
    return http_take(&http);
}

void http_destroy(struct http *http)
{
    if (http && http->multi)
        curl_multi_cleanup(http->multi);
    free(http);
}

static void drop(struct http *http, struct http_exchange *x)
{
    curl_multi_remove_handle(http->multi, x->easy);
    curl_easy_cleanup(x->easy);
    x->easy = NULL;
}

/* One that has ended, if there is any. */
static struct http_exchange *collect(struct http *http)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(http->multi, &left))) {
        struct http_exchange *x = NULL;
        CURLcode code = msg->data.result;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        drop(http, x);
        http_conclude(x, code);
        return x;
    }
    return NULL;
}

/* Those that run, and whether another may follow. */
struct running {
    struct http *http;
    const struct http_flow *flow;
    const struct http_policy *policy;
    struct http_exchange *list[FLOW_MAX];
    size_t n;
    bool stopped;
};

static void forget(struct running *r, const struct http_exchange *x)
{
    size_t i = 0;

    while (r->list[i] != x)
        i++;
    r->list[i] = r->list[--r->n];
}

static void end(struct running *r, struct http_exchange *x)
{
    if (!r->flow->ended(r->flow->context, x))
        r->stopped = true;
}

/* As many as may run at once; how long to wait for the next one. */
static int fill(struct running *r)
{
    int wait_ms = POLL_MS;

    while (!r->stopped && r->n < r->flow->at_once && r->n < FLOW_MAX) {
        struct http_exchange *x = r->flow->next(r->flow->context, &wait_ms);

        if (!x)
            return wait_ms;
        x->easy = http_prepare(x, r->policy);
        if (x->easy) {
            curl_multi_add_handle(r->http->multi, x->easy);
            r->list[r->n++] = x;
        } else {
            x->end = HTTP_NO_ROOM;
            end(r, x);
        }
    }
    return POLL_MS;
}

/* Wait for something to happen; true when nobody wants it any more. */
static bool wait_for(struct http *http, int cancel_fd, int ms)
{
    struct curl_waitfd cancel = {.fd = cancel_fd, .events = CURL_WAIT_POLLIN};

    curl_multi_poll(http->multi, cancel_fd >= 0 ? &cancel : NULL, cancel_fd >= 0,
                    ms >= 0 && ms < POLL_MS ? ms : POLL_MS, NULL);
    return cancel_fd >= 0 && cancel.revents != 0;
}

void http_run_flow(struct http *http, const struct http_flow *flow,
                   const struct http_policy *policy)
{
    struct running r = {.http = http, .flow = flow, .policy = policy};
    struct http_exchange *x;
    int open_now, wait_ms = fill(&r);

    while (!r.stopped && (r.n > 0 || wait_ms >= 0)) {
        curl_multi_perform(http->multi, &open_now);
        while (!r.stopped && (x = collect(http))) {
            forget(&r, x);
            end(&r, x);
        }
        wait_ms = fill(&r);
        if (!r.stopped && (r.n > 0 || wait_ms >= 0) && wait_for(http, policy->cancel_fd, wait_ms))
            r.stopped = true;
    }
    while (r.n > 0) {
        x = r.list[--r.n];
        drop(http, x);
        x->end = HTTP_CANCELLED;
    }
}

static struct http_exchange *next_of_one(void *context, int *wait_ms)
{
    struct http_exchange **x = context, *one = *x;

    *x = NULL;
    *wait_ms = -1;
    return one;
}

static bool ended_of_one(void *context, struct http_exchange *x)
{
    (void)context;
    (void)x;
    return true;
}

void http_run(struct http *http, struct http_exchange *x, const struct http_policy *policy)
{
    const struct http_flow flow = {
        .at_once = 1, .next = next_of_one, .ended = ended_of_one, .context = &x};

    http_run_flow(http, &flow, policy);
}

int http_delay(const struct http_policy *policy, unsigned attempt, unsigned least_s)
{
    unsigned most = attempt < 6 ? PAUSE_MS << attempt : PAUSE_MAX, random = 0, ms;

    if (getrandom(&random, sizeof random, 0) < 0)
        random = most;
    ms = most / 2 + random % most;
    if (ms < least_s * 1000)
        ms = least_s * 1000;
    return policy->deadline > 0 && clock_ms() + ms >= policy->deadline ? -1 : (int)ms;
}

bool http_wait(const struct http_policy *policy, int ms)
{
    struct pollfd cancel = {.fd = policy->cancel_fd, .events = POLLIN};

    return poll(&cancel, 1, ms) == 0;
}

bool http_pause(const struct http_policy *policy, unsigned attempt, unsigned least_s)
{
    int ms = http_delay(policy, attempt, least_s);

    return ms >= 0 && http_wait(policy, ms);
}
