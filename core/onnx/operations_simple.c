/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include <string.h>

/* Operations that are one node, or a few, element by element or along axes. */

void kf_onnx_form_op_unary(struct kf_onnx_call *call)
{
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_operand_either(call, &moved);

    kf_onnx_give_as(call, kf_onnx_unary(call->onnx, call->op, x), moved);
}

void kf_onnx_form_op_real(struct kf_onnx_call *call)
{
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_operand_either_real(call, &moved);

    kf_onnx_give_as(call, kf_onnx_unary(call->onnx, call->op, x), moved);
}

void kf_onnx_form_op_same(struct kf_onnx_call *call)
{
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_operand_either(call, &moved);

    kf_onnx_give_as(call, x, moved);
}

/* Of truths the sum is "or" and the product "and". */
void kf_onnx_form_op_binary(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x[2];
    bool moved;

    if (!kf_onnx_operand_pair_either(call, x, &moved))
        return;
    if (x[0]->dtype == KF_DTYPE_BOOL) {
        const char *op = kf_in_words("Add Max", call->op)   ? "Or"
                         : kf_in_words("Mul Min", call->op) ? "And"
                                                            : NULL;

        if (!op)
            kf_onnx_refuse(call, "it subtracts truths");
        else
            kf_onnx_give_as(call, kf_onnx_binary(call->onnx, op, x[0], x[1]), moved);
        return;
    }
    kf_onnx_give_as(call, kf_onnx_binary(call->onnx, call->op, x[0], x[1]), moved);
}

void kf_onnx_form_op_divide(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x[2];
    bool moved;

    if (kf_onnx_operand_pair_either(call, x, &moved))
        kf_onnx_give_as(call,
                        kf_onnx_binary(call->onnx, "Div", kf_onnx_as_real(call->onnx, x[0]),
                                       kf_onnx_as_real(call->onnx, x[1])),
                        moved);
}

/* Truths are compared as whole numbers: Greater and Less take none. */
static struct kf_onnx_tensor *compare(struct kf_onnx_call *call, const char *op,
                                      struct kf_onnx_tensor *const *x)
{
    struct kf_onnx *onnx = call->onnx;
    bool truths = x[0]->dtype == KF_DTYPE_BOOL && strcmp(op, "Equal") != 0;
    enum kf_dtype dtype = truths ? KF_DTYPE_INT32 : x[0]->dtype;

    return kf_onnx_compare(onnx, op, kf_onnx_cast(onnx, x[0], dtype),
                           kf_onnx_cast(onnx, x[1], dtype));
}

void kf_onnx_form_op_compare(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x[2];

    if (kf_onnx_operand_pair(call, x))
        kf_onnx_give(call, compare(call, call->op, x));
}

void kf_onnx_form_op_not_equal(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x[2];

    if (kf_onnx_operand_pair(call, x))
        kf_onnx_give(call, kf_onnx_test(call->onnx, "Not", compare(call, "Equal", x)));
}

void kf_onnx_form_op_logical(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x[2];

    if (kf_onnx_operand_pair(call, x))
        kf_onnx_give(call, kf_onnx_compare(call->onnx, call->op,
                                           kf_onnx_cast(call->onnx, x[0], KF_DTYPE_BOOL),
                                           kf_onnx_cast(call->onnx, x[1], KF_DTYPE_BOOL)));
}

void kf_onnx_form_op_not(struct kf_onnx_call *call)
{
    kf_onnx_give(
        call, kf_onnx_test(call->onnx, "Not",
                           kf_onnx_cast(call->onnx, kf_onnx_operand_first(call), KF_DTYPE_BOOL)));
}

static bool keepdims(const struct kf_onnx_call *call)
{
    return kf_json_bool(call->layer->config, "keepdims", false);
}

void kf_onnx_form_op_reduce(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;

    if (!x || (!n && x->rank))
        return;
    if (kf_onnx_operand_json(call, "initial") || kf_onnx_operand_json(call, "dtype")) {
        kf_onnx_refuse(call, "it begins with a number of its own, or has a dtype of its own");
        return;
    }
    if (x->dtype == KF_DTYPE_BOOL || (!kf_number_is_float(x->dtype) && x->dtype < KF_DTYPE_INT32))
        x = kf_onnx_cast(call->onnx, x, KF_DTYPE_INT32);
    kf_onnx_give(call, kf_onnx_reduce(call->onnx, call->op, x, axes, n, keepdims(call)));
}

/* What is left of a moved tensor is as Keras has it when no axis in the middle is. */
void kf_onnx_form_op_reduce_real(struct kf_onnx_call *call)
{
    bool moved, keep = keepdims(call);
    struct kf_onnx_tensor *x = kf_onnx_operand_either_real(call, &moved);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0, middle = 0;

    for (size_t i = 0; i < n; i++)
        middle += axes[i] > 0 && axes[i] + 1 < (int64_t)x->rank;
    if (moved && !keep && middle + 2 < x->rank) {
        x = kf_onnx_operand_real(call);
        moved = false;
    }
    for (size_t i = 0; i < n && moved; i++)
        axes[i] = kf_onnx_moved_axis((int)axes[i], x->rank);
    if (x && (n || !x->rank))
        kf_onnx_give_as(call, kf_onnx_reduce(call->onnx, call->op, x, axes, n, keep),
                        moved && keep);
}

void kf_onnx_form_op_reduce_truth(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_operand_first(call), KF_DTYPE_BOOL);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;

    x = kf_onnx_cast(onnx, x, KF_DTYPE_FLOAT32);
    if (x && (n || !x->rank))
        kf_onnx_give(call,
                     kf_onnx_cast(onnx, kf_onnx_reduce(onnx, call->op, x, axes, n, keepdims(call)),
                                  KF_DTYPE_BOOL));
}

void kf_onnx_form_op_cast(struct kf_onnx_call *call)
{
    enum kf_dtype dtype = kf_onnx_dtype_named(kf_json_str(call->layer->config, "dtype", NULL));
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_operand_either(call, &moved);

    if (dtype == KF_DTYPE_NONE || (dtype == KF_DTYPE_BFLOAT16 && !call->onnx->runtime->bfloat16))
        kf_onnx_refuse(call, "it casts to %s",
                       kf_json_str(call->layer->config, "dtype", "no dtype"));
    else
        kf_onnx_give_as(call, kf_onnx_cast(call->onnx, x, dtype), moved);
}

void kf_onnx_form_op_where(struct kf_onnx_call *call)
{
    json_t *values[2] = {kf_onnx_operand_json(call, "x1"), kf_onnx_operand_json(call, "x2")};
    struct kf_onnx_tensor *x[2], *condition = kf_onnx_operand_first(call);

    if (!values[0] || !values[1])
        kf_onnx_refuse(call, "it gives places instead of values");
    else if (kf_onnx_operands(call, values, 2, x))
        kf_onnx_give(call,
                     kf_onnx_where(call->onnx, kf_onnx_cast(call->onnx, condition, KF_DTYPE_BOOL),
                                   x[0], x[1]));
}

void kf_onnx_form_op_matmul(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x[2];

    if (kf_onnx_operand_pair(call, x))
        kf_onnx_give(call, kf_onnx_matmul(call->onnx, x[0], x[1]));
}

void kf_onnx_form_op_expand_dims(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t axes[KF_ONNX_RANK_MAX];
    json_t *axis = kf_onnx_operand_json(call, "axis");
    size_t n = kf_onnx_numbers(call, axis, axes);

    if (x && n)
        kf_onnx_give(call, kf_onnx_unsqueeze(call->onnx, x, axes, n));
}

/* A number everywhere: 0 times the shape of x, which may not be known. */
void kf_onnx_form_op_like(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    enum kf_dtype dtype = kf_onnx_dtype_named(kf_json_str(call->layer->config, "dtype", NULL));

    if (!x)
        return;
    dtype = dtype == KF_DTYPE_NONE ? x->dtype : dtype;
    kf_onnx_give(call, kf_onnx_expand(onnx, kf_onnx_scalar(onnx, dtype, strcmp(call->op, "1") == 0),
                                      kf_onnx_shape(onnx, x), x->dims, x->rank));
}
