/* SPDX-License-Identifier: Apache-2.0 */
#include "../model/numbers.h"
#include "operation.h"
#include <math.h>
#include <string.h>

/*
 * Losses and distances as operations.
 *
 * Source: keras/src/backend/tensorflow/nn.py, keras/src/ops/math.py (3.15.1)
 */
#define EPSILON 1e-7

static const int64_t last = -1;

/* What `op` made probabilities of: Keras takes that instead of them. NULL where they are none. */
static struct kf_onnx_tensor *logits_of(const struct kf_onnx_call *call,
                                        struct kf_onnx_tensor *output, const char *op)
{
    const struct kf_onnx *onnx = call->onnx;

    for (size_t i = onnx->n_nodes; i-- > 0;)
        if (onnx->nodes[i]->n_out && onnx->nodes[i]->out[0] == output &&
            strcmp(onnx->nodes[i]->op, op) == 0)
            return onnx->nodes[i]->in[0];
    return kf_onnx_operand_number(call, "from_logits", 0) > 0 ? output : NULL;
}

/* Target and output in floats; false when there are no two. */
static bool both(struct kf_onnx_call *call, struct kf_onnx_tensor **x)
{
    json_t *values[2] = {kf_onnx_operand_json(call, "target"),
                         kf_onnx_operand_json(call, "output")};

    if (!values[0] || !values[1] || !kf_onnx_operands(call, values, 2, x))
        return false;
    for (unsigned i = 0; i < 2; i++)
        x[i] = kf_onnx_as_real(call->onnx, x[i]);
    return x[0] && x[1];
}

static struct kf_onnx_tensor *one_minus(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    return x ? kf_onnx_binary(onnx, "Sub", kf_onnx_scalar(onnx, x->dtype, 1), x) : NULL;
}

static struct kf_onnx_tensor *log_of(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    return kf_onnx_unary(onnx, "Log", kf_onnx_clip(onnx, x, EPSILON, 1 - EPSILON));
}

/* max(x, 0) - x * target + log(1 + exp(-|x|)) */
static struct kf_onnx_tensor *binary_of_logits(struct kf_onnx *onnx, struct kf_onnx_tensor *target,
                                               struct kf_onnx_tensor *x)
{
    struct kf_onnx_tensor *y =
        kf_onnx_unary(onnx, "Exp", kf_onnx_unary(onnx, "Neg", kf_onnx_unary(onnx, "Abs", x)));

    y = kf_onnx_unary(onnx, "Log", kf_onnx_binary_with(onnx, "Add", y, 1));
    y = kf_onnx_binary(onnx, "Sub", y, kf_onnx_binary(onnx, "Mul", x, target));
    return kf_onnx_binary(onnx, "Add", kf_onnx_unary(onnx, "Relu", x), y);
}

void kf_onnx_form_op_binary_crossentropy(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2], *logits, *y;

    if (!both(call, x))
        return;
    logits = logits_of(call, x[1], "Sigmoid");
    if (logits) {
        kf_onnx_give(call, binary_of_logits(onnx, x[0], logits));
        return;
    }
    x[1] = kf_onnx_clip(onnx, x[1], EPSILON, 1 - EPSILON);
    y = kf_onnx_binary(onnx, "Add",
                       kf_onnx_binary(onnx, "Mul", x[0], kf_onnx_unary(onnx, "Log", x[1])),
                       kf_onnx_binary(onnx, "Mul", one_minus(onnx, x[0]),
                                      kf_onnx_unary(onnx, "Log", one_minus(onnx, x[1]))));
    kf_onnx_give(call, kf_onnx_unary(onnx, "Neg", y));
}

void kf_onnx_form_op_categorical_crossentropy(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2], *y;
    int64_t at[1];

    if (!both(call, x))
        return;
    at[0] = kf_onnx_operand_axis(call, x[1], "axis", -1);
    if (at[0] < 0)
        return;
    y = logits_of(call, x[1], "Softmax");
    y = y ? kf_onnx_along(onnx, "LogSoftmax", y, (int)at[0])
          : log_of(onnx, kf_onnx_binary(onnx, "Div", x[1],
                                        kf_onnx_reduce(onnx, "ReduceSum", x[1], at, 1, true)));
    y = kf_onnx_binary(onnx, "Mul", x[0], y);
    kf_onnx_give(call,
                 kf_onnx_unary(onnx, "Neg", kf_onnx_reduce(onnx, "ReduceSum", y, at, 1, false)));
}

/* The elements of `x` along its last axis that `places` (without that axis) tell. */
static struct kf_onnx_tensor *chosen(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                     struct kf_onnx_tensor *places)
{
    struct kf_onnx_tensor *hot = kf_onnx_hot(onnx, places, x->dims[x->rank - 1]);

    return kf_onnx_reduce(onnx, "ReduceSum",
                          kf_onnx_where(onnx, hot, x, kf_onnx_scalar(onnx, x->dtype, 0)), &last, 1,
                          false);
}

void kf_onnx_form_op_sparse_crossentropy(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *target = kf_onnx_operand_first(call), *y;
    struct kf_onnx_tensor *output =
        kf_onnx_operand(call, kf_onnx_operand_json(call, "output"), KF_DTYPE_FLOAT32);
    int axis = output ? kf_onnx_operand_axis(call, output, "axis", -1) : -1;

    if (!target || axis < 0)
        return;
    if (axis + 1 != (int)output->rank || output->dims[axis] < 1) {
        kf_onnx_refuse(call, "its classes do not stand along the last axis, or have no number");
        return;
    }
    if (target->rank == output->rank && target->dims[axis] == 1)
        target = kf_onnx_squeeze(onnx, target, &last, 1);
    y = logits_of(call, output, "Softmax");
    y = kf_onnx_along(onnx, "LogSoftmax", y ? y : log_of(onnx, output), axis);
    kf_onnx_give(call, kf_onnx_unary(onnx, "Neg", y ? chosen(onnx, y, target) : NULL));
}

/* 20 log10(largest) - 10 log10(mean of the squares of the differences) */
void kf_onnx_form_op_psnr(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2], *y;
    double largest = kf_onnx_operand_number(call, "max_val", 1);
    int64_t all[KF_ONNX_RANK_MAX];

    if (!kf_onnx_operand_pair(call, x))
        return;
    for (unsigned i = 0; i < x[0]->rank; i++)
        all[i] = i;
    y = kf_onnx_as_real(onnx, kf_onnx_binary(onnx, "Sub", x[0], x[1]));
    y = kf_onnx_reduce(onnx, "ReduceMean", kf_onnx_binary(onnx, "Mul", y, y), all, x[0]->rank,
                       false);
    y = kf_onnx_binary_with(onnx, "Mul", kf_onnx_unary(onnx, "Log", y), -10 / log(10));
    kf_onnx_give(call, kf_onnx_binary_with(onnx, "Add", y, 20 * log10(largest)));
}

/* Fewer than k are larger, and all of them are numbers. */
void kf_onnx_form_op_in_top_k(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *targets = kf_onnx_operand_first(call), *beyond;
    struct kf_onnx_tensor *x =
        kf_onnx_operand(call, kf_onnx_operand_json(call, "predictions"), KF_DTYPE_FLOAT32);
    struct kf_onnx_tensor *larger;

    if (!targets || !x)
        return;
    if (x->rank != 2 || x->dims[1] < 1) {
        kf_onnx_refuse(call, "the number of its classes is not known");
        return;
    }
    beyond =
        kf_onnx_compare(onnx, "Or", kf_onnx_test(onnx, "IsNaN", x), kf_onnx_test(onnx, "IsInf", x));
    beyond = kf_onnx_reduce(onnx, "ReduceMax", kf_onnx_cast(onnx, beyond, KF_DTYPE_FLOAT32), &last,
                            1, false);
    larger = kf_onnx_compare(onnx, "Greater", x,
                             kf_onnx_unsqueeze(onnx, chosen(onnx, x, targets), &last, 1));
    larger = kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_cast(onnx, larger, KF_DTYPE_FLOAT32), &last,
                            1, false);
    kf_onnx_give(call, kf_onnx_compare(
                           onnx, "And",
                           kf_onnx_compare(onnx, "Less", larger,
                                           kf_onnx_scalar(onnx, KF_DTYPE_FLOAT32,
                                                          kf_onnx_operand_number(call, "k", 1))),
                           kf_onnx_test(onnx, "Not", kf_onnx_cast(onnx, beyond, KF_DTYPE_BOOL))));
}

/* How far vectors are apart: each of one list and each of the other. */
void kf_onnx_form_op_distances(struct kf_onnx_call *call)
{
    static const int64_t before[1] = {-2}, beyond[1] = {-3};
    struct kf_onnx *onnx = call->onnx;
    json_t *values[2] = {kf_onnx_operand_json(call, "x"), kf_onnx_operand_json(call, "y")};
    struct kf_onnx_tensor *x[2];

    if (!values[0] || !values[1] || !kf_onnx_operands(call, values, 2, x))
        return;
    x[0] = kf_onnx_unsqueeze(onnx, kf_onnx_as_real(onnx, x[0]), before, 1);
    x[1] = kf_onnx_unsqueeze(onnx, kf_onnx_as_real(onnx, x[1]), beyond, 1);
    x[0] = kf_onnx_binary(onnx, "Sub", x[0], x[1]);
    x[0] =
        kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_binary(onnx, "Mul", x[0], x[0]), &last, 1, false);
    kf_onnx_give(call, kf_onnx_unary(onnx, "Sqrt", x[0]));
}
