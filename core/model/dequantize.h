/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_DEQUANTIZE_H
#define KF_MODEL_DEQUANTIZE_H

#include "../base/arena.h"
#include "tensor.h"

/* How the integers of a quantized matrix become numbers again; rows and columns as they are after
 * unpacking. Without groups a number is integer / scale, with them (integer - zero) * scale. */
struct kf_quantized {
    const struct kf_payload *integers; /* int8; of int4 two in a byte, the lower half first */
    const struct kf_payload *scale;    /* float32 */
    const struct kf_payload *zero;     /* int8 in the shape of `scale`; NULL without groups */
    const struct kf_payload *group;    /* of each row or column; NULL without groups */
    bool packed;
    bool by_row; /* a scale a row, or the groups are of columns; else a column, or of rows */
    uint64_t columns;
    unsigned rank; /* shape of what comes out */
    uint64_t dims[KF_RANK_MAX];
};

/**
 * The numbers as float32. Scales, zeros and groups are read here, and kept: at most
 * KF_FLOATS_MAX of each.
 *
 * `*out` is NULL where the shapes do not fit each other. `*smallest` is the smallest scale of an
 * integer that is divided by it, 0 for groups. Outcomes: TOO_LARGE, what pulling reports,
 * NO_MEMORY.
 * Source: keras/src/quantizers/quantizers.py, unpack_int4, dequantize_with_sz_map (3.15.1)
 */
int kf_dequantize(const struct kf_payload **out, double *smallest, struct kf_arena *arena,
                  const struct kf_quantized *from, struct kf_report *rep);

#endif
