/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "sink.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int kf_sink_create(struct kf_sink *out, const char *path, struct kf_report *rep)
{
    *out = (struct kf_sink){.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
    if (out->fd < 0)
        return kf_report_add(rep, KF_WRITE_FAILED, "", "the file cannot be created: %s",
                             strerror(errno));
    return 0;
}

int kf_sink_write(const struct kf_sink *sink, uint64_t at, const void *data, size_t n,
                  const char *where, struct kf_report *rep)
{
    const char *p = data;

    while (n > 0) {
        ssize_t done = pwrite(sink->fd, p, n, (off_t)(sink->base + at));

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return kf_report_add(rep, KF_WRITE_FAILED, where, "the file cannot be written: %s",
                                 strerror(errno));
        p += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

void kf_sink_start(const struct kf_sink *sink, uint64_t at, uint64_t n)
{
    (void)sync_file_range(sink->fd, (off_t)(sink->base + at), (off_t)n, SYNC_FILE_RANGE_WRITE);
}

int kf_sink_size(uint64_t *out, const struct kf_sink *sink, struct kf_report *rep)
{
    struct stat st;

    if (fstat(sink->fd, &st) < 0 || (uint64_t)st.st_size < sink->base)
        return kf_report_add(rep, KF_READ_FAILED, "", "the result cannot be examined");
    *out = (uint64_t)st.st_size - sink->base;
    return 0;
}

void kf_sink_finish(struct kf_sink *sink)
{
    if (sink->fd >= 0)
        close(sink->fd);
    sink->fd = -1;
}
