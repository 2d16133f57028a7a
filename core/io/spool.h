/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_SPOOL_H
#define KF_IO_SPOOL_H

#include "source.h"
#include <kf/options.h>

/*
 * Room for what must be unpacked before it can be read: a file without a name in the scratch
 * folder, gone with its last descriptor. Filled once from the front, then read as a source.
 */
struct kf_spool {
    int fd;                 /* -1 while there is none */
    uint64_t size, ceiling; /* bytes */
};
#define KF_SPOOL_NONE                                                                              \
    (struct kf_spool)                                                                              \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/** Make the file; at most `ceiling` bytes go in. WRITE_FAILED. */
int kf_spool_create(struct kf_spool *out, uint64_t ceiling, const struct kf_options *options,
                    struct kf_report *rep);
/** The same with a name, which stays when the spool is finished; the file must not be there yet. */
int kf_spool_create_named(struct kf_spool *out, const char *path, uint64_t ceiling,
                          struct kf_report *rep);
/** Append. TOO_LARGE above the ceiling, WRITE_FAILED. */
int kf_spool_write(struct kf_spool *spool, const void *data, size_t n, struct kf_report *rep);
/** What was written, as a source that lives as long as the spool. */
struct kf_source kf_spool_source(const struct kf_spool *spool, const char *name);
void kf_spool_finish(struct kf_spool *spool);

#endif
