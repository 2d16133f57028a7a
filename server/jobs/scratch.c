/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "scratch.h"
#include "job.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Left free for whatever else lives on the disk: logs, the worker's small files. */
#define HEADROOM   (UINT64_C(16) << 20)
#define RUN_PREFIX "run-"
#define JOB_PREFIX "job-"

struct scratch {
    char *dir; /* of this run */
    int lock;  /* of this run */
    uint64_t max;
    unsigned swept;
    _Atomic uint64_t used;
    pthread_mutex_t lock_held; /* of what follows */
    pthread_cond_t dropped;
    uint64_t held, drops; /* files, and those that were held before */
};

static int open_lock(const char *dir, int operation)
{
    char path[PATH_MAX];
    int fd;

    if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && flock(fd, operation) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Remove a run's folder: its jobs, its lock, itself. */
static void remove_run(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    char path[PATH_MAX];

    while (d && (entry = readdir(d)))
        if (strncmp(entry->d_name, JOB_PREFIX, strlen(JOB_PREFIX)) == 0 &&
            snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) < (int)sizeof path)
            job_dir_remove(path);
    if (d)
        closedir(d);
    if (snprintf(path, sizeof path, "%s/lock", dir) < (int)sizeof path)
        unlink(path);
    rmdir(dir);
}

static unsigned sweep(const char *parent)
{
    DIR *d = opendir(parent);
    struct dirent *entry;
    unsigned swept = 0;

    while (d && (entry = readdir(d))) {
        char path[PATH_MAX];
        int lock;

        if (strncmp(entry->d_name, RUN_PREFIX, strlen(RUN_PREFIX)) != 0 ||
            snprintf(path, sizeof path, "%s/%s", parent, entry->d_name) >= (int)sizeof path)
            continue;
        lock = open_lock(path, LOCK_EX | LOCK_NB);
        if (lock < 0)
            continue;
        remove_run(path);
        close(lock);
        swept++;
    }
    if (d)
        closedir(d);
    return swept;
}

/* Make and lock this run's folder. Called under the lock of the whole scratch folder. */
static bool open_run(struct scratch *scratch, const char *parent)
{
    scratch->swept = sweep(parent);
    scratch->dir = job_dir_create(parent, RUN_PREFIX);
    if (!scratch->dir)
        return false;
    scratch->lock = open_lock(scratch->dir, LOCK_EX | LOCK_NB);
    return scratch->lock >= 0;
}

struct scratch *scratch_open(const char *dir, uint64_t max)
{
    KF_AUTO(scratch) scratch = calloc(1, sizeof *scratch);
    char parent[PATH_MAX];
    int lock;
    bool ok;

    if (!scratch)
        return NULL;
    scratch->lock = -1;
    scratch->max = max;
    pthread_mutex_init(&scratch->lock_held, NULL);
    pthread_cond_init(&scratch->dropped, NULL);
    if ((mkdir(dir, 0700) < 0 && errno != EEXIST) || !realpath(dir, parent))
        return NULL;
    lock = open_lock(parent, LOCK_EX);
    if (lock < 0)
        return NULL;
    ok = open_run(scratch, parent);
    close(lock);
    return ok ? scratch_take(&scratch) : NULL;
}

void scratch_destroy(struct scratch *scratch)
{
    int error = errno;

    if (!scratch)
        return;
    if (scratch->dir)
        remove_run(scratch->dir);
    if (scratch->lock >= 0)
        close(scratch->lock);
    pthread_cond_destroy(&scratch->dropped);
    pthread_mutex_destroy(&scratch->lock_held);
    free(scratch->dir);
    free(scratch);
    errno = error;
}

const char *scratch_dir(const struct scratch *scratch)
{
    return scratch->dir;
}

unsigned scratch_swept(const struct scratch *scratch)
{
    return scratch->swept;
}

static bool has_free(const struct scratch *scratch, uint64_t bytes)
{
    struct statvfs fs;
    uint64_t have;

    if (statvfs(scratch->dir, &fs) < 0)
        return false;
    if (__builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &have))
        return true;
    return have > HEADROOM && have - HEADROOM >= bytes;
}

static bool reserve(struct scratch *scratch, uint64_t bytes)
{
    uint64_t used = atomic_load(&scratch->used), want;

    if (bytes == 0)
        return true;
    do {
        if (__builtin_add_overflow(used, bytes, &want) || want > scratch->max)
            return false;
    } while (!atomic_compare_exchange_weak(&scratch->used, &used, want));
    if (has_free(scratch, bytes))
        return true;
    scratch_release(scratch, bytes);
    return false;
}

/* Until one of the held files is gone; false when there is none. */
static bool wait_for_room(struct scratch *scratch)
{
    uint64_t before;
    bool any;

    pthread_mutex_lock(&scratch->lock_held);
    any = scratch->held > 0;
    before = scratch->drops;
    while (any && scratch->drops == before)
        pthread_cond_wait(&scratch->dropped, &scratch->lock_held);
    pthread_mutex_unlock(&scratch->lock_held);
    return any;
}

bool scratch_reserve(struct scratch *scratch, uint64_t bytes)
{
    while (!reserve(scratch, bytes))
        if (!wait_for_room(scratch))
            return false;
    return true;
}

int scratch_hold(struct scratch *scratch, const char *dir, const char *name)
{
    char path[PATH_MAX];
    int fd = -1;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) < (int)sizeof path)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    pthread_mutex_lock(&scratch->lock_held);
    scratch->held++;
    pthread_mutex_unlock(&scratch->lock_held);
    return fd;
}

void scratch_drop(struct scratch *scratch, int fd)
{
    if (fd < 0)
        return;
    close(fd);
    pthread_mutex_lock(&scratch->lock_held);
    scratch->held--;
    scratch->drops++;
    pthread_cond_broadcast(&scratch->dropped);
    pthread_mutex_unlock(&scratch->lock_held);
}

void scratch_release(struct scratch *scratch, uint64_t bytes)
{
    atomic_fetch_sub(&scratch->used, bytes);
}

void scratch_count(struct scratch *scratch, uint64_t bytes)
{
    atomic_fetch_add(&scratch->used, bytes);
}

uint64_t scratch_used(const struct scratch *scratch)
{
    return atomic_load(&scratch->used);
}

uint64_t scratch_max(const struct scratch *scratch)
{
    return scratch->max;
}
