/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_RESIZE_H
#define KF_ONNX_RESIZE_H

#include "layer.h"

/**
 * Images (batch, channels, height, width) in another size by two products with matrices, which is
 * what every linear interpolation is: as TensorFlow computes "bilinear", "bicubic", "area",
 * "lanczos3" and "lanczos5", with `smooth` (antialias) too. Refused where a size is not known.
 */
struct kf_onnx_tensor *kf_onnx_resize_linear(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                             const int64_t *size, const char *mode, bool smooth);
bool kf_onnx_resizes_linear(const char *mode);

/** What crop_to_aspect_ratio or pad_to_aspect_ratio leave of such images before they are resized.
 */
struct kf_onnx_tensor *kf_onnx_resize_frame(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                            const int64_t *size);

#endif
