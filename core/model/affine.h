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

/**
 * float32 in a `dtype` of those: uint8 and uint16 are whole numbers of the scale from the least to
 * the greatest value on, moved so that one of them is 0 where 0 is among the values. What scale and
 * min are is known, and the values may be pulled, after kf_affine_measure(). NULL when memory ran
 * out.
 *
 * Source: tfjs-converter/python/tensorflowjs/quantization.py, quantize_weights (4.22.0)
 */
const struct kf_payload *kf_affine_quantized(struct kf_arena *arena, const struct kf_payload *inner,
                                             enum kf_dtype dtype);

/**
 * Look at all values of a payload that kf_affine_quantized() made. `error` gets how far one of them
 * can at most be from what it was.
 *
 * Outcomes: VALUE_NO_EQUAL, at `where`, for what is no number or none that the dtype can hold; what
 * pulling reports.
 */
int kf_affine_measure(const struct kf_payload *quantized, const char *where, double *error,
                      struct kf_report *rep);

/** What kf_affine_measure() found. */
const struct kf_affine *kf_affine_of(const struct kf_payload *quantized);

/** The float32 that they stand for; NULL when memory ran out. */
const struct kf_payload *kf_affine_float32(struct kf_arena *arena, const struct kf_payload *inner,
                                           const struct kf_affine *affine);

#endif
