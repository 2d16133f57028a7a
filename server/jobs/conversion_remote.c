/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../digest.h"
#include "../http/body.h"
#include "../http/request.h"
#include "../http/routes.h"
#include "../remote/remote.h"
#include "../server.h"
#include "../settings/config.h"
#include "conversion.h"
#include "order.h"
#include "problem.h"
#include "reports.h"
#include "scratch.h"
#include <errno.h>
#include <fcntl.h>
#include <kf/format.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

static struct remote_task task_of(struct request *req)
{
    return (struct remote_task){.remote = req->server->remote,
                                .cancel_fd = req->conversion->cancel_fd,
                                .reserve = reserve,
                                .context = req};
}

/* What went wrong far away becomes the request's failure; being cancelled is none. */
static int fail(struct request *req, const struct remote_task *task)
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
    int status = 0;

    if (name && *name && c->params.filename[0] == '\0')
        status = conversion_set(req, "filename", name);
    if (status == 0 && to && !c->params.options.to)
        status = conversion_set(req, "to", to);
    free(name);
    free(target);
    return status;
}

/* What cannot be allowed is said at once, before anything waits. */
static int check(struct request *req, const struct order *order)
{
    struct remote_task task = task_of(req);
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
    return status < 0 ? fail(req, &task) : 0;
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

static int path_of(const struct conversion *c, size_t index, char path[PATH_MAX])
{
    int n = index == 0 ? snprintf(path, PATH_MAX, "%s/in", c->dir)
                       : snprintf(path, PATH_MAX, "%s/in-%zu", c->dir, index);

    return n < PATH_MAX ? 0 : -1;
}

/* What is fetched, while it is. */
struct bringing {
    struct request *req;
    struct remote_task task;
    size_t n; /* files that are there */
};

/* Room for one more in the list of the body. */
static struct body_file *add_further(struct body *body)
{
    struct body_file *grown = realloc(body->further, (body->n_further + 1) * sizeof *grown);

    if (!grown)
        return NULL;
    body->further = grown;
    return &grown[body->n_further++];
}

/* Fetch one file and list it with the body's; `name` is its path in a folder, or NULL. */
static int bring_file(struct bringing *b, const struct remote_source *source, const char *name,
                      bool architecture)
{
    struct request *req = b->req;
    struct body *body = &req->conversion->body;
    struct remote_got got = {0};
    struct body_file *file;
    char path[PATH_MAX];
    int status = path_of(req->conversion, b->n, path);

    if (status == 0 && remote_fetch(&b->task, source, path, &got) < 0)
        status = fail(req, &b->task);
    if (status == 0 && b->n == 0) {
        body->first = name ? strdup(name) : NULL;
    } else if (status == 0) {
        file = add_further(body);
        status = file ? 0 : request_fail(req, "internal-error", "out of memory");
        if (file)
            *file = (struct body_file){strdup(name ? name : got.name), architecture};
    }
    b->n++;
    body->size += got.size;
    remote_got_finish(&got);
    return status;
}

/* All that is below a prefix or folder: the files of one model, or several models. */
static int bring_folder(struct bringing *b, const char *uri)
{
    struct remote_listing listing;
    int status = 0;

    if (remote_list(&b->task, uri, &listing, JOB_INPUTS_MAX - 1 - b->n) < 0)
        status = fail(b->req, &b->task);
    for (size_t i = 0; status == 0 && i < listing.n; i++) {
        const struct remote_entry *entry = &listing.list[i];
        const struct remote_source source = {.uri = entry->uri,
                                             .etag = entry->etag[0] != '\0' ? entry->etag : NULL};

        status = bring_file(b, &source, entry->name, false);
    }
    remote_listing_finish(&listing);
    return status;
}

static int bring_one(struct bringing *b, const struct order_file *file)
{
    const struct remote_source source = {file->uri, file->sha256, file->version_id, file->etag};

    if (remote_is_folder(file->uri) && !file->architecture)
        return bring_folder(b, file->uri);
    return bring_file(b, &source, NULL, file->architecture);
}

/* The report tells the digest of the first file, as it does of an upload. */
static int hash(struct request *req)
{
    struct conversion *c = req->conversion;
    char path[PATH_MAX];
    int fd = path_of(c, 0, path) == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1, status = -1;

    if (fd >= 0)
        status = digest_sha256(fd, c->cancel_fd, c->body.sha256);
    if (fd >= 0)
        close(fd);
    if (status < 0 && errno != ECANCELED)
        request_fail(req, "internal-error", "the source cannot be read again");
    return status;
}

/* The worker is told what there is; of a job that is known only now. */
static int rewrite_request(struct request *req)
{
    struct conversion *c = req->conversion;
    struct job_input *inputs = calloc(c->body.n_further + 1, sizeof *inputs);
    char path[PATH_MAX];
    int status = -1;

    if (inputs && snprintf(path, sizeof path, "%s/request.json", c->dir) < (int)sizeof path) {
        unlink(path); /* of an attempt it is a link to what was accepted */
        status = job_write_request(c->dir, &c->params, inputs,
                                   body_list(&c->body, c->params.filename, inputs), false);
    }
    free(inputs);
    if (status < 0)
        return request_fail(req, "scratch-full", "the job cannot be stored: %s", strerror(errno));
    return 0;
}

static int bring(struct request *req)
{
    struct bringing b = {.req = req, .task = task_of(req)};
    const struct order *order = req->conversion->order;

    req->conversion->body.has_file = true;
    for (size_t i = 0; i < order->n_files; i++)
        KF_TRY(bring_one(&b, &order->files[i]));
    KF_TRY(hash(req));
    return rewrite_request(req);
}

bool conversion_bring(struct request *req)
{
    struct conversion *c = req->conversion;

    if (!c->order || bring(req) == 0)
        return true;
    c->result.outcome = req->failure.code ? JOB_REMOTE : JOB_CANCELLED;
    return false;
}

/* The target's URI; below a folder the result has the name that an answer would give it. */
static char *target_of(const struct conversion *c)
{
    const char *uri = c->order->target;
    size_t n = strlen(uri);
    char *whole = NULL;

    if (n == 0 || uri[n - 1] != '/')
        return strdup(uri);
    return asprintf(&whole, "%s%s", uri, c->artifact_name) < 0 ? NULL : whole;
}

/* Where the report goes: where it was asked for, or beside the result; NULL for nowhere. */
static char *report_of(const struct order *order, const char *target)
{
    char *whole = NULL;

    if (order->report)
        return strdup(order->report);
    if (strncasecmp(target, "http", 4) == 0)
        return NULL; /* one signature is for one URL */
    return asprintf(&whole, "%s.report.json", target) < 0 ? NULL : whole;
}

static int store_text(struct remote_task *task, const struct remote_target *target,
                      const struct blob *text)
{
    int fd = memfd_create("report", MFD_CLOEXEC), status = -1;
    size_t n = blob_size(text);

    if (fd >= 0 && write(fd, blob_data(text), n) == (ssize_t)n)
        status = remote_store(task, target, fd, n);
    else
        remote_fail(&task->failure, "internal-error", "the report cannot be kept");
    if (fd >= 0)
        close(fd);
    return status;
}

static const char *type_of(const struct conversion *c)
{
    const struct kf_format_info *writer = kf_writer_find(c->params.options.to);

    if (c->artifact_type)
        return c->artifact_type;
    return writer && writer->media_type ? writer->media_type : "application/octet-stream";
}

int conversion_check_several(struct request *req)
{
    struct conversion *c = req->conversion;

    if (!c->order || !c->order->target)
        return 0;
    c->each = remote_is_folder(c->order->target);
    if (c->each)
        return 0;
    return request_fail(req, "not-acceptable",
                        "there are several models in it: their target must end with /");
}

static int deliver_file(struct request *req, const char *uri, const char *path)
{
    struct conversion *c = req->conversion;
    const struct remote_target target = {
        .uri = uri, .replace = c->order->replace, .job = c->id, .media_type = type_of(c)};
    struct remote_task task = task_of(req);
    int fd = open(path, O_RDONLY | O_CLOEXEC), status = -1;
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0)
        status = remote_store(&task, &target, fd, (uint64_t)st.st_size) < 0 ? fail(req, &task) : 0;
    if (fd >= 0)
        close(fd);
    return status;
}

static int deliver_json(struct request *req, const char *uri, const json_t *value)
{
    const struct remote_target target = {
        .uri = uri, .replace = true, .job = req->conversion->id, .media_type = JSON_TYPE};
    struct remote_task task = task_of(req);
    char *text = json_dumps(value, JSON_INDENT(2));
    struct blob *blob = text ? blob_create(text, strlen(text)) : NULL;
    int status = -1;

    if (blob)
        status = store_text(&task, &target, blob) < 0 ? fail(req, &task) : 0;
    blob_destroy(blob);
    free(text);
    return status;
}

int conversion_deliver_one(struct request *req, const char *output, const char *artifact,
                           const json_t *report)
{
    char *uri = NULL, *beside = NULL;
    int status = -1;

    if (asprintf(&uri, "%s%s", req->conversion->order->target, output) < 0)
        uri = NULL;
    if (uri && asprintf(&beside, "%s.report.json", uri) < 0)
        beside = NULL;
    if (beside)
        status = artifact ? deliver_file(req, uri, artifact) : 0;
    if (status == 0 && report)
        status = deliver_json(req, beside, report);
    free(uri);
    free(beside);
    return status;
}

/* The report goes last: when it is there, everything is. */
static int deliver(struct request *req, const char *uri)
{
    struct conversion *c = req->conversion;
    struct remote_target target = {.uri = uri,
                                   .replace = c->order->replace || c->each,
                                   .job = c->id,
                                   .sha256 = c->body.sha256,
                                   .media_type = type_of(c)};
    struct remote_task task = task_of(req);
    char *report = c->each ? NULL : report_of(c->order, uri); /* the summary is one */
    int status = remote_store(&task, &target, c->artifact, c->artifact_size);

    if (status == 0 && report) {
        target.uri = report;
        target.replace = true;
        target.media_type = JSON_TYPE;
        status = store_text(&task, &target, c->report_text);
    }
    free(report);
    return status < 0 ? fail(req, &task) : 0;
}

void conversion_deliver(struct request *req)
{
    struct conversion *c = req->conversion;
    char *uri;

    if (!c->order || !c->order->target || c->result.outcome != JOB_DONE)
        return;
    uri = target_of(c);
    if (!uri)
        c->result.outcome = JOB_INTERNAL;
    else if (deliver(req, uri) == 0)
        c->delivered = remote_show(uri);
    else
        c->result.outcome = req->failure.code ? JOB_REMOTE : JOB_CANCELLED;
    free(uri);
}
