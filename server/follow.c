/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "follow.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK  ((size_t)256 * 1024)
#define SMALL  ((uint64_t)256 << 20) /* bytes that are left to the kernel to put on the disk */
#define STRIDE ((uint64_t)8 << 20)

struct follow {
    int fd;
    uint64_t at;    /* the thread's */
    uint64_t begun; /* up to where the disk is told to begin */
    follow_take *take;
    void *user;
    unsigned char *block;
    pthread_t thread;
    bool joined;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    uint64_t there;
    bool ended, stopped, failed;
};

/* The next bytes that are there: how many, 0 when there will be no more. */
static size_t wait_for(struct follow *follow)
{
    uint64_t n;

    pthread_mutex_lock(&follow->lock);
    while (follow->there == follow->at && !follow->ended && !follow->stopped)
        pthread_cond_wait(&follow->changed, &follow->lock);
    n = follow->stopped ? 0 : follow->there - follow->at;
    pthread_mutex_unlock(&follow->lock);
    return n < BLOCK ? (size_t)n : BLOCK;
}

/*
 * A large file goes to the disk while it comes. Left alone, it and what is made of it would
 * together pass what the kernel lets stand unwritten, and the conversion would wait for the disk.
 */
static void begin_writing(struct follow *follow)
{
    if (follow->at < SMALL || follow->at - follow->begun < STRIDE)
        return;
    (void)sync_file_range(follow->fd, (off_t)follow->begun, (off_t)(follow->at - follow->begun),
                          SYNC_FILE_RANGE_WRITE);
    follow->begun = follow->at;
}

static void *run(void *cls)
{
    struct follow *follow = cls;
    size_t n;

    while (!follow->failed && (n = wait_for(follow)) > 0) {
        ssize_t done = pread(follow->fd, follow->block, n, (off_t)follow->at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0 || !follow->take(follow->user, follow->block, (size_t)done))
            follow->failed = true;
        else
            follow->at += (uint64_t)done;
        begin_writing(follow);
    }
    return NULL;
}

struct follow *follow_create(int fd, uint64_t at, follow_take *take, void *user)
{
    struct follow *follow = calloc(1, sizeof *follow);

    if (!follow)
        return NULL;
    follow->fd = fd;
    follow->at = follow->there = at;
    follow->take = take;
    follow->user = user;
    follow->block = malloc(BLOCK);
    pthread_mutex_init(&follow->lock, NULL);
    pthread_cond_init(&follow->changed, NULL);
    if (follow->block && pthread_create(&follow->thread, NULL, run, follow) == 0)
        return follow;
    follow->joined = true;
    follow_destroy(follow);
    return NULL;
}

static void join(struct follow *follow)
{
    if (!follow->joined)
        pthread_join(follow->thread, NULL);
    follow->joined = true;
}

void follow_destroy(struct follow *follow)
{
    if (!follow)
        return;
    pthread_mutex_lock(&follow->lock);
    follow->stopped = true;
    pthread_cond_signal(&follow->changed);
    pthread_mutex_unlock(&follow->lock);
    join(follow);
    pthread_cond_destroy(&follow->changed);
    pthread_mutex_destroy(&follow->lock);
    free(follow->block);
    free(follow);
}

void follow_tell(struct follow *follow, uint64_t at)
{
    pthread_mutex_lock(&follow->lock);
    if (at > follow->there)
        follow->there = at;
    pthread_cond_signal(&follow->changed);
    pthread_mutex_unlock(&follow->lock);
}

void follow_last(struct follow *follow)
{
    pthread_mutex_lock(&follow->lock);
    follow->ended = true;
    pthread_cond_signal(&follow->changed);
    pthread_mutex_unlock(&follow->lock);
}

bool follow_wait(struct follow *follow)
{
    follow_last(follow);
    join(follow);
    return !follow->failed;
}
