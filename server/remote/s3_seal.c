/* SPDX-License-Identifier: Apache-2.0 */
#include "s3_seal.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct s3_seal {
    int fd;
    uint64_t size, part, n;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    uint64_t done;
    bool failed, stopped;
    char sha256[][SIGV4_HEX];
};

/* The next one is known, or cannot be; true when there is more to do. */
static bool tell(struct s3_seal *seal, bool ok)
{
    bool more;

    pthread_mutex_lock(&seal->lock);
    seal->done += ok;
    seal->failed = !ok;
    more = ok && !seal->stopped && seal->done < seal->n;
    pthread_mutex_unlock(&seal->lock);
    return more;
}

static void *run(void *cls)
{
    struct s3_seal *seal = cls;
    uint64_t number = 0, at, left;
    bool ok;

    do {
        at = number * seal->part;
        left = seal->size - at;
        ok = sigv4_sha256_of(seal->fd, at, left < seal->part ? left : seal->part,
                             seal->sha256[number]);
        number++;
    } while (tell(seal, ok));
    return NULL;
}

struct s3_seal *s3_seal_begin(int fd, uint64_t size, uint64_t part)
{
    uint64_t n = size > 0 ? (size - 1) / part + 1 : 1;
    struct s3_seal *seal = calloc(1, sizeof *seal + n * sizeof seal->sha256[0]);

    if (!seal)
        return NULL;
    seal->fd = fd;
    seal->size = size;
    seal->part = part;
    seal->n = n;
    pthread_mutex_init(&seal->lock, NULL);
    if (pthread_create(&seal->thread, NULL, run, seal) == 0)
        return seal;
    pthread_mutex_destroy(&seal->lock);
    free(seal);
    return NULL;
}

int s3_seal_of(struct s3_seal *seal, uint64_t number, const char **sha256)
{
    int status;

    pthread_mutex_lock(&seal->lock);
    status = seal->done > number ? 1 : seal->failed ? -1 : 0;
    pthread_mutex_unlock(&seal->lock);
    *sha256 = status == 1 ? seal->sha256[number] : NULL;
    return status;
}

void s3_seal_end(struct s3_seal *seal)
{
    if (!seal)
        return;
    pthread_mutex_lock(&seal->lock);
    seal->stopped = true;
    pthread_mutex_unlock(&seal->lock);
    pthread_join(seal->thread, NULL);
    pthread_mutex_destroy(&seal->lock);
    free(seal);
}
