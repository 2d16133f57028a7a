/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../digest.h"
#include "../http/request.h"
#include "../http/routes.h"
#include "../log.h"
#include "../server.h"
#include "../settings/config.h"
#include "conversion.h"
#include "data.h"
#include "jobs_private.h"
#include "notify.h"
#include "order.h"
#include "queue.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Longest time that an answer is held back, and what to say when the store is away. */
#define WAIT_MAX_S  60
#define STORE_RETRY 2

/* One preference of the header Prefer. Source: RFC 7240, 4.1 and 4.3 */
static void read_one(struct conversion *c, const char *text, size_t n, bool *async)
{
    if (n == 13 && strncasecmp(text, "respond-async", n) == 0)
        *async = true;
    if (n > 5 && strncasecmp(text, "wait=", 5) == 0)
        c->wait = (unsigned)strtoul(text + 5, NULL, 10);
    if (c->wait > WAIT_MAX_S)
        c->wait = WAIT_MAX_S;
}

void jobs_read_preference(struct request *req)
{
    struct conversion *c = req->conversion;
    const char *at = request_header(req, "Prefer");
    bool async = false;

    while (at && *at) {
        size_t n = strcspn(at, ",; \t");

        read_one(c, at, n, &async);
        at += n;
        at += strspn(at, ",; \t");
    }
    c->stored = req->route->job || (async && c->task == JOB_CONVERT);
}

/* Seconds after which there may be room again. */
static unsigned retry_after(struct server *server)
{
    struct store_counts counts;
    struct queue_state q;

    jobs_counts(server->jobs, &counts);
    queue_look(server->queue, &q);
    return queue_wait_seconds(server->queue,
                              (double)(counts.jobs[STATE_QUEUED] + counts.jobs[STATE_RUNNING]));
}

int jobs_fail_away(struct request *req)
{
    req->failure.retry_after = STORE_RETRY;
    return request_fail(req, "store-unavailable", "the record of jobs cannot be reached");
}

static int fail_busy(struct request *req, const char *code, const char *what)
{
    req->failure.retry_after = retry_after(req->server);
    return request_fail(req, code, "%s", what);
}

/* A key that is known brings a replay, which takes no place. */
static bool is_replay(struct request *req, const char *key)
{
    return key && store_has_key(req->server->jobs->store, req->principal, key);
}

static int check_key(struct request *req, const char *key)
{
    size_t n = 0;

    if (!key)
        return 0;
    while (key[n] > ' ' && key[n] < 0x7f)
        n++;
    if (n > 0 && n < STORE_KEY_SIZE && key[n] == '\0')
        return 0;
    return request_fail(req, "invalid-request", "Idempotency-Key has 1 to %d letters of ASCII",
                        STORE_KEY_SIZE - 1);
}

/* Whether one more job of `length` bytes is within what the client may have. */
static int check_client(struct request *req, uint64_t length)
{
    const struct config *config = req->server->config;
    uint64_t jobs = req->limits.jobs > 0 ? req->limits.jobs : config->client_jobs_max;
    uint64_t bytes = req->limits.bytes > 0 ? req->limits.bytes : config->client_bytes_max;
    struct store_load load;

    if (jobs == 0 && bytes == 0)
        return 0;
    if (store_of_client(req->server->jobs->store, req->client, &load) < 0)
        return jobs_fail_away(req);
    if (jobs > 0 && (uint64_t)load.jobs >= jobs)
        return fail_busy(req, "client-jobs", "this client has as many jobs as one may");
    if (bytes > 0 && (length > bytes || (uint64_t)load.bytes > bytes - length))
        return fail_busy(req, "client-bytes", "this client's jobs have as many bytes as they may");
    return 0;
}

int jobs_admit(struct request *req, uint64_t length)
{
    struct jobs *jobs = req->server->jobs;
    const char *key = request_header(req, "Idempotency-Key");
    int64_t waiting;

    KF_TRY(check_key(req, key));
    waiting = store_waiting(jobs->store);
    if (waiting < 0)
        return jobs_fail_away(req);
    if (!is_replay(req, key)) {
        if ((uint64_t)waiting + atomic_load(&jobs->arriving) >= req->server->config->jobs_max)
            return fail_busy(req, "queue-full", "as many jobs wait as may");
        KF_TRY(check_client(req, length));
    }
    if (!jobs_make_room(jobs, length))
        return fail_busy(req, "scratch-full", "the room for jobs is full of jobs that wait or run");
    atomic_fetch_add(&jobs->arriving, 1);
    return 0;
}

void jobs_unreserve(struct jobs *jobs)
{
    atomic_fetch_sub(&jobs->arriving, 1);
}

char *jobs_make_folder(struct jobs *jobs, const char *id)
{
    return data_make(jobs->data, id);
}

void jobs_discard(struct jobs *jobs, const char *id)
{
    data_drop(jobs->data, id);
}

/* What is known of the job when it is accepted. */
static json_t *facts_of(const struct request *req)
{
    const struct conversion *c = req->conversion;
    json_t *facts =
        json_pack("{s:s, s:s*, s:s, s:s, s:s*, s:s*}", "filename", c->params.filename, "to",
                  c->params.options.to, "request_id", req->id, "client", req->client, "trace_id",
                  req->trace_id[0] != '\0' ? req->trace_id : NULL, "archive",
                  c->form == ANSWER_ZIP ? "zip" : NULL);

    if (facts && c->order)
        order_tell(c->order, facts);
    else if (facts)
        json_object_update_new(facts, json_pack("{s:I, s:s}", "bytes", (json_int_t)c->body.size,
                                                "sha256", c->body.sha256));
    return facts;
}

/* Each file of the body as it came: name, part and digest. NULL when one cannot be read. */
static json_t *files_of(const struct conversion *c)
{
    struct job_input inputs[BODY_FILES_MAX];
    int n = c->order ? 0 : body_open(&c->body, c->dir, c->params.filename, inputs);
    json_t *files = n < 0 ? NULL : json_array();
    bool ok = files && (!c->order || json_array_append(files, c->order->json) == 0);

    for (int i = 0; i < n; i++) {
        char sha256[65];

        memcpy(sha256, c->body.sha256, sizeof sha256);
        ok = ok && (i == 0 || digest_sha256(inputs[i].fd, -1, sha256) == 0) &&
             json_array_append_new(files, json_pack("[s, b, s]", inputs[i].name,
                                                    inputs[i].architecture, sha256)) == 0;
        close(inputs[i].fd);
    }
    if (ok)
        return files;
    json_decref(files);
    return NULL;
}

/* What makes two requests of one key the same: what is asked for and what it is asked of. */
static bool fingerprint(const struct request *req, char out[65])
{
    json_t *files = files_of(req->conversion);
    json_t *all = files ? kf_request_to_json(&req->conversion->params) : NULL;
    char *text = NULL;
    bool ok;

    if (all && json_object_set(all, "files", files) == 0)
        text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
    ok = text && digest_sha256_text(text, out);
    free(text);
    json_decref(all);
    json_decref(files);
    return ok;
}

/* The files belong to the store from now on. */
static void hand_over(struct conversion *c)
{
    free(c->dir);
    c->dir = NULL;
}

/* Nobody knows whether it is recorded: if it is, its files must be there. */
static int fail_unknown(struct request *req)
{
    hand_over(req->conversion);
    return jobs_fail_away(req);
}

static int fail_to_store(struct request *req)
{
    return request_fail(req, "scratch-full", "the job cannot be stored: %s", strerror(errno));
}

static int record(struct request *req, json_t *facts, const char *key, const char *print)
{
    struct conversion *c = req->conversion;
    const struct store_new job = {
        .id = c->id,
        .principal = req->principal,
        .client = req->client,
        .key = key,
        .print = print,
        .bytes = (int64_t)c->body.size,
        .facts = facts,
    };

    switch (store_add(req->server->jobs->store, &job, req->job)) {
    case STORE_FAILED:
        return fail_unknown(req);
    case STORE_CONFLICT:
        return request_fail(req, "idempotency-key-reused",
                            "this Idempotency-Key came with another file or other parameters");
    case STORE_REPLAY:
        req->replayed = true;
        return 0;
    default:
        hand_over(c);
        return 0;
    }
}

/* While it came the client's others came too, and only now is it known how much has no length. */
static int check_client_again(struct request *req, const char *key)
{
    return is_replay(req, key) ? 0 : check_client(req, req->conversion->body.size);
}

/* What came is safe on the disk, and hashed meanwhile: as a job with this key, or NULL. */
static int accept_settled(struct request *req, const char *key)
{
    char print[65] = "";
    json_t *facts = body_settle(&req->conversion->body) ? facts_of(req) : NULL;
    int status;

    if (!facts || (key && !fingerprint(req, print)))
        status = request_fail(req, "internal-error", "the job cannot be read back");
    else if (check_client_again(req, key) < 0)
        status = -1;
    else if (notify_add(req) < 0)
        status = fail_to_store(req);
    else
        status = record(req, facts, key, key ? print : NULL);
    json_decref(facts);
    return status;
}

int jobs_accept(struct request *req)
{
    struct jobs *jobs = req->server->jobs;
    const char *key = request_header(req, "Idempotency-Key");
    int status = data_settle(jobs->data, req->conversion->id) < 0 ? fail_to_store(req)
                                                                  : accept_settled(req, key);

    if (req->conversion->dir) /* not recorded: refused, or a replay of another one */
        notify_drop(req->server, req->conversion->id);
    conversion_unreserve(req);
    if (status == 0)
        jobs_changed(req->server);
    return status;
}
