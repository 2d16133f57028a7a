/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"
#include "../base/num.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int kf_source_init(struct kf_source *out, const struct kf_input *in, struct kf_report *rep)
{
    struct stat st;

    if (fstat(in->fd, &st) < 0)
        return kf_report_add(rep, KF_READ_FAILED, "", "the input cannot be examined: %s",
                             strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size < 0)
        return kf_report_add(rep, KF_NOT_A_MODEL, "", "the input is not a regular file");
    *out = (struct kf_source){.fd = in->fd, .size = (uint64_t)st.st_size, .name = in->name};
    if (in->ranged) {
        if (in->at > out->size || in->size > out->size - in->at)
            return kf_report_add(rep, KF_CORRUPT, "", "the input ends before its range does");
        out->base = in->at;
        out->size = in->size;
    }
    rep->source.size = out->size;
    return 0;
}

int kf_source_read(const struct kf_source *src, uint64_t at, void *to, size_t n,
                   struct kf_report *rep)
{
    char *p = to;

    if (at > src->size || n > src->size - at)
        return kf_report_add(rep, KF_CORRUPT, "",
                             "%zu bytes at %" PRIu64 " lie outside the file of %" PRIu64 " bytes",
                             n, at, src->size);
    while (n > 0) {
        ssize_t got = pread(src->fd, p, n, (off_t)(src->base + at));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kf_report_add(rep, KF_READ_FAILED, "", "the input cannot be read: %s",
                                 strerror(errno));
        if (got == 0)
            return kf_report_add(rep, KF_READ_FAILED, "", "the input became shorter while read");
        p += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}
