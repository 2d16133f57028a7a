/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_ATTENTION_H
#define KF_ONNX_ATTENTION_H

#include "layer.h"

/* What layers of attention share: layers_attention.c. */

/** Far below all scores: what is masked gets no weight. */
double kf_onnx_far_below(enum kf_dtype dtype);

/** Where both masks have truths; either may be NULL for none. */
struct kf_onnx_tensor *kf_onnx_both(struct kf_onnx *onnx, struct kf_onnx_tensor *a,
                                    struct kf_onnx_tensor *b);

/** An argument that is given as true. */
bool kf_onnx_is_told(const struct kf_onnx_call *call, const char *name, size_t place);

/**
 * Truths (queries, keys) of two tensors (batch, steps, ...): a key is not behind its query, or, for
 * a window, near it.
 */
struct kf_onnx_tensor *kf_onnx_near_mask(struct kf_onnx *onnx, struct kf_onnx_tensor *query,
                                         struct kf_onnx_tensor *key, int64_t window);

#endif
