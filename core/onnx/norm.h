/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_NORM_H
#define KF_ONNX_NORM_H

#include "layer.h"

/* What layers that normalize share: layers_norm.c. */

/** What is normalized, half floats as floats, as Keras does: the call computes in that from here
 * on. */
struct kf_onnx_tensor *kf_onnx_widen(struct kf_onnx_call *call, struct kf_onnx_tensor *x);

/**
 * A weight of the layer, brought to where its `n` axes are among the `rank` axes of what it meets;
 * NULL when it has other axes.
 */
struct kf_onnx_tensor *kf_onnx_spread(struct kf_onnx_call *call, struct kf_onnx_tensor *weight,
                                      const int64_t *axes, size_t n, unsigned rank);

/** The axes of a config, from the front and in order; 0 when they are none. */
size_t kf_onnx_norm_axes(struct kf_onnx_call *call, const struct kf_onnx_tensor *x, int64_t *axes);

#endif
