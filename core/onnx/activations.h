/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_ACTIVATIONS_H
#define KF_ONNX_ACTIVATIONS_H

#include "layer.h"

/** The exact Gelu, or the one of tanh. */
struct kf_onnx_tensor *kf_onnx_gelu(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                    bool approximate);

/**
 * An activation by its name with `axis` as the last axis; NULL and `*known` false when the table
 * has none of that name.
 */
struct kf_onnx_tensor *kf_onnx_activation(struct kf_onnx *onnx, const char *name,
                                          struct kf_onnx_tensor *x, int axis, bool *known);

#endif
