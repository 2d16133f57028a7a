/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_TAR_WRITE_H
#define KF_IO_TAR_WRITE_H

#include "spool.h"

/*
 * Writing a tar: POSIX ustar, a pax header before names that it has no room for, sizes of 8 GiB and
 * more as GNU has them. No owners and no times: same calls, same bytes.
 *
 * Source: POSIX.1-2017, pax, "ustar Interchange Format"
 */

/** Add a file of `n` bytes. WRITE_FAILED, TOO_LARGE. */
int kf_tar_put(struct kf_spool *tar, const char *name, const void *bytes, size_t n,
               struct kf_report *rep);
/** Begin a file of `size` bytes, which are then written to the spool itself ... */
int kf_tar_begin(struct kf_spool *tar, const char *name, uint64_t size, struct kf_report *rep);
/** ... and end it. */
int kf_tar_fill(struct kf_spool *tar, uint64_t size, struct kf_report *rep);
/** The two empty blocks at the end. */
int kf_tar_end(struct kf_spool *tar, struct kf_report *rep);

#endif
