/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_HISTOGRAM_H
#define KF_IO_HISTOGRAM_H

#include "../model/dtype.h"
#include <kf/report.h>

/*
 * How the values of a tensor are spread, in one pass whose range nobody knows beforehand: bins are
 * a power of two wide, and where a value does not fit beside the others, every two become one. So
 * the same values in any order give the same bins.
 */
struct kf_spread {
    double scale;  /* bins to the unit: bin i holds [i / scale, (i + 1) / scale) */
    int64_t first; /* bin of counts[0] */
    unsigned n;    /* bins that are in use, side by side */
    uint64_t counts[KF_HISTOGRAM_BINS];
    uint64_t values, not_finite;
    double sum, least, greatest;
};

void kf_spread_init(struct kf_spread *spread);
/** Count `n` bytes, whole elements of `dtype`, little-endian. */
void kf_spread_update(struct kf_spread *spread, enum kf_dtype dtype, const void *data, size_t n);
void kf_spread_finish(const struct kf_spread *spread, struct kf_histogram *out);

#endif
