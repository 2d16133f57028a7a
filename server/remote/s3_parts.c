/* SPDX-License-Identifier: Apache-2.0 */
#include "s3_parts.h"
#include "../clock.h"
#include "remote_private.h"

#define PARTS_MAX 9000                 /* of the 10,000 that S3 takes */
#define PART_FAR  (UINT64_C(64) << 20) /* bytes */
#define PART_NEAR (UINT64_C(4) << 30)
#define NEAR      ((UINT64_C(256) << 20) / 1000) /* bytes a ms */

/* Smaller than what is put at once: the checksum follows what has come in order. */
uint64_t s3_range_size(const struct remote *remote)
{
    uint64_t part = remote->set.part;

    return part > 0 && part < S3_RANGE_MAX ? part : S3_RANGE_MAX;
}

/*
 * Far away several connections carry more than one, and what breaks costs little. Near by one
 * carries all there is, and a storage that copies parts to put them together takes twice as long.
 */
uint64_t s3_part_size(const struct remote *remote, uint64_t size)
{
    uint64_t part = remote->set.part;

    if (part == 0)
        part = remote->s3_is_near ? PART_NEAR : PART_FAR;
    while (part * PARTS_MAX < size)
        part *= 2;
    return part;
}

void s3_parts_learn(struct remote *remote, uint64_t bytes, int64_t ms)
{
    if (bytes >= S3_RANGE_MAX)
        remote->s3_is_near = bytes / (uint64_t)(ms > 0 ? ms : 1) >= NEAR;
}

static int send_part(struct s3_parts *parts, struct s3_part *part)
{
    part->request = (struct s3_request)S3_REQUEST_INIT;
    parts->prepare(parts->context, part);
    KF_TRY(s3_sign(parts->s3, &part->request, &part->call));
    part->state = S3_PART_RUNS;
    return 0;
}

static void begin(struct s3_parts *parts, struct s3_part *part)
{
    uint64_t left = parts->end - parts->at;

    *part = (struct s3_part){.number = parts->next++,
                             .at = parts->at,
                             .left = left < parts->size ? left : parts->size,
                             .state = S3_PART_WAITS};
    parts->at += part->left;
}

/* What is to be sent next: what broke and has waited long enough, or a part that is new. */
static struct s3_part *choose(struct s3_parts *parts, int *wait_ms)
{
    int64_t now = clock_ms();
    struct s3_part *unused = NULL;

    *wait_ms = -1;
    if (parts->status < 0)
        return NULL;
    for (size_t i = 0; i < S3_PARTS_AT_ONCE; i++) {
        struct s3_part *part = &parts->list[i];

        if (part->state == S3_PART_WAITS && part->not_before <= now)
            return part;
        if (part->state == S3_PART_WAITS && (*wait_ms < 0 || part->not_before - now < *wait_ms))
            *wait_ms = (int)(part->not_before - now);
        if (part->state == S3_PART_FREE)
            unused = part;
    }
    if (!unused || parts->at == parts->end)
        return NULL;
    begin(parts, unused);
    return unused;
}

static struct http_exchange *next(void *context, int *wait_ms)
{
    struct s3_parts *parts = context;
    struct s3_part *part = choose(parts, wait_ms);

    if (!part)
        return NULL;
    parts->status = send_part(parts, part);
    if (parts->status == 0)
        return &part->call.x;
    *wait_ms = -1;
    return NULL;
}

/* It came or went only in part, or not at all: when to try what is left of it. */
static int put_off(struct s3_parts *parts, struct s3_part *part)
{
    int wait_ms = 0, status = -1;

    part->tries++;
    if (!s3_is_fine(&part->call))
        status = s3_judge(parts->s3, &part->request, &part->call, part->tries, &wait_ms);
    else if (part->tries < REMOTE_TRIES)
        status = 1;
    else
        remote_fail(&parts->s3->task->failure, "source-fetch-failed",
                    "%s: the storage does not send the range that is asked for", parts->shown);
    if (status == 0)
        status = s3_explain(parts->s3, &part->request, &part->call);
    part->state = S3_PART_WAITS;
    part->not_before = clock_ms() + wait_ms;
    return status;
}

static bool ended(void *context, struct http_exchange *x)
{
    struct s3_parts *parts = context;
    struct s3_part *part = parts->list;

    while (&part->call.x != x)
        part++;
    parts->take(parts->context, part);
    part->state = S3_PART_FREE;
    if ((!s3_is_fine(&part->call) || part->left > 0) && put_off(parts, part) < 0)
        parts->status = -1;
    s3_call_finish(&part->call);
    return parts->status == 0;
}

int s3_parts_run(struct s3_parts *parts)
{
    const struct http_flow flow = {
        .at_once = S3_PARTS_AT_ONCE, .next = next, .ended = ended, .context = parts};

    http_run_flow(parts->s3->http, &flow, &parts->s3->policy);
    for (size_t i = 0; i < S3_PARTS_AT_ONCE; i++) {
        bool open = parts->list[i].state != S3_PART_FREE;

        s3_call_finish(&parts->list[i].call);
        if (open && parts->status == 0)
            parts->status =
                remote_fail(&parts->s3->task->failure, "cancelled", "nobody waits any more");
    }
    return parts->status;
}
