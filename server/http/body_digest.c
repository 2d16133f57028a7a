/* SPDX-License-Identifier: Apache-2.0 */
#include "body_digest.h"
#include "../digest.h"
#include "../follow.h"
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* From where on a file is followed, and how often its thread is told how far it is. */
#define FOLLOW_FROM (UINT64_C(4) << 20)
#define STEP        (UINT64_C(1) << 20)
/* So many uploads at once keep all processors busy as it is. */
#define FOLLOWED_MAX 16

static _Atomic unsigned followed;

struct body_digest {
    EVP_MD_CTX *sum;
    uint64_t there, told; /* bytes */
    struct follow *follow;
    int fd; /* that it reads, owned; -1 for none */
};

struct body_digest *body_digest_create(void)
{
    KF_AUTO(body_digest) digest = calloc(1, sizeof *digest);

    if (!digest)
        return NULL;
    digest->fd = -1;
    digest->sum = EVP_MD_CTX_new();
    if (!digest->sum || EVP_DigestInit_ex(digest->sum, EVP_sha256(), NULL) != 1)
        return NULL;
    return body_digest_take(&digest);
}

static void close_file(struct body_digest *digest)
{
    if (digest->fd >= 0)
        close(digest->fd);
    digest->fd = -1;
}

void body_digest_destroy(struct body_digest *digest)
{
    if (!digest)
        return;
    if (digest->follow)
        atomic_fetch_sub(&followed, 1);
    follow_destroy(digest->follow);
    close_file(digest);
    EVP_MD_CTX_free(digest->sum);
    free(digest);
}

static bool take(void *user, const void *data, size_t n)
{
    const struct body_digest *digest = user;

    return EVP_DigestUpdate(digest->sum, data, n) == 1;
}

/* Where it cannot be followed it is hashed on as before. */
static void begin_to_follow(struct body_digest *digest, int fd)
{
    digest->told = digest->there;
    if (atomic_fetch_add(&followed, 1) < FOLLOWED_MAX) {
        digest->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (digest->fd >= 0)
            digest->follow = follow_create(digest->fd, digest->there, take, digest);
    }
    if (digest->follow)
        return;
    atomic_fetch_sub(&followed, 1);
    close_file(digest);
}

bool body_digest_add(struct body_digest *digest, int fd, const void *data, size_t n)
{
    if (!digest->follow && digest->there >= FOLLOW_FROM && digest->there - digest->told >= STEP)
        begin_to_follow(digest, fd);
    digest->there += n;
    if (!digest->follow)
        return take(digest, data, n);
    if (digest->there - digest->told >= STEP) {
        digest->told = digest->there;
        follow_tell(digest->follow, digest->told);
    }
    return true;
}

bool body_digest_last(struct body_digest *digest)
{
    if (!digest->follow)
        return true;
    follow_tell(digest->follow, digest->there);
    follow_last(digest->follow);
    return false;
}

bool body_digest_wait(struct body_digest *digest, char out[65])
{
    unsigned char value[EVP_MAX_MD_SIZE];

    if ((digest->follow && !follow_wait(digest->follow)) ||
        EVP_DigestFinal_ex(digest->sum, value, NULL) != 1)
        return false;
    digest_hex(value, out);
    return true;
}
