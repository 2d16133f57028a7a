/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../http/request.h"
#include "../remote/remote.h"
#include "conversion.h"
#include "order.h"
#include "reports.h"
#include <fcntl.h>
#include <kf/format.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON_TYPE "application/json"

/* The target's URI; below a folder the result has the name that an answer would give it, unless it
 * is a folder itself. */
static char *target_of(const struct conversion *c)
{
    const char *uri = c->order->target;
    size_t n = strlen(uri);
    char *whole = NULL;

    if (n == 0 || uri[n - 1] != '/' || conversion_is_unpacked(c))
        return strdup(uri);
    return asprintf(&whole, "%s%s", uri, c->artifact_name) < 0 ? NULL : whole;
}

/* Where the report goes: where it was asked for, or beside the result; NULL for nowhere. */
static char *report_of(const struct order *order, const char *target)
{
    size_t n = strlen(target);
    char *whole = NULL;

    if (order->report)
        return strdup(order->report);
    if (strncasecmp(target, "http", 4) == 0)
        return NULL; /* one signature is for one URL */
    n -= n > 0 && target[n - 1] == '/';
    return asprintf(&whole, "%.*s.report.json", (int)n, target) < 0 ? NULL : whole;
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
    if (conversion_is_unpacked(c))
        return "application/octet-stream";
    return c->artifact_type ? c->artifact_type : kf_artifact_type(&c->params);
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
    struct remote_task task = conversion_task(req);
    int fd = open(path, O_RDONLY | O_CLOEXEC), status = -1;
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0)
        status = remote_store(&task, &target, fd, (uint64_t)st.st_size) < 0
                     ? conversion_fail(req, &task)
                     : 0;
    if (fd >= 0)
        close(fd);
    return status;
}

static int deliver_json(struct request *req, const char *uri, const json_t *value)
{
    const struct remote_target target = {
        .uri = uri, .replace = true, .job = req->conversion->id, .media_type = JSON_TYPE};
    struct remote_task task = conversion_task(req);
    char *text = json_dumps(value, JSON_INDENT(2));
    struct blob *blob = text ? blob_create(text, strlen(text)) : NULL;
    int status = -1;

    if (blob)
        status = store_text(&task, &target, blob) < 0 ? conversion_fail(req, &task) : 0;
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

int conversion_deliver_part(struct request *req, const char *name, const json_t *summary)
{
    char *uri = NULL;
    int status = asprintf(&uri, "%s%s", req->conversion->order->target, name) < 0
                     ? -1
                     : deliver_json(req, uri, summary);

    free(uri);
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
    struct remote_task task = conversion_task(req);
    char *report = c->each ? NULL : report_of(c->order, uri); /* the summary is one */
    int status = conversion_is_unpacked(c)
                     ? conversion_store_folder(req, &task, &target)
                     : remote_store(&task, &target, c->artifact, c->artifact_size);

    if (status == 0 && report) {
        target.uri = report;
        target.replace = true;
        target.media_type = JSON_TYPE;
        status = store_text(&task, &target, c->report_text);
    }
    free(report);
    return status < 0 ? conversion_fail(req, &task) : 0;
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
