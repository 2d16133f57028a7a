/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_SINK_H
#define KF_IO_SINK_H

#include "crc.h"

/* The file that is written, or what follows `base` in it: a member of a zip under way. */
struct kf_sink {
    int fd;
    uint64_t base;      /* bytes in front that are another's */
    struct kf_crc *crc; /* who writes payloads notes their CRCs here; NULL: nobody asks */
};
#define KF_SINK_NONE ((struct kf_sink){.fd = -1})

/** Create or empty the file `path`, to be written and read again. WRITE_FAILED. */
int kf_sink_create(struct kf_sink *out, const char *path, struct kf_report *rep);

/** Write `n` bytes at `at`; `where` is what they belong to. WRITE_FAILED. */
int kf_sink_write(const struct kf_sink *sink, uint64_t at, const void *data, size_t n,
                  const char *where, struct kf_report *rep);

/**
 * Have the disk begin with the bytes [at, at + n), which are written and will not change: what
 * waits for them to be safe later waits less. No more than a hint.
 */
void kf_sink_start(const struct kf_sink *sink, uint64_t at, uint64_t n);

/** Set `*out` to the bytes from the base to the end of the file. READ_FAILED. */
int kf_sink_size(uint64_t *out, const struct kf_sink *sink, struct kf_report *rep);

/** Close. */
void kf_sink_finish(struct kf_sink *sink);

#endif
