/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../digest.h"
#include "../http/body.h"
#include "../http/request.h"
#include "../remote/remote.h"
#include "../server.h"
#include "conversion.h"
#include "order.h"
#include "parts.h"
#include "resume.h"
#include "scratch.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* List one more file with the body's; the first has a name of its own only in a folder. */
static int list_file(struct bringing *b, const char *name, const char *own, bool architecture)
{
    struct body *body = &b->req->conversion->body;
    struct body_file *file;
    bool ok = true;

    if (b->n == 0) {
        body->first = name ? strdup(name) : NULL;
        ok = body->first || !name;
    } else {
        file = add_further(body);
        if (file)
            *file = (struct body_file){strdup(name ? name : own), architecture};
        ok = file && file->name;
    }
    return ok ? 0 : request_fail(b->req, "internal-error", "out of memory");
}

/* Fetch one file and list it with the body's; `name` is its path in a folder, or NULL. */
static int bring_file(struct bringing *b, const struct remote_source *source, const char *name,
                      bool architecture)
{
    struct request *req = b->req;
    struct remote_got got = {0};
    char path[PATH_MAX];
    int status = path_of(req->conversion, b->n, path);

    if (status == 0 && remote_fetch(&b->task, source, path, &got) < 0)
        status = conversion_fail(req, &b->task);
    if (status == 0)
        status = list_file(b, name, got.name, architecture);
    b->n++;
    req->conversion->body.size += got.size;
    remote_got_finish(&got);
    return status;
}

static int fail_many(struct request *req, const char *uri)
{
    return request_fail(req, "source-too-large",
                        "there are more than %zu files of models below %s: any number of them goes "
                        "into a target that ends with /",
                        PARTS_FILES_MAX, uri);
}

static bool goes_into_folder(const struct conversion *c)
{
    return c->task == JOB_CONVERT && c->order->n_files == 1 && c->order->target &&
           remote_is_folder(c->order->target);
}

/* A folder that goes into a folder goes in parts: what is there already of an earlier call? */
static int list_part(struct bringing *b, const char *uri, struct remote_listing *now)
{
    struct conversion *c = b->req->conversion;
    const struct order *order = c->order;

    *now = (struct remote_listing){0};
    if (!c->parts)
        c->parts = parts_create();
    if (!c->parts)
        return request_fail(b->req, "internal-error", "out of memory");
    if (parts_list(c->parts, &b->task, uri, now) < 0)
        return conversion_fail(b->req, &b->task);
    c->resume = resume_create(&b->task, order->replace ? NULL : order->target,
                              parts_window(c->parts, now), now, &c->params, c->dir);
    return c->resume ? 0 : request_fail(b->req, "internal-error", "out of memory");
}

static int list(struct bringing *b, const char *uri, struct remote_listing *now)
{
    if (goes_into_folder(b->req->conversion))
        return list_part(b, uri, now);
    if (remote_list(&b->task, uri, NULL, now, PARTS_FILES_MAX) < 0)
        return conversion_fail(b->req, &b->task);
    return now->more ? fail_many(b->req, uri) : 0;
}

/* All that is below a prefix or folder and still needed: the files of one model, or of several. */
static int bring_folder(struct bringing *b, const char *uri)
{
    struct conversion *c = b->req->conversion;
    struct remote_listing listing;
    int status = list(b, uri, &listing);

    for (size_t i = 0; status == 0 && i < listing.n; i++) {
        const struct remote_entry *entry = &listing.list[i];
        const struct remote_source source = {.uri = entry->uri,
                                             .etag = entry->etag[0] != '\0' ? entry->etag : NULL};

        if (c->resume && resume_has_file(c->resume, entry))
            continue;
        status = b->n < JOB_INPUTS_MAX - 1 ? bring_file(b, &source, entry->name, false)
                                           : fail_many(b->req, uri);
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
                                   body_list(&c->body, c->params.filename, inputs),
                                   c->parts ? parts_told(c->parts) : (struct job_told){0});
    }
    free(inputs);
    if (status < 0)
        return request_fail(req, "scratch-full", "the job cannot be stored: %s", strerror(errno));
    return 0;
}

static int bring(struct request *req)
{
    struct bringing b = {.req = req, .task = conversion_task(req)};
    const struct order *order = req->conversion->order;

    req->conversion->body.has_file = true;
    for (size_t i = 0; i < order->n_files; i++)
        KF_TRY(bring_one(&b, &order->files[i]));
    if (b.n == 0)
        return 0; /* all of it was passed over */
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

bool conversion_in_parts(const struct conversion *c)
{
    return c->parts && parts_are_several(c->parts);
}

/* Nothing of a part stays for the next one. */
static void clear(struct conversion *c)
{
    static const char *const names[] = {"models.json", "unpacked", "report.json", "log"};
    char path[PATH_MAX];

    for (size_t i = 0; i <= c->body.n_further; i++)
        if (path_of(c, i, path) == 0)
            unlink(path);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (snprintf(path, sizeof path, "%s/%s", c->dir, names[i]) < (int)sizeof path)
            unlink(path);
    body_finish(&c->body);
    c->body = (struct body)BODY_INIT;
}

bool conversion_next_part(struct request *req)
{
    struct conversion *c = req->conversion;

    if (c->result.outcome != JOB_DONE || !c->parts || !parts_go_on(c->parts))
        return false;
    clear(c);
    scratch_release(req->server->scratch, c->scratch);
    c->scratch = 0;
    resume_destroy(c->resume);
    c->resume = NULL;
    return true;
}
