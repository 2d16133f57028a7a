/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "spool.h"
#include "../base/num.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <kf/progress.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For file systems without O_TMPFILE. */
static int open_unlinked(const char *folder)
{
    char path[4096];
    int fd;

    if (snprintf(path, sizeof(path), "%s/scratch.XXXXXX", folder) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static int check_made(const struct kf_spool *spool, struct kf_report *rep)
{
    if (spool->fd >= 0)
        return 0;
    return kf_report_add(rep, KF_WRITE_FAILED, "", "no scratch file can be made: %s",
                         strerror(errno));
}

int kf_spool_create_named(struct kf_spool *out, const char *path, uint64_t ceiling,
                          struct kf_report *rep)
{
    *out = (struct kf_spool){.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
                             .ceiling = ceiling};
    return check_made(out, rep);
}

int kf_spool_create(struct kf_spool *out, uint64_t ceiling, const struct kf_options *options,
                    struct kf_report *rep)
{
    const char *folder = options->scratch ? options->scratch : ".";

    *out = (struct kf_spool){.fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
                             .ceiling = ceiling};
    if (out->fd < 0)
        out->fd = open_unlinked(folder);
    return check_made(out, rep);
}

int kf_spool_write(struct kf_spool *spool, const void *data, size_t n, struct kf_report *rep)
{
    const char *p = data;

    if (n > spool->ceiling - spool->size)
        return kf_report_add(rep, KF_TOO_LARGE, "", "more than %" PRIu64 " bytes when unpacked",
                             spool->ceiling);
    while (n > 0) {
        ssize_t put = pwrite(spool->fd, p, n, (off_t)spool->size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return kf_report_add(rep, KF_WRITE_FAILED, "", "the scratch file cannot be written: %s",
                                 strerror(errno));
        p += put;
        spool->size += (uint64_t)put;
        n -= (size_t)put;
    }
    kf_progress_bytes(rep, 0);
    return 0;
}

struct kf_source kf_spool_source(const struct kf_spool *spool, const char *name)
{
    return (struct kf_source){.fd = spool->fd, .size = spool->size, .name = name};
}

void kf_spool_finish(struct kf_spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = -1;
}
