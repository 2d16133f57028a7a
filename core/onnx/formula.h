/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_FORMULA_H
#define KF_ONNX_FORMULA_H

#include "operation.h"

#define KF_ONNX_STACK_MAX 16

struct kf_onnx_formula {
    struct kf_onnx *onnx;
    struct kf_onnx_call *call; /* of an operation, else NULL */
    struct kf_onnx_tensor *named[26], *stack[KF_ONNX_STACK_MAX];
    size_t n;
    enum kf_dtype dtype; /* of numbers */
};

/** What the words of a formula, up to a ";", leave behind. */
struct kf_onnx_tensor *kf_onnx_evaluate(struct kf_onnx_formula *formula, const char *text);

#endif
