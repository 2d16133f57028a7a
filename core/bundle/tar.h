/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BUNDLE_TAR_H
#define KF_BUNDLE_TAR_H

#include "../base/arena.h"
#include "../io/source.h"
#include <kf/options.h>
#include <stdbool.h>

/* A regular file in a tar: a range of it. */
struct kf_tar_file {
    const char *path; /* in the arena; as it stands there, without "./" before it */
    uint64_t at, size;
};

/**
 * Visit the regular files of a tar, in its order: ustar, GNU's and pax's long names and big sizes.
 *
 * Folders are passed over, and so are links, which are told as a finding: nothing is unpacked to
 * where they point. Stops when `visit` returns less than 0, which is passed on.
 *
 * Limits: 100,000 headers, names of 4096 bytes.
 * Outcomes: CORRUPT; UNSAFE for devices, sparse files and names that lead out of their folder;
 * TOO_LARGE; NO_MEMORY.
 * Source: POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format"
 */
int kf_tar_each(const struct kf_source *src, struct kf_arena *arena,
                int (*visit)(const struct kf_tar_file *file, void *context), void *context,
                struct kf_report *rep);

#endif
