/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_ROWS_H
#define KF_ONNX_ROWS_H

#include "operation.h"

/* What layers.def and operations.def say of a class. */

struct kf_onnx_words_row {
    const char *class_name;
    bool raw; /* its inputs come as they are, others' numbers in its dtype */
};

/** The row of a layer or operation; NULL where there is none. */
const struct kf_onnx_row *kf_onnx_row_of(const struct kf_layer *layer);
/** Refuse a class without a row, with the reason where there is one. */
void kf_onnx_refuse_class(struct kf_onnx_call *call);
/** The row of what may be given texts; NULL for what may not. */
const struct kf_onnx_words_row *kf_onnx_words_of(const struct kf_layer *layer);

#endif
