/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_SNAPPY_H
#define KF_IO_SNAPPY_H

#include "../../base/buf.h"
#include <kf/report.h>

/**
 * Append what `n` bytes of snappy become to `out`, whose ceiling bounds it.
 *
 * Outcomes: -KF_CORRUPT for what is no snappy or more than the ceiling, -KF_NO_MEMORY; neither is
 *           reported.
 * Source: google/snappy, format_description.txt
 */
int kf_snappy_unpack(const unsigned char *in, size_t n, struct kf_buf *out);

#endif
