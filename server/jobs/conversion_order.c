/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../http/request.h"
#include "../http/routes.h"
#include "../remote/remote.h"
#include "../server.h"
#include "conversion.h"
#include "order.h"
#include "scratch.h"
#include <errno.h>
#include <kf/format.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* A JSON body above it is a model's architecture, not a request. */
#define ORDER_BYTES_MAX (UINT64_C(1) << 20)
#define JSON_TYPE       "application/json"

static bool reserve(void *context, uint64_t bytes)
{
    struct request *req = context;

    if (!scratch_reserve(req->server->scratch, bytes))
        return false;
    req->conversion->scratch += bytes;
    return true;
}

struct remote_task conversion_task(struct request *req)
{
    return (struct remote_task){.remote = req->server->remote,
                                .cancel_fd = req->conversion->cancel_fd,
                                .reserve = reserve,
                                .context = req};
}

int conversion_fail(struct request *req, const struct remote_task *task)
{
    if (strcmp(task->failure.code, "cancelled") == 0)
        return -1;
    request_fail(req, task->failure.code, "%s", task->failure.detail);
    req->failure.limit = task->failure.limit;
    return -1;
}

bool conversion_may_order(const struct request *req)
{
    const char *type = request_header(req, MHD_HTTP_HEADER_CONTENT_TYPE);

    return type && strncasecmp(type, JSON_TYPE, strlen(JSON_TYPE)) == 0 &&
           strcmp(req->method, "POST") == 0 && req->conversion->params.filename[0] == '\0';
}

/* The body as JSON, when it is a request. 0 with or without, -1 with a failure. */
static int load(struct request *req, json_t **out)
{
    struct conversion *c = req->conversion;
    char path[PATH_MAX];
    json_error_t error;

    *out = NULL;
    if (!conversion_may_order(req) || c->body.size > ORDER_BYTES_MAX ||
        snprintf(path, sizeof path, "%s/in", c->dir) >= (int)sizeof path)
        return 0;
    *out = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (json_object_get(*out, "source")) {
        unlink(path);
        c->body.size = 0;
        c->body.sha256[0] = '\0';
        return 0;
    }
    json_decref(*out);
    *out = NULL;
    if (c->body.size == 0 || c->params.options.to || !conversion_has_target(c))
        return 0;
    return request_fail(req, "malformed-json",
                        "the body is no request in JSON, which has a \"source\"; a model in JSON "
                        "needs the parameters to and filename in the path or the query");
}

/* The members of the object that are parameters. */
static int read_parameters(struct request *req, const json_t *object)
{
    static const char *const others[] = {"source", "architecture", "target", "notify"};
    struct kf_param_error err = {0};
    json_t *rest = json_copy((json_t *)object);
    int status;

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        json_object_del(rest, others[i]);
    status = kf_request_from_json(&req->conversion->params, rest, &err);
    json_decref(rest);
    if (status == 0)
        return 0;
    memcpy(req->failure.parameter, err.parameter, sizeof err.parameter);
    return request_fail(req, "invalid-parameter", "%s", err.detail);
}

/* The name of the source, and what to write by the name of the target, where nobody said it. */
static int complete(struct request *req, const struct order *order)
{
    struct conversion *c = req->conversion;
    char *name = remote_name(order->files[0].uri);
    char *target = order->target ? remote_name(order->target) : NULL;
    const char *to = target ? kf_writer_of_name(target) : NULL;
    const char *archive = target ? kf_archive_of_name(target) : NULL;
    int status = 0;

    if (name && *name && c->params.filename[0] == '\0')
        status = conversion_set(req, "filename", name);
    if (status == 0 && to && !c->params.options.to)
        status = conversion_set(req, "to", to);
    if (status == 0 && archive && kf_writes_folder(c->params.options.to))
        status = conversion_set(req, "archive", archive);
    free(name);
    free(target);
    return status;
}

/* What cannot be allowed is said at once, before anything waits. */
static int check(struct request *req, const struct order *order)
{
    struct remote_task task = conversion_task(req);
    int status = 0;

    if (order->notify && !req->conversion->stored)
        return request_fail(req, "invalid-parameter",
                            "only jobs have \"notify\": POST /v1/jobs, or Prefer: respond-async");
    if (order->target && req->conversion->task != JOB_CONVERT)
        return request_fail(req, "invalid-parameter", "only a conversion has a target");
    for (size_t i = 0; status == 0 && i < order->n_files; i++)
        status = remote_check(&task, order->files[i].uri, false);
    if (status == 0 && order->target)
        status = remote_check(&task, order->target, true);
    if (status == 0 && order->report)
        status = remote_check(&task, order->report, true);
    if (status == 0 && order->notify)
        status = remote_check_notify(&task, order->notify);
    return status < 0 ? conversion_fail(req, &task) : 0;
}

int conversion_take_order(struct request *req)
{
    struct conversion *c = req->conversion;
    json_t *object;
    int status;

    KF_TRY(load(req, &object));
    if (!object)
        return 0;
    status = read_parameters(req, object);
    if (status == 0)
        status = order_read(req, object, &c->order);
    json_decref(object);
    KF_TRY(status);
    KF_TRY(complete(req, c->order));
    KF_TRY(check(req, c->order));
    if (c->stored && order_save(c->order, c->dir) < 0)
        return request_fail(req, "scratch-full", "the job cannot be stored: %s", strerror(errno));
    return 0;
}
