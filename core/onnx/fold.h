/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_FOLD_H
#define KF_ONNX_FOLD_H

#include "../base/arena.h"
#include "../model/tensor.h"

/* The weights of a BatchNormalization; gamma and beta may be NULL. All have one shape and dtype. */
struct kf_onnx_folded {
    const struct kf_payload *gamma, *beta, *mean, *variance;
    double epsilon;
};

/** gamma / sqrt(variance + epsilon); NULL when memory ran out. */
const struct kf_payload *kf_onnx_fold_scale(struct kf_arena *arena,
                                            const struct kf_onnx_folded *folded);
/** beta - mean * gamma / sqrt(variance + epsilon) */
const struct kf_payload *kf_onnx_fold_shift(struct kf_arena *arena,
                                            const struct kf_onnx_folded *folded);

#endif
