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

bool progress_read_end(int fd, struct progress_end *out)
{
    if (fd < 0 || pread(fd, out, sizeof *out, sizeof(struct progress)) != (ssize_t)sizeof *out)
        return false;
    if (out->max_rss > INT64_MAX)
        out->max_rss = INT64_MAX;
    if (out->cpu_ms > INT64_MAX)
        out->cpu_ms = INT64_MAX;
    return out->told != 0 && out->status <= UINT8_MAX;
}

bool progress_clear_end(int fd)
{
    static const struct progress_end none;

    return pwrite(fd, &none, sizeof none, sizeof(struct progress)) == (ssize_t)sizeof none;
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

bool progress_lend(int fd, const char *from, const char *dir)
{
    static const struct progress empty;
    char old[PATH_MAX], new[PATH_MAX];

    return pwrite(fd, &empty, sizeof empty, 0) == (ssize_t)sizeof empty &&
           snprintf(old, sizeof old, "%s/" PROGRESS_FILE, from) < (int)sizeof old &&
           snprintf(new, sizeof new, "%s/" PROGRESS_FILE, dir) < (int)sizeof new &&link(old, new) ==
               0;
}

json_t *progress_json(const struct progress *p, const struct progress_place *place)
{
    unsigned done = atomic_load(&place->done), total = atomic_load(&place->total);
    int of_one = percent(p), of_all = total ? (int)((100 * done + (unsigned)of_one) / total) : 0;
    json_t *told =
        json_pack("{s:s, s:i, s:I, s:I, s:I, s:I}", "phase", kf_phase_name((enum kf_phase)p->phase),
                  "percent", total ? of_all : of_one, "bytes_done", (json_int_t)p->bytes_done,
                  "bytes_total", (json_int_t)p->bytes_total, "tensors_done",
                  (json_int_t)p->tensors_done, "tensors_total", (json_int_t)p->tensors_total);

    if (told && total > 0) {
        json_object_set_new(told, "models_done", json_integer(done));
        json_object_set_new(told, "models_total", json_integer(total));
    }
    return told;
}
