/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "progress.h"
#include <fcntl.h>
#include <kf/progress.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int progress_create(const char *dir)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/" PROGRESS_FILE, dir) >= (int)sizeof path)
        return -1;
    return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* A worker may have been turned by its file: what it says is bounded, not believed. */
static void make_sane(struct progress *p)
{
    if (p->phase > KF_PHASE_FINISH)
        p->phase = KF_PHASE_READ;
    if (p->bytes_total > INT64_MAX)
        p->bytes_total = INT64_MAX;
    if (p->tensors_total > INT64_MAX)
        p->tensors_total = INT64_MAX;
    if (p->bytes_done > p->bytes_total)
        p->bytes_done = p->bytes_total;
    if (p->tensors_done > p->tensors_total)
        p->tensors_done = p->tensors_total;
}

bool progress_read(int fd, struct progress *out)
{
    if (fd < 0 || pread(fd, out, sizeof *out, 0) != (ssize_t)sizeof *out || out->changes == 0)
        return false;
    make_sane(out);
    return true;
}

/* Bytes are the work; reading and finishing are the first and the last percent. */
static int percent(const struct progress *p)
{
    if (p->phase < KF_PHASE_WRITE)
        return 0;
    if (p->phase > KF_PHASE_WRITE)
        return 99;
    return p->bytes_total ? (int)(98.0 * (double)p->bytes_done / (double)p->bytes_total) : 0;
}

json_t *progress_json(const struct progress *p)
{
    return json_pack("{s:s, s:i, s:I, s:I, s:I, s:I}", "phase",
                     kf_phase_name((enum kf_phase)p->phase), "percent", percent(p), "bytes_done",
                     (json_int_t)p->bytes_done, "bytes_total", (json_int_t)p->bytes_total,
                     "tensors_done", (json_int_t)p->tensors_done, "tensors_total",
                     (json_int_t)p->tensors_total);
}
