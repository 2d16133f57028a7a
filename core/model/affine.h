/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_AFFINE_H
#define KF_MODEL_AFFINE_H

#include "../base/arena.h"
#include "tensor.h"

/* Numbers kept in few bits: uint8 or uint16, of which each stands for value * scale + min, or
 * float16. */
struct kf_affine {
    enum kf_dtype dtype; /* UINT8, UINT16 or FLOAT16 */
    double scale, min;   /* of no meaning for FLOAT16 */
};

/** The float32 that they stand for; NULL when memory ran out. */
const struct kf_payload *kf_affine_float32(struct kf_arena *arena, const struct kf_payload *inner,
                                           const struct kf_affine *affine);

#endif
