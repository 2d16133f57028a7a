/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include <string.h>

/* Operations that put in order, look up and count. */

static const int64_t flat = -1;

/* Along its axis, or of all elements where that is null. */
static struct kf_onnx_tensor *along(struct kf_onnx_call *call, struct kf_onnx_tensor *x, int *axis,
                                    int64_t fallback)
{
    const json_t *given = json_object_get(call->layer->config, "axis");

    if (given && json_is_null(given)) {
        *axis = 0;
        return kf_onnx_reshape(call->onnx, x, &flat, 1);
    }
    *axis = x ? kf_onnx_operand_axis(call, x, "axis", fallback) : -1;
    return *axis < 0 ? NULL : x;
}

/* Smallest first: the values, and the places that they had. */
static struct kf_onnx_node *sorted(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis)
{
    struct kf_onnx_tensor *in[2] = {x, x ? kf_onnx_size(onnx, x, axis) : NULL};
    struct kf_onnx_node *node = kf_onnx_node_new(onnx, "TopK", in, 2);

    kf_onnx_set_int(onnx, node, "axis", axis);
    kf_onnx_set_int(onnx, node, "largest", 0);
    return node && kf_onnx_output(onnx, node, x->dtype, x->rank, x->dims) &&
                   kf_onnx_output(onnx, node, KF_DTYPE_INT64, x->rank, x->dims)
               ? node
               : NULL;
}

/* "values" or "places". */
void kf_onnx_form_op_sort(struct kf_onnx_call *call)
{
    int axis;
    struct kf_onnx_tensor *x = along(call, kf_onnx_operand_first(call), &axis, -1);
    struct kf_onnx_node *node = x ? sorted(call->onnx, x, axis) : NULL;

    if (node)
        kf_onnx_give(call, strcmp(call->op, "values") == 0
                               ? node->out[0]
                               : kf_onnx_cast(call->onnx, node->out[1], KF_DTYPE_INT32));
}

/* The axes `axes` as one at the end. */
static struct kf_onnx_tensor *gathered(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                       const int64_t *axes, size_t n)
{
    int64_t dims[KF_ONNX_RANK_MAX] = {0};
    unsigned order[KF_ONNX_RANK_MAX], rank = 0;
    bool gone[KF_ONNX_RANK_MAX] = {false};

    for (size_t i = 0; i < n; i++)
        gone[axes[i]] = true;
    for (unsigned i = 0; i < x->rank; i++)
        if (!gone[i])
            order[rank++] = i;
    dims[rank] = -1;
    for (unsigned i = 0, k = rank; i < x->rank; i++)
        if (gone[i])
            order[k++] = i;
    return kf_onnx_reshape(onnx, kf_onnx_transpose(onnx, x, order), dims, rank + 1);
}

/* The middle of what is in order, or the mean of the two in the middle. */
void kf_onnx_form_op_median(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call), *y;
    int64_t axes[KF_ONNX_RANK_MAX], last[1], size;
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;
    struct kf_onnx_node *node;

    if (!n || !(y = gathered(onnx, x, axes, n)))
        return;
    last[0] = (int64_t)y->rank - 1;
    size = y->dims[last[0]];
    if (size < 1) {
        kf_onnx_refuse(call, "the size of what it is taken of is not known");
        return;
    }
    if (!(node = sorted(onnx, y, (int)last[0])))
        return;
    y = kf_onnx_slice(onnx, node->out[0], (int)last[0], (size - 1) / 2, size / 2 + 1, 1);
    y = kf_onnx_reduce(onnx, "ReduceMean", y, last, 1, false);
    kf_onnx_give(call, kf_onnx_operand_number(call, "keepdims", 0) > 0
                           ? kf_onnx_unsqueeze(onnx, y, axes, n)
                           : y);
}

/* How many of `list` hold beside each number: truths (..., list) of a comparison. */
static struct kf_onnx_tensor *count(struct kf_onnx *onnx, struct kf_onnx_tensor *truths)
{
    return kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_cast(onnx, truths, KF_DTYPE_INT32), &flat, 1,
                          false);
}

static struct kf_onnx_tensor *beside(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    return kf_onnx_unsqueeze(onnx, x, &flat, 1);
}

/* How many bounds are no larger; of what is no number, all. */
void kf_onnx_form_op_digitize(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call);
    struct kf_onnx_tensor *bins =
        kf_onnx_operand(call, kf_onnx_operand_json(call, "bins"), KF_DTYPE_FLOAT32);

    if (!x || !bins || bins->rank != 1)
        return;
    x = kf_onnx_compare(onnx, "Less", beside(onnx, x), kf_onnx_cast(onnx, bins, x->dtype));
    kf_onnx_give(call, count(onnx, kf_onnx_test(onnx, "Not", x)));
}

void kf_onnx_form_op_search_sorted(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    json_t *values[2] = {kf_onnx_operand_json(call, "sorted_sequence"),
                         kf_onnx_operand_json(call, "values")};
    bool left = kf_streq(kf_json_str(call->layer->config, "side", "left"), "left");
    struct kf_onnx_tensor *x[2];

    if (!values[0] || !values[1] || !kf_onnx_operands(call, values, 2, x))
        return;
    if (x[0]->rank != 1) {
        kf_onnx_refuse(call, "it looks in more than one list");
        return;
    }
    kf_onnx_give(call, count(onnx, kf_onnx_compare(onnx, left ? "Less" : "LessOrEqual", x[0],
                                                   beside(onnx, x[1]))));
}

void kf_onnx_form_op_is_in(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2], *y;

    if (!kf_onnx_operand_pair(call, x))
        return;
    y = kf_onnx_compare(onnx, "Equal", beside(onnx, x[0]), kf_onnx_reshape(onnx, x[1], &flat, 1));
    y = kf_onnx_cast(onnx, count(onnx, y), KF_DTYPE_BOOL);
    kf_onnx_give(call,
                 kf_onnx_operand_number(call, "invert", 0) > 0 ? kf_onnx_test(onnx, "Not", y) : y);
}

void kf_onnx_form_op_count_nonzero(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_operand_first(call), KF_DTYPE_BOOL);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;

    if (n)
        kf_onnx_give(call, kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_cast(onnx, x, KF_DTYPE_INT32),
                                          axes, n, false));
}

/* Source: keras/src/backend/tensorflow/nn.py, multi_hot (3.15.1) */
void kf_onnx_form_op_multi_hot(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t n = (int64_t)kf_onnx_operand_number(call, "num_classes", 0);
    enum kf_dtype dtype = kf_onnx_dtype_named(kf_json_str(call->layer->config, "dtype", "float32"));
    int64_t axis[1] = {x && x->rank > 1 ? 1 : 0}, end = x ? (int64_t)x->rank : 0;
    int64_t given = (int64_t)kf_onnx_operand_number(call, "axis", -1);

    if (!x || n < 1 || n > 1000000 || !kf_number_is_float(dtype) ||
        kf_onnx_operand_number(call, "sparse", 0) > 0 || (given != -1 && given != end)) {
        kf_onnx_refuse(call, "its axis is not the last one, or it is sparse");
        return;
    }
    x = kf_onnx_cast(onnx, kf_onnx_hot(onnx, x, n), dtype);
    kf_onnx_give(call, kf_onnx_reduce(onnx, "ReduceMax", x, axis, 1, false));
}

/* The products of all elements up to each: steps that are written one by one. */
void kf_onnx_form_op_cumprod(struct kf_onnx_call *call)
{
    enum { STEPS_MAX = 1024 };
    struct kf_onnx *onnx = call->onnx;
    int axis;
    struct kf_onnx_tensor *x = along(call, kf_onnx_operand_first(call), &axis, 0), **all;
    int64_t n = x ? x->dims[axis] : 0;

    if (n < 1 || n > STEPS_MAX) {
        kf_onnx_refuse(call, "the size of its axis is not known, or larger than %d", STEPS_MAX);
        return;
    }
    all = kf_onnx_alloc(onnx, (size_t)n * sizeof(*all));
    for (int64_t i = 0; all && i < n; i++) {
        all[i] = kf_onnx_slice(onnx, x, axis, i, i + 1, 1);
        if (i)
            all[i] = kf_onnx_binary(onnx, "Mul", all[i - 1], all[i]);
    }
    if (all && all[n - 1])
        kf_onnx_give(call, n > 1 ? kf_onnx_concat(onnx, all, (size_t)n, axis) : x);
}

/* What stands behind each element along an axis, and the element itself. */
static void neighbours(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis,
                       struct kf_onnx_tensor **out)
{
    out[0] = kf_onnx_slice(onnx, x, axis, 1, KF_ONNX_END, 1);
    out[1] = kf_onnx_slice(onnx, x, axis, 0, -1, 1);
}

void kf_onnx_form_op_diff(struct kf_onnx_call *call)
{
    enum { TIMES_MAX = 64 };
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *both[2];
    int axis = x ? kf_onnx_operand_axis(call, x, "axis", -1) : -1;
    double n = kf_onnx_operand_number(call, "n", 1);

    if (axis < 0 || x->dtype == KF_DTYPE_BOOL || n > TIMES_MAX) {
        kf_onnx_refuse(call, "it is of truths, or taken more than %d times", TIMES_MAX);
        return;
    }
    for (int i = 0; i < n; i++) {
        neighbours(call->onnx, x, axis, both);
        x = kf_onnx_binary(call->onnx, "Sub", both[0], both[1]);
    }
    kf_onnx_give(call, x);
}

void kf_onnx_form_op_trapezoid(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call), *both[2];
    int axis = x ? kf_onnx_operand_axis(call, x, "axis", -1) : -1;
    int64_t at[1] = {axis};

    if (axis < 0 || kf_onnx_operand_json(call, "x")) {
        kf_onnx_refuse(call, "its steps are not all alike");
        return;
    }
    neighbours(onnx, x, axis, both);
    x = kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_binary(onnx, "Add", both[0], both[1]), at, 1,
                       false);
    kf_onnx_give(call,
                 kf_onnx_binary_with(onnx, "Mul", x, kf_onnx_operand_number(call, "dx", 1) / 2));
}

/* The place of an element along an axis is told for each; both have the same other sizes. */
void kf_onnx_form_op_take_along_axis(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *in[2] = {
        kf_onnx_operand_first(call),
        kf_onnx_operand(call, kf_onnx_operand_json(call, "indices"), KF_DTYPE_INT64)};
    struct kf_onnx_node *node;
    int axis;

    in[0] = along(call, in[0], &axis, -1);
    if (!in[0] || !in[1])
        return;
    for (unsigned i = 0; i < in[0]->rank; i++)
        if (in[0]->rank != in[1]->rank || ((int)i != axis && in[0]->dims[i] != in[1]->dims[i])) {
            kf_onnx_refuse(call, "its places have other sizes than what they are of");
            return;
        }
    in[1] = kf_onnx_cast(onnx, in[1], KF_DTYPE_INT64);
    node = kf_onnx_node_new(onnx, "GatherElements", in, 2);
    kf_onnx_set_int(onnx, node, "axis", axis);
    kf_onnx_give(call,
                 node ? kf_onnx_output(onnx, node, in[0]->dtype, in[1]->rank, in[1]->dims) : NULL);
}
