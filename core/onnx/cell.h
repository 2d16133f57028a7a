/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_CELL_H
#define KF_ONNX_CELL_H

#include "layer.h"

#define KF_ONNX_STATES_MAX 2

/* One recurrent operator: a cell that goes over a sequence. */
struct kf_onnx_run {
    const struct kf_layer *cell; /* whose weights and config: a cell, or a layer that is one */
    struct kf_onnx_tensor *x;    /* (steps, batch, features) */
    struct kf_onnx_tensor *lens; /* (batch) steps that count, int32; NULL for all */
    struct kf_onnx_tensor *before[KF_ONNX_STATES_MAX]; /* (batch, units), NULL for zeros */
    bool backwards;
    bool last;                /* of a convolution: its last output alone is wanted */
    struct kf_onnx_tensor *y; /* out: (steps, batch, units), by time */
    struct kf_onnx_tensor *after[KF_ONNX_STATES_MAX]; /* out: (batch, units) */
    size_t n_states;                                  /* out */
};

/** Make the node of a cell; false when it could not be made, which is reported. */
bool kf_onnx_run_cell(struct kf_onnx_call *call, struct kf_onnx_run *run);

/**
 * The same for a cell that convolves: `x` is (batch, steps, ...), and so is `y`, or (batch, ...)
 * where the last output alone is wanted; there are no `lens`.
 */
bool kf_onnx_run_conv_cell(struct kf_onnx_call *call, struct kf_onnx_run *run);

#endif
