/* SPDX-License-Identifier: Apache-2.0 */
#include "s3_proof.h"
#include "checksum.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK ((size_t)256 * 1024)

struct s3_proof {
    int fd;
    char value[96];
    struct checksum *sum;
    unsigned char *block;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    uint64_t there;
    bool ended, failed;
};

/* The next bytes that are there: how many, 0 when there will be no more. */
static size_t wait_for(struct s3_proof *proof, uint64_t at)
{
    uint64_t n;

    pthread_mutex_lock(&proof->lock);
    while (proof->there == at && !proof->ended)
        pthread_cond_wait(&proof->changed, &proof->lock);
    n = proof->there - at;
    pthread_mutex_unlock(&proof->lock);
    return n < BLOCK ? (size_t)n : BLOCK;
}

static void *follow(void *cls)
{
    struct s3_proof *proof = cls;
    uint64_t at = 0;
    size_t n;

    while (!proof->failed && (n = wait_for(proof, at)) > 0) {
        ssize_t done = pread(proof->fd, proof->block, n, (off_t)at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0 || !checksum_add(proof->sum, proof->block, (size_t)done))
            proof->failed = true;
        else
            at += (uint64_t)done;
    }
    return NULL;
}

static void destroy(struct s3_proof *proof)
{
    checksum_destroy(proof->sum);
    free(proof->block);
    free(proof);
}

struct s3_proof *s3_proof_begin(int fd, const char *name, const char *value)
{
    struct s3_proof *proof = calloc(1, sizeof *proof);

    if (!proof)
        return NULL;
    proof->fd = fd;
    snprintf(proof->value, sizeof proof->value, "%s", value);
    proof->sum = checksum_create(name);
    proof->block = malloc(BLOCK);
    if (proof->sum && proof->block) {
        pthread_mutex_init(&proof->lock, NULL);
        pthread_cond_init(&proof->changed, NULL);
        if (pthread_create(&proof->thread, NULL, follow, proof) == 0)
            return proof;
        pthread_cond_destroy(&proof->changed);
        pthread_mutex_destroy(&proof->lock);
    }
    destroy(proof);
    return NULL;
}

static void tell(struct s3_proof *proof, uint64_t at, bool ended)
{
    pthread_mutex_lock(&proof->lock);
    if (at > proof->there)
        proof->there = at;
    proof->ended = ended;
    pthread_cond_signal(&proof->changed);
    pthread_mutex_unlock(&proof->lock);
}

void s3_proof_tell(struct s3_proof *proof, uint64_t at)
{
    if (proof)
        tell(proof, at, false);
}

bool s3_proof_end(struct s3_proof *proof, bool whole)
{
    bool holds;

    if (!proof)
        return true;
    tell(proof, 0, true);
    pthread_join(proof->thread, NULL);
    holds = whole && !proof->failed && checksum_is(proof->sum, proof->value);
    pthread_cond_destroy(&proof->changed);
    pthread_mutex_destroy(&proof->lock);
    destroy(proof);
    return holds;
}
