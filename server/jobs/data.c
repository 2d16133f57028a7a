/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "data.h"
#include "id.h"
#include "job.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Left free for the store's own files and the workers' small ones. */
#define HEADROOM (UINT64_C(16) << 20)

struct data {
    char dir[PATH_MAX];
    int lock;
};

static bool join(char out[PATH_MAX], const char *a, const char *b)
{
    if (snprintf(out, PATH_MAX, "%s/%s", a, b) < PATH_MAX)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

static bool job_path(const struct data *data, const char *id, const char *name, char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s/jobs/%s%s%s", data->dir, id, *name ? "/" : "", name) < PATH_MAX)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

static int make(const char *path)
{
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

/* Exclusive when nobody else has it; data_share() then lets others in. */
static bool take_lock(struct data *data, bool *alone_out)
{
    char path[PATH_MAX];

    if (!join(path, data->dir, "lock"))
        return false;
    data->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (data->lock < 0)
        return false;
    *alone_out = flock(data->lock, LOCK_EX | LOCK_NB) == 0;
    return *alone_out || flock(data->lock, LOCK_SH) == 0;
}

struct data *data_open(const char *dir, bool *alone_out)
{
    KF_AUTO(data) data = calloc(1, sizeof *data);
    char path[PATH_MAX];

    if (!data)
        return NULL;
    data->lock = -1;
    if (make(dir) < 0 || !realpath(dir, data->dir) || !join(path, data->dir, "jobs") ||
        make(path) < 0 || !take_lock(data, alone_out))
        return NULL;
    return data_take(&data);
}

void data_share(struct data *data)
{
    flock(data->lock, LOCK_SH);
}

void data_close(struct data *data)
{
    int error = errno;

    if (data && data->lock >= 0)
        close(data->lock);
    free(data);
    errno = error;
}

const char *data_dir(const struct data *data)
{
    return data->dir;
}

char *data_make(struct data *data, const char *id)
{
    char path[PATH_MAX];

    if (!job_path(data, id, "", path) || mkdir(path, 0700) < 0)
        return NULL;
    if (job_path(data, id, "src", path) && mkdir(path, 0700) == 0)
        return strdup(path);
    data_drop(data, id);
    return NULL;
}

static int sync_one(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW), status;

    if (fd < 0)
        return -1;
    status = fsync(fd);
    close(fd);
    return status;
}

/* Call `visit` for each name in a folder until one fails. */
static int each(const char *dir, int (*visit)(const char *dir, const char *name, void *context),
                void *context)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    int status = d ? 0 : -1;

    while (status == 0 && (entry = readdir(d)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = visit(dir, entry->d_name, context);
    if (d)
        closedir(d);
    return status;
}

static int sync_file(const char *dir, const char *name, void *context)
{
    char path[PATH_MAX];

    (void)context;
    return join(path, dir, name) ? sync_one(path, O_RDONLY | O_NONBLOCK) : -1;
}

int data_sync(const char *dir)
{
    char above[PATH_MAX];

    if (each(dir, sync_file, NULL) < 0 || sync_one(dir, O_RDONLY | O_DIRECTORY) < 0)
        return -1;
    return join(above, dir, "..") ? sync_one(above, O_RDONLY | O_DIRECTORY) : -1;
}

static int protect(const char *dir, const char *name, void *context)
{
    char path[PATH_MAX];

    (void)context;
    return join(path, dir, name) ? chmod(path, 0400) : -1;
}

int data_settle(struct data *data, const char *id)
{
    char path[PATH_MAX];

    if (!job_path(data, id, "src", path) || each(path, protect, NULL) < 0 || data_sync(path) < 0)
        return -1;
    return join(path, data->dir, "jobs") ? sync_one(path, O_RDONLY | O_DIRECTORY) : -1;
}

static int copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1;
    ssize_t n = -1;

    if (in >= 0)
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    while (out >= 0 && (n = copy_file_range(in, NULL, out, NULL, (size_t)1 << 30, 0)) > 0)
        continue;
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return n == 0 ? 0 : -1;
}

/* A hard link, or a copy where the file system has none. */
static int bring(const char *dir, const char *name, void *context)
{
    char from[PATH_MAX], to[PATH_MAX];

    if (!join(from, dir, name) || !join(to, context, name))
        return -1;
    return link(from, to) == 0 ? 0 : copy_file(from, to);
}

static bool attempt_path(const struct data *data, const char *id, int64_t attempt,
                         char out[PATH_MAX])
{
    char number[24];

    snprintf(number, sizeof number, "%" PRId64, attempt);
    return job_path(data, id, number, out);
}

char *data_attempt(struct data *data, const char *id, int64_t attempt)
{
    char path[PATH_MAX], from[PATH_MAX];

    if (!attempt_path(data, id, attempt, path) || !job_path(data, id, "src", from))
        return NULL;
    return mkdir(path, 0700) < 0 || each(from, bring, path) < 0 ? NULL : strdup(path);
}

bool data_path(const struct data *data, const char *id, int64_t attempt, const char *name,
               char out[PATH_MAX])
{
    char inside[64];

    snprintf(inside, sizeof inside, "%" PRId64 "/%s", attempt, name);
    return job_path(data, id, inside, out);
}

void data_drop_attempt(struct data *data, const char *id, int64_t attempt)
{
    char path[PATH_MAX];

    if (attempt_path(data, id, attempt, path))
        job_dir_remove(path);
}

/* Remove what is not in the list `context`. */
static int drop_other(const char *dir, const char *name, void *context)
{
    char path[PATH_MAX];

    for (const char *const *kept = context; *kept; kept++)
        if (strcmp(name, *kept) == 0)
            return 0;
    if (join(path, dir, name))
        job_dir_remove(path);
    return 0;
}

void data_keep_attempt(struct data *data, const char *id, int64_t attempt)
{
    const char *results[] = {"artifact", "report.json", NULL};
    char path[PATH_MAX], number[24];
    const char *kept[] = {number, "src", NULL};

    snprintf(number, sizeof number, "%" PRId64, attempt);
    if (attempt_path(data, id, attempt, path))
        each(path, drop_other, results);
    if (job_path(data, id, "", path))
        each(path, drop_other, kept);
    if (job_path(data, id, "src", path)) /* the last: while it is there, this is to be done */
        job_dir_remove(path);
}

void data_drop(struct data *data, const char *id)
{
    char path[PATH_MAX];

    if (job_path(data, id, "", path))
        job_dir_remove(path);
}

/* When anything in a job's folder last changed: the newest of its folders and files. */
static int newest(const char *dir, const char *name, void *context)
{
    int64_t *latest = context;
    char path[PATH_MAX];
    struct stat st;

    if (!join(path, dir, name) || lstat(path, &st) < 0)
        return 0;
    if (st.st_mtime > *latest)
        *latest = st.st_mtime;
    if (S_ISDIR(st.st_mode))
        each(path, newest, context);
    return 0;
}

void data_each(struct data *data, data_visit visit, void *context)
{
    char path[PATH_MAX], source[PATH_MAX];
    struct dirent *entry;
    DIR *d = join(path, data->dir, "jobs") ? opendir(path) : NULL;

    while (d && (entry = readdir(d))) {
        int64_t latest = 0;

        if (strlen(entry->d_name) != ID_SIZE - 1)
            continue;
        newest(path, entry->d_name, &latest);
        visit(entry->d_name, time(NULL) - latest,
              job_path(data, entry->d_name, "src", source) && access(source, F_OK) == 0, context);
    }
    if (d)
        closedir(d);
}

bool data_has_free(const struct data *data, uint64_t bytes)
{
    struct statvfs fs;
    uint64_t have;

    if (statvfs(data->dir, &fs) < 0)
        return false;
    if (__builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &have))
        return true;
    return have > HEADROOM && have - HEADROOM >= bytes;
}
