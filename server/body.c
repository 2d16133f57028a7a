/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "body.h"
#include "clock.h"
#include "config.h"
#include "conversion.h"
#include "request.h"
#include "scratch.h"
#include "server.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
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

int body_begin(struct request *req)
{
    struct body *body = &req->conversion->body;
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/in", req->conversion->dir) >= (int)sizeof path)
        return request_fail(req, "internal-error", "the job folder's name is too long");
    body->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (body->fd < 0)
        return request_fail(req, "scratch-full", "the input cannot be stored: %s", strerror(errno));
    body->digest = EVP_MD_CTX_new();
    if (!body->digest || EVP_DigestInit_ex(body->digest, EVP_sha256(), NULL) != 1)
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
    if (EVP_DigestUpdate(body->digest, data, n) != 1)
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

int body_end(struct request *req)
{
    struct body *body = &req->conversion->body;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (body->form)
        KF_TRY(multipart_end(body->form));
    if (EVP_DigestFinal_ex(body->digest, digest, &n) != 1)
        return request_fail(req, "internal-error", "SHA-256 failed");
    for (unsigned i = 0; i < n && i < 32; i++)
        snprintf(body->sha256 + (size_t)2 * i, 3, "%02x", digest[i]);
    body_finish(body);
    return 0;
}

void body_finish(struct body *body)
{
    multipart_destroy(body->form);
    body->form = NULL;
    EVP_MD_CTX_free(body->digest);
    body->digest = NULL;
    if (body->fd >= 0)
        close(body->fd);
    body->fd = -1;
}
