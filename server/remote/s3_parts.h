/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_S3_PARTS_H
#define KF_REMOTE_S3_PARTS_H

#include "s3.h"

#define S3_PARTS_AT_ONCE 4
#define S3_RANGE_MAX     (UINT64_C(16) << 20) /* bytes */

/* A piece of a large object: a range that comes, or a part that goes. */
struct s3_part {
    uint64_t number;   /* from 0 */
    uint64_t at, left; /* bytes: where it goes on, and what of it is still to come or go */
    struct s3_request request;
    struct s3_call call;
    char text[1200]; /* what the request borrows */

    enum { S3_PART_FREE, S3_PART_WAITS, S3_PART_RUNS } state;
    unsigned tries;
    int64_t not_before; /* clock_ms() */
};

/* An object that goes in parts, several of them at once, each until it is whole. */
struct s3_parts {
    struct s3 *s3;
    uint64_t at, end, size; /* bytes: from here, to there, and of a part */
    const char *shown;

    /* Fill part->request. */
    void (*prepare)(void *context, struct s3_part *part);
    /* A call has ended, somehow: take what came of it, and count it off part->left. */
    void (*take)(void *context, struct s3_part *part);
    void *context;

    struct s3_part list[S3_PARTS_AT_ONCE]; /* s3_parts.c's own from here on */
    uint64_t next;
    int status;
};

/** Bytes of a range that is asked for. */
uint64_t s3_range_size(const struct remote *remote);

/** Bytes of a part of an object of `size` bytes that is put. */
uint64_t s3_part_size(const struct remote *remote, uint64_t size);

/** One connection brought so many bytes in so many ms: is the storage near? */
void s3_parts_learn(struct remote *remote, uint64_t bytes, int64_t ms);

/** Run all parts. 0, or -1 with the task's failure. */
int s3_parts_run(struct s3_parts *parts);

#endif
