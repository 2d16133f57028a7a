/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_S3_H
#define KF_REMOTE_S3_H

#include "credentials.h"
#include "http.h"
#include "remote.h"
#include "s3_chunks.h"
#include "sigv4.h"

/* "s3://bucket/key", with the key as it is: nothing in it is an escape. */
struct s3_place {
    char bucket[64];
    char *key;   /* owned */
    char *shown; /* owned */
};

/** Take an URI apart; -1 with task->failure. s3_place_finish() in any case. */
int s3_place_parse(struct remote_task *task, struct s3_place *out, const char *uri);
void s3_place_finish(struct s3_place *place);

/* One thread's work with a storage: connections, keys, and what it has learnt. */
struct s3 {
    struct remote_task *task;
    struct http *http;
    struct http_policy policy;
    struct credentials keys;
    char region[64];
    int64_t skew;  /* seconds that the storage's clock is ahead */
    bool renewed;  /* the keys were asked for again */
    bool relearnt; /* the region, from an answer */
    bool write;    /* for the words of failures */
};

/** Find keys and prepare; -1 with task->failure. s3_end() in any case. */
int s3_begin(struct s3 *s3, struct remote_task *task, bool write);
void s3_end(struct s3 *s3);

#define S3_HEADERS_MAX 8

/* What is asked of it. Strings are borrowed. */
struct s3_request {
    const char *method;
    const struct s3_place *place;
    bool of_bucket;                              /* not of the key */
    const char *query;                           /* encoded; "" for none */
    struct sigv4_header headers[S3_HEADERS_MAX]; /* beside those that every request has */
    size_t n_headers;
    const char *data; /* body, or `size` bytes of in_fd from in_at */
    int in_fd;        /* -1 for none */
    uint64_t in_at, size;
    const char *sha256; /* of the body, or a word of sigv4.h; NULL when there is no body */
    int out_fd;         /* as of struct http_exchange */
    uint64_t out_at, out_max;
};
#define S3_REQUEST_INIT                                                                            \
    {                                                                                              \
        .query = "", .in_fd = -1, .out_fd = -1, .out_max = UINT64_MAX                              \
    }

/* A signed request and its answer. */
struct s3_call {
    struct http_exchange x;
    char *url;
    struct s3_chunks *chunks; /* the body, where it is signed while it goes */
    char code[64];            /* S3's word for what went wrong, "" for none */
};

/** Sign a request. -1 with task->failure; s3_call_finish() in any case. */
int s3_sign(struct s3 *s3, const struct s3_request *request, struct s3_call *call);
void s3_call_finish(struct s3_call *call);

/**
 * After a call: 1 when it should be signed and sent again after *wait_ms, 0 when its answer is
 * final, -1 with task->failure.
 */
int s3_judge(struct s3 *s3, const struct s3_request *request, struct s3_call *call, unsigned tries,
             int *wait_ms);

/** Send until there is a final answer, whatever its status. -1 with task->failure. */
int s3_ask(struct s3 *s3, const struct s3_request *request, struct s3_call *call);

/** Say why a final answer is no success; -1. */
int s3_explain(struct s3 *s3, const struct s3_request *request, const struct s3_call *call);

/** Set the region that a bucket is in: as it was learnt, or as the settings say. */
void s3_find_region(struct s3 *s3, const char *bucket);

/** Take another region from an answer that refuses ours; true when there is one to try. */
bool s3_learn_region(struct s3 *s3, const struct s3_request *request, const struct s3_call *call);

static inline bool s3_is_fine(const struct s3_call *call)
{
    return call->x.end == HTTP_ANSWERED && call->x.head.status >= 200 && call->x.head.status < 300;
}

int s3_check(struct remote_task *task, const char *uri, bool write);
int s3_fetch(struct remote_task *task, const struct remote_source *source, const char *path,
             struct remote_got *got);
int s3_store(struct remote_task *task, const struct remote_target *target, int fd, uint64_t size);
int s3_list(struct remote_task *task, const char *uri, const struct remote_window *window,
            struct remote_listing *out, size_t max);

#endif
