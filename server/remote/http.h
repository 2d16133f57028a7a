/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_HTTP_H
#define KF_REMOTE_HTTP_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct address_rules;
struct curl_slist;

/* How requests of one kind are made. Everything is borrowed. */
struct http_policy {
    const struct address_rules *rules; /* of who may be connected to; NULL: the host is trusted */
    const char *proxy;                 /* "" for none; those of the environment are never used */
    const char *ca;                    /* file of certificates, "" for the system's */
    bool plain;                        /* http:// too */
    unsigned connect_s;
    unsigned idle_s;   /* time with less than rate_min bytes a second that ends a transfer */
    uint64_t rate_min; /* 0: only silence ends it */
    int64_t deadline;  /* clock_ms() when all must be over; 0 for none */
    int cancel_fd;     /* becomes readable when nobody waits any more, or -1 */
};

enum http_end {
    HTTP_OPEN,      /* not over yet */
    HTTP_ANSWERED,  /* a whole answer came, whatever its status */
    HTTP_CUT,       /* the connection failed, in the middle perhaps: another try may help */
    HTTP_SLOW,      /* too slow, or the deadline passed */
    HTTP_DENIED,    /* the address is not allowed */
    HTTP_TOO_LARGE, /* more came than out_max */
    HTTP_UNTRUSTED, /* the certificate does not hold */
    HTTP_NO_HOST,   /* the name stands for nothing */
    HTTP_NO_ROOM,   /* what came cannot be written, or memory ran out */
    HTTP_CANCELLED
};

/* What an answer's head says; "" or -1 where it says nothing. */
struct http_head {
    long status;
    int64_t length;       /* Content-Length */
    int64_t total;        /* of Content-Range: the size of the whole */
    int64_t at;           /* of Content-Range: where it begins */
    char etag[256];       /* as it came, with its quotes */
    char location[2048];  /* of a redirect */
    char date[64];        /* Date */
    char region[64];      /* x-amz-bucket-region */
    char job[64];         /* x-amz-meta-kferry-job */
    char sum_name[16];    /* of x-amz-checksum-NAME... */
    char sum[96];         /* ...and its value */
    unsigned retry_after; /* seconds */
};

/* One request and its answer. */
struct http_exchange {
    const char *method, *url;
    struct curl_slist *headers; /* owned: goes with http_finish() */
    const char *data;           /* the body, borrowed; or `size` bytes of in_fd from in_at */
    int in_fd;                  /* -1 for none */
    uint64_t in_at, size;
    /* Or what this gives from byte `at` of the body on: at most `n` bytes, -1 when it fails. */
    ssize_t (*read)(void *context, uint64_t at, char *to, size_t n);
    void *read_context;
    bool has_body;
    int out_fd; /* where the body of a 2xx answer is written; -1: it becomes `text` */
    uint64_t out_at, out_max;

    enum http_end end;
    struct http_head head;
    uint64_t got; /* bytes of the body that were written */
    char *text;   /* a body that was not written, cut at HTTP_TEXT_MAX; owned */
    size_t n_text;
    char why[160]; /* what went wrong, for people; no URL in it */

    void *easy; /* libcurl's */
    uint64_t sent;
    char *gathered; /* what is to be written next, owned */
    size_t n_gathered;
    bool lost; /* the text or file could not be kept */
    const struct http_policy *policy;
};
#define HTTP_TEXT_MAX ((size_t)8 << 20)
#define HTTP_EXCHANGE_INIT                                                                         \
    {                                                                                              \
        .method = "GET", .in_fd = -1, .out_fd = -1, .out_max = UINT64_MAX                          \
    }

/* Connections that stay open between exchanges. One thread's. */
struct http;
struct http *http_create(void);
void http_destroy(struct http *http);
KF_DEFINE_AUTO(http)

/** Add a header line; false when memory ran out. */
bool http_header(struct http_exchange *x, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** Run one to its end. */
void http_run(struct http *http, struct http_exchange *x, const struct http_policy *policy);

/* Exchanges that follow each other, several at once. */
struct http_flow {
    size_t at_once;
    /* Another one; NULL when there is none now: ask again after *wait_ms, or when one has ended
     * where that is -1. */
    struct http_exchange *(*next)(void *context, int *wait_ms);
    /* One has ended; false: all others are to end too. */
    bool (*ended)(void *context, struct http_exchange *x);
    void *context;
};

/** Run them until there is none any more. What is stopped ends as HTTP_CANCELLED, untold. */
void http_run_flow(struct http *http, const struct http_flow *flow,
                   const struct http_policy *policy);

/** Free what an exchange holds; twice is fine. */
void http_finish(struct http_exchange *x);

/** How long to wait before try number `attempt` (from 1), with jitter, at least `least_s`: ms, or
 * -1 when the deadline is nearer. */
int http_delay(const struct http_policy *policy, unsigned attempt, unsigned least_s);

/** Wait; false: cancelled. */
bool http_wait(const struct http_policy *policy, int ms);

/** Both. */
bool http_pause(const struct http_policy *policy, unsigned attempt, unsigned least_s);

/** True when the same request may go better the next time. */
bool http_may_go_better(const struct http_exchange *x);

#endif
