/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "body.h"
#include "../clock.h"
#include "../jobs/conversion.h"
#include "../jobs/job.h"
#include "../jobs/scratch.h"
#include "../server.h"
#include "../settings/config.h"
#include "body_digest.h"
#include "names.h"
#include "request.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* How much of the budget an upload of unknown length takes at a time. */
#define RESERVE_STEP (UINT64_C(4) << 20)

static bool is_form(const struct request *req)
{
    static const char type[] = "multipart/form-data";
    const char *given = request_header(req, MHD_HTTP_HEADER_CONTENT_TYPE);

    return given && strncasecmp(given, type, sizeof type - 1) == 0;
}

/* Where file `index` stands: JOB/in, JOB/in-1, ...; -1 when the path is too long. */
static int path_of(char path[PATH_MAX], const char *dir, size_t index)
{
    int n = index == 0 ? snprintf(path, PATH_MAX, "%s/in", dir)
                       : snprintf(path, PATH_MAX, "%s/in-%zu", dir, index);

    errno = ENAMETOOLONG;
    return n < PATH_MAX ? 0 : -1;
}

/* From here on file `index` is written; JOB/in goes on where it ended. */
static int write_to(struct request *req, size_t index)
{
    struct body *body = &req->conversion->body;
    char path[PATH_MAX];

    if (body->fd >= 0)
        close(body->fd);
    body->fd = -1;
    body->in_further = index > 0;
    if (path_of(path, req->conversion->dir, index) == 0)
        body->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (index ? O_EXCL : 0), 0600);
    if (body->fd < 0)
        return request_fail(req, "scratch-full", "the input cannot be stored: %s", strerror(errno));
    return 0;
}

int body_begin_file(struct request *req)
{
    return req->conversion->body.in_further ? write_to(req, 0) : 0;
}

int body_begin_further(struct request *req, const char *name, bool architecture)
{
    struct body *body = &req->conversion->body;
    struct body_file *grown;

    if (body->n_further + 1 >= BODY_FILES_MAX)
        return request_fail(req, "invalid-request", "the form has more than %d files",
                            BODY_FILES_MAX);
    grown = realloc(body->further, (body->n_further + 1) * sizeof *grown);
    if (grown)
        body->further = grown;
    if (!grown || !(grown[body->n_further].name = kf_clean_filename(name ? name : "")))
        return request_fail(req, "internal-error", "out of memory");
    grown[body->n_further++].architecture = architecture;
    return write_to(req, body->n_further);
}

size_t body_list(const struct body *body, const char *name, struct job_input *out)
{
    out[0] = (struct job_input){.fd = -1, .name = body->first ? body->first : name};
    for (size_t i = 0; i < body->n_further; i++)
        out[i + 1] = (struct job_input){
            .fd = -1, .name = body->further[i].name, .architecture = body->further[i].architecture};
    return body->n_further + 1;
}

int body_open(const struct body *body, const char *dir, const char *name, struct job_input *out)
{
    size_t n = body_list(body, name, out);
    char path[PATH_MAX];

    for (size_t i = 0; i < n; i++) {
        if (path_of(path, dir, i) == 0)
            out[i].fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (out[i].fd >= 0)
            continue;
        while (i-- > 0)
            close(out[i].fd);
        return -1;
    }
    return (int)n;
}

int body_begin(struct request *req)
{
    struct body *body = &req->conversion->body;

    KF_TRY(write_to(req, 0));
    body->digest = body_digest_create();
    if (!body->digest)
        return request_fail(req, "internal-error", "SHA-256 cannot be had");
    if (!is_form(req))
        return 0;
    body->form = multipart_create(req);
    if (!body->form)
        return request_fail(req, "malformed-multipart",
                            "the Content-Type multipart/form-data has no usable boundary");
    return 0;
}

/* Set more of the scratch budget aside when the body outgrows what its length promised. */
static int reserve_for(struct request *req, uint64_t size)
{
    struct conversion *c = req->conversion;
    uint64_t step = size > c->scratch ? size - c->scratch : 0;

    if (step == 0)
        return 0;
    if (step < RESERVE_STEP && scratch_reserve(req->server->scratch, RESERVE_STEP))
        step = RESERVE_STEP;
    else if (!scratch_reserve(req->server->scratch, step))
        return request_fail(req, "scratch-full", "there is no room to store the input");
    c->scratch += step;
    return 0;
}

static int write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, data, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        data += done;
        n -= (size_t)done;
    }
    return 0;
}

int body_store(struct request *req, const char *data, size_t n)
{
    struct body *body = &req->conversion->body;

    KF_TRY(reserve_for(req, body->size + n));
    if (write_all(body->fd, data, n) < 0)
        return request_fail(req, "scratch-full", "the input cannot be stored: %s", strerror(errno));
    if (!body->in_further && !body_digest_add(body->digest, body->fd, data, n))
        return request_fail(req, "internal-error", "SHA-256 failed");
    body->size += n;
    return 0;
}

int body_receive(struct request *req, const char *data, size_t n)
{
    struct body *body = &req->conversion->body;
    uint64_t max = req->server->config->body_max;

    atomic_store(&req->last_byte, clock_ms());
    body->received += n;
    atomic_store(&req->arrived, body->received);
    if (body->received > max) {
        req->failure.limit = max;
        return request_fail(req, "body-too-large", "the body is larger than %llu bytes",
                            (unsigned long long)max);
    }
    if (body->form)
        return multipart_receive(body->form, data, n);
    body->has_file = true;
    return body_store(req, data, n);
}

/* Give back what writing needs; the files and their names stay. */
static void close_body(struct body *body)
{
    multipart_destroy(body->form);
    body->form = NULL;
    if (body->fd >= 0)
        close(body->fd);
    body->fd = -1;
}

int body_end(struct request *req)
{
    struct body *body = &req->conversion->body;

    if (body->form)
        KF_TRY(multipart_end(body->form));
    close_body(body);
    if (body_digest_last(body->digest) && !body_settle(body))
        return request_fail(req, "internal-error", "SHA-256 failed");
    return 0;
}

static void drop_digest(struct body *body)
{
    body_digest_destroy(body->digest);
    body->digest = NULL;
}

bool body_settle(struct body *body)
{
    bool ok = !body->digest || body_digest_wait(body->digest, body->sha256);

    drop_digest(body);
    return ok;
}

void body_finish(struct body *body)
{
    close_body(body);
    drop_digest(body);
    for (size_t i = 0; i < body->n_further; i++)
        free(body->further[i].name);
    free(body->first);
    body->first = NULL;
    free(body->further);
    body->further = NULL;
    body->n_further = 0;
}
