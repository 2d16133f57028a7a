/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "volume.h"
#include "names.h"
#include "remote_private.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#define STEP ((size_t)64 << 20)

/* One file of a volume on its way. */
struct copying {
    struct remote_task *task;
    const char *uri;
    int in, out;
    struct stat before;
};

int volume_check(struct remote_task *task, const char *uri, bool write)
{
    struct volume_place place;
    int status = volume_find(task, uri, write, &place);

    if (status == 0)
        close(place.root);
    return status;
}

/* Enough of its state that a writer cannot leave it as it was. */
static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int fail_room(struct copying *c)
{
    return remote_fail(&c->task->failure, "scratch-full", "%s cannot be stored: %s", c->uri,
                       strerror(errno));
}

/* Bytes that were read and written where the kernel cannot copy between the two. */
static ssize_t copy_by_hand(const struct copying *c, off_t at)
{
    char block[64 * 1024];
    ssize_t n = pread(c->in, block, sizeof block, at);

    return n <= 0 ? n : pwrite(c->out, block, (size_t)n, at);
}

static int copy_bytes(struct copying *c)
{
    off_t at = 0;
    ssize_t n = 1;
    bool by_hand = false;

    if (ioctl(c->out, FICLONE, c->in) == 0)
        return 0;
    while (n > 0 && at < c->before.st_size) {
        off_t from = at, to = at;

        n = by_hand ? copy_by_hand(c, at) : copy_file_range(c->in, &from, c->out, &to, STEP, 0);
        if (n < 0 && !by_hand && (errno == EXDEV || errno == EINVAL || errno == ENOSYS)) {
            by_hand = true;
            n = 1;
            continue;
        }
        if (n < 0 && errno == EINTR)
            n = 1;
        else
            at += n > 0 ? n : 0;
    }
    return n < 0 ? fail_room(c) : 0;
}

static int copy(struct copying *c)
{
    struct remote_task *task = c->task;
    uint64_t max = task->remote->set.source_max, size = (uint64_t)c->before.st_size;
    struct stat after;

    if (max > 0 && size > max) {
        task->failure.limit = max;
        return remote_fail(&task->failure, "source-too-large",
                           "%s has %" PRIu64 " bytes, more than KFERRY_SOURCE_MAX", c->uri, size);
    }
    if (task->reserve && !task->reserve(task->context, size))
        return remote_fail(&task->failure, "scratch-full", "there is no room to store %s", c->uri);
    KF_TRY(copy_bytes(c));
    if (fstat(c->in, &after) == 0 && is_same(&c->before, &after))
        return 0;
    return remote_fail(&task->failure, "source-changed", "%s changed while it was read", c->uri);
}

static int open_source(struct remote_task *task, const char *uri, struct stat *st)
{
    struct volume_place place;
    int fd;

    KF_TRY(volume_find(task, uri, false, &place));
    fd = volume_open(&place, place.path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        volume_explain(task, uri, "source-unavailable");
    close(place.root);
    if (fd < 0)
        return -1;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    close(fd);
    return remote_fail(&task->failure, "source-unavailable", "%s is not a file%s", uri,
                       S_ISDIR(st->st_mode) ? ": a folder's URI ends with /" : "");
}

int volume_fetch(struct remote_task *task, const struct remote_source *source, const char *path,
                 struct remote_got *got)
{
    struct copying c = {.task = task, .uri = source->uri};
    int status;

    got->shown = strdup(source->uri);
    got->name = remote_name(source->uri);
    c.in = open_source(task, source->uri, &c.before);
    if (c.in < 0)
        return -1;
    c.out = remote_open_new(task, path);
    status = c.out < 0 ? -1 : copy(&c);
    got->size = (uint64_t)c.before.st_size;
    close(c.in);
    if (c.out >= 0)
        close(c.out);
    return status;
}
