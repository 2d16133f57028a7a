/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_WINDOW_H
#define KF_ONNX_WINDOW_H

#include "layer.h"

/*
 * What convolutions and poolings share. Their input has the channels behind the batch; "the axes in
 * the middle" are those from the third on.
 */
#define KF_ONNX_SPATIAL_MAX 3

/* What a window does along each axis in the middle. */
struct kf_onnx_window {
    unsigned n; /* axes in the middle */
    int64_t size[KF_ONNX_SPATIAL_MAX], stride[KF_ONNX_SPATIAL_MAX], dilation[KF_ONNX_SPATIAL_MAX];
    int64_t before[KF_ONNX_SPATIAL_MAX], after[KF_ONNX_SPATIAL_MAX]; /* zeros in front and behind */
    bool automatic; /* which are not known: SAME_UPPER */
};

bool kf_onnx_channels_first(const struct kf_onnx_call *call);

/** The input with its channels behind the batch. */
struct kf_onnx_tensor *kf_onnx_take(struct kf_onnx_call *call);

/** The window of a config, for `x`; false (reported, or no input) when it has none. */
bool kf_onnx_window_read(struct kf_onnx_call *call, struct kf_onnx_window *window,
                         const struct kf_onnx_tensor *x, const char *size, const char *stride);
/** Zeros around it, as the config's `padding` says. */
void kf_onnx_window_pad(struct kf_onnx_call *call, struct kf_onnx_window *window,
                        const struct kf_onnx_tensor *x);
/** ... so that an output is as large as the input, divided by the stride. */
void kf_onnx_window_same(struct kf_onnx_window *window, const struct kf_onnx_tensor *x);
/** From the first element that a window sees to the last. */
int64_t kf_onnx_window_reach(const struct kf_onnx_window *window, unsigned i);
/** How large axis `i` in the middle comes out; KF_ONNX_FREE where it is not known. */
int64_t kf_onnx_window_out(const struct kf_onnx_window *window, const struct kf_onnx_tensor *x,
                           unsigned i);
/** False (refused) where a window finds no place in its input. */
bool kf_onnx_window_fits(struct kf_onnx_call *call, const struct kf_onnx_window *window,
                         const struct kf_onnx_tensor *x);
void kf_onnx_window_set(struct kf_onnx *onnx, struct kf_onnx_node *node,
                        const struct kf_onnx_window *window, bool dilated);

/** One Conv; its kernel has the axes (outputs, inputs of a group, ...), `bias` may be NULL. */
struct kf_onnx_tensor *kf_onnx_conv(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                    struct kf_onnx_tensor *kernel, struct kf_onnx_tensor *bias,
                                    const struct kf_onnx_window *window, int64_t groups);

/** A weight (..., inputs, filters) with `n` axes in the middle as (filters, inputs, ...). */
struct kf_onnx_tensor *kf_onnx_kernel(struct kf_onnx_call *call, const char *variable, unsigned n);

#endif
