/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "../http/accept.h"
#include "../http/clients.h"
#include "../http/request.h"
#include "../http/routes.h"
#include "../server.h"
#include "../settings/config.h"
#include "conversion.h"
#include "jobs.h"
#include "queue.h"
#include "scratch.h"
#include <errno.h>
#include <inttypes.h>
#include <kf/format.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>

/* Seconds after which a service that stops here is likely to be up elsewhere. */
#define DRAIN_RETRY 2

int conversion_set(struct request *req, const char *name, const char *value)
{
    struct kf_param_error err = {0};

    if (kf_request_set(&req->conversion->params, name, value, &err) == 0)
        return 0;
    memcpy(req->failure.parameter, err.parameter, sizeof err.parameter);
    return request_fail(req, "invalid-parameter", "%s", err.detail);
}

static enum MHD_Result on_argument(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t n_name, const char *value, size_t n_value)
{
    struct request *req = cls;

    (void)kind;
    if (strlen(name) != n_name || (value && strlen(value) != n_value)) {
        request_fail(req, "invalid-parameter", "the query has a zero byte in it");
        return MHD_NO;
    }
    return conversion_set(req, name, value ? value : "") == 0 ? MHD_YES : MHD_NO;
}

/* The parameters that are known before the body: from the path and the query. */
static int read_parameters(struct request *req)
{
    for (size_t i = 0; i < 2; i++) {
        const char *name = req->route->fields[i];

        if (name && req->captured[i][0] != '\0')
            KF_TRY(conversion_set(req, name, req->captured[i]));
    }
    MHD_get_connection_values_n(req->connection, MHD_GET_ARGUMENT_KIND, on_argument, req);
    return req->failure.code ? -1 : 0;
}

/* Choose the form of the answer; the artefact's own media type stands for the artefact too. */
static int choose_form(struct request *req)
{
    static const char *const forms[] = {"application/octet-stream", "application/x-tar",
                                        "application/zip", "application/json"};
    struct conversion *c = req->conversion;
    const char *accept = request_header(req, MHD_HTTP_HEADER_ACCEPT), *offers[5];
    int chosen;

    if (c->task != JOB_CONVERT) {
        c->form = ANSWER_JSON;
        if (accept_choose(accept, &forms[ANSWER_JSON], 1) == 0)
            return 0;
        return request_fail(req, "not-acceptable", "the answer is application/json, nothing else");
    }
    memcpy(offers, forms, sizeof forms);
    offers[4] = kf_artifact_type(&c->params);
    chosen = accept_choose(accept, offers, 5);
    if (chosen < 0 && req->route->job)
        chosen = ANSWER_ARTIFACT; /* the answer is about the job; this is for its result */
    if (chosen < 0)
        return request_fail(req, "not-acceptable",
                            "the answer can be application/octet-stream (the file), "
                            "application/x-tar or application/zip (file and report), or "
                            "application/json (the report)");
    c->form = chosen == 4 ? ANSWER_ARTIFACT : (enum answer_form)chosen;
    return 0;
}

static bool is_multipart(const struct request *req)
{
    const char *type = request_header(req, MHD_HTTP_HEADER_CONTENT_TYPE);

    return type && strncasecmp(type, "multipart/form-data", 19) == 0;
}

/* A form and a request in JSON bring their options later; all others have said everything by now.
 */
static int check_parameters(struct request *req)
{
    struct kf_param_error err = {0};

    if (!conversion_has_target(req->conversion) || is_multipart(req) || conversion_may_order(req) ||
        kf_request_check(&req->conversion->params, &err) == 0)
        return 0;
    memcpy(req->failure.parameter, err.parameter, sizeof err.parameter);
    return request_fail(req, "invalid-parameter", "%s", err.detail);
}

/* One more conversion of this client, if it may have that many at once. */
static int enter(struct request *req)
{
    struct server *server = req->server;
    uint64_t most =
        req->limits.requests > 0 ? req->limits.requests : server->config->client_requests_max;

    req->conversion->entered = clients_enter(server->clients, req->client, most);
    if (req->conversion->entered)
        return 0;
    req->failure.retry_after = queue_retry_after(server->queue);
    return request_fail(req, "client-requests",
                        "this client has %" PRIu64 " conversions under way, as many as one may",
                        most);
}

/* Set the room for the body aside: on the disk by its length, and in the queue. */
static int reserve(struct request *req)
{
    const char *text = request_header(req, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t length = text ? strtoull(text, NULL, 10) : 0, max = req->server->config->body_max;
    struct server *server = req->server;

    if (length > max) {
        req->failure.limit = max;
        req->failure.actual = length;
        return request_fail(req, "body-too-large",
                            "the body has %" PRIu64 " bytes, more than %" PRIu64, length, max);
    }
    KF_TRY(enter(req));
    if (req->conversion->stored) {
        KF_TRY(jobs_admit(req, length));
    } else if (!queue_reserve(server->queue)) {
        req->failure.retry_after = queue_retry_after(server->queue);
        return request_fail(req, "queue-full", "all workers are busy and the queue is full");
    }
    atomic_store(&req->conversion->reserved, true);
    if (!scratch_reserve(server->scratch, length)) {
        req->failure.retry_after = queue_retry_after(server->queue);
        return request_fail(req, "scratch-full", "there is no room for %" PRIu64 " bytes of input",
                            length);
    }
    req->conversion->scratch = length;
    return 0;
}

static int make_folder(struct request *req)
{
    struct conversion *c = req->conversion;

    c->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->cancel_fd < 0)
        return request_fail(req, "internal-error", "no descriptor is left");
    c->dir = c->stored ? jobs_make_folder(req->server->jobs, c->id)
                       : job_dir_create(scratch_dir(req->server->scratch), "job-");
    if (!c->dir)
        return request_fail(req, "scratch-full", "the job's folder cannot be made: %s",
                            strerror(errno));
    return body_begin(req);
}

static int create(struct request *req, enum job_task task)
{
    struct conversion *c = calloc(1, sizeof *c);

    if (!c)
        return request_fail(req, "internal-error", "out of memory");
    c->task = task;
    c->cancel_fd = c->artifact = c->progress = -1;
    c->body = (struct body)BODY_INIT;
    c->began = req->began;
    id_create(c->id);
    kf_request_init(&c->params);
    req->conversion = c;
    jobs_read_preference(req);
    return 0;
}

int conversion_begin(struct request *req, enum job_task task)
{
    if (!server_takes_work(req->server)) {
        req->failure.retry_after = DRAIN_RETRY;
        return request_fail(req, "shutting-down", "the service is stopping");
    }
    KF_TRY(create(req, task));
    KF_TRY(read_parameters(req));
    KF_TRY(choose_form(req));
    KF_TRY(check_parameters(req));
    KF_TRY(reserve(req));
    return make_folder(req);
}
