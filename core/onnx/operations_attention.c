/* SPDX-License-Identifier: Apache-2.0 */
#include "../model/numbers.h"
#include "attention.h"
#include "operation.h"
#include <math.h>

/*
 * Attention as an operation: query (batch, steps, heads, size), key and value likewise.
 *
 * Source: keras/src/backend/tensorflow/nn.py, dot_product_attention (3.15.1)
 */

/* What is masked, far below all scores. */
static struct kf_onnx_tensor *far_below(struct kf_onnx *onnx, enum kf_dtype dtype)
{
    return kf_onnx_scalar(onnx, dtype, -0.7 * (dtype == KF_DTYPE_FLOAT16 ? 65500 : 3.38953e38));
}

/* An argument that is a tensor, or NULL for none. */
static struct kf_onnx_tensor *given(struct kf_onnx_call *call, const char *name,
                                    enum kf_dtype dtype)
{
    json_t *value = kf_onnx_operand_json(call, name);

    return value ? kf_onnx_cast(call->onnx, kf_onnx_operand(call, value, dtype), dtype) : NULL;
}

static struct kf_onnx_tensor *masked(struct kf_onnx_call *call, struct kf_onnx_tensor *scores,
                                     struct kf_onnx_tensor *const *x)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *mask = given(call, "mask", KF_DTYPE_BOOL), *below;

    if (kf_onnx_operand_number(call, "is_causal", 0) > 0) {
        below = kf_onnx_near_mask(onnx, x[0], x[1], 0);
        mask = mask ? kf_onnx_compare(onnx, "And", mask, below) : below;
    }
    return mask && scores ? kf_onnx_where(onnx, mask, scores, far_below(onnx, scores->dtype))
                          : scores;
}

/* (batch, heads, steps, size), or upright (batch, heads, size, steps). */
static struct kf_onnx_tensor *by_heads(struct kf_onnx *onnx, struct kf_onnx_tensor *x, bool upright)
{
    static const unsigned flat[4] = {0, 2, 1, 3}, stood[4] = {0, 2, 3, 1};

    return kf_onnx_transpose(onnx, x, upright ? stood : flat);
}

void kf_onnx_form_op_attention(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    json_t *values[3] = {kf_onnx_operand_json(call, "query"), kf_onnx_operand_json(call, "key"),
                         kf_onnx_operand_json(call, "value")};
    struct kf_onnx_tensor *x[3], *scores, *bias;
    double scale;

    if (!values[0] || !values[1] || !values[2] || !kf_onnx_operands(call, values, 3, x))
        return;
    if (x[0]->rank != 4 || x[1]->rank != 4 || x[2]->rank != 4 || !kf_number_is_float(x[0]->dtype) ||
        x[0]->dims[2] < 1 || x[1]->dims[3] < 1 || x[0]->dims[2] != x[1]->dims[2]) {
        kf_onnx_refuse(call, "its keys have other heads than its queries, or sizes that are not "
                             "known");
        return;
    }
    scale = kf_onnx_operand_number(call, "scale", 1 / sqrt((double)x[1]->dims[3]));
    scores = kf_onnx_matmul(onnx, by_heads(onnx, x[0], false), by_heads(onnx, x[1], true));
    if (scores && scores->dtype == KF_DTYPE_FLOAT16)
        scores = kf_onnx_cast(onnx, scores, KF_DTYPE_FLOAT32);
    scores = kf_onnx_binary_with(onnx, "Mul", scores, scale);
    if (scores && (bias = given(call, "bias", scores->dtype)))
        scores = kf_onnx_binary(onnx, "Add", scores, bias);
    scores = kf_onnx_along(onnx, "Softmax", masked(call, scores, x), 3);
    scores = kf_onnx_cast(onnx, scores, x[2]->dtype);
    scores = kf_onnx_matmul(onnx, scores, by_heads(onnx, x[2], false));
    kf_onnx_give(call, by_heads(onnx, scores, false));
}
