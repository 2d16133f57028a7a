/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include <float.h>
#include <string.h>

/* Operations that put values at places, and gather what belongs together. */

/* The smallest number that a dtype of floats has; 0 for others. */
static double lowest(enum kf_dtype dtype)
{
    return dtype == KF_DTYPE_FLOAT64   ? -DBL_MAX
           : dtype == KF_DTYPE_FLOAT32 ? -(double)FLT_MAX
           : dtype == KF_DTYPE_FLOAT16 ? -65504
                                       : 0;
}

/* "ReduceSum" or "ReduceMax" of the rows of one segment; what has none is 0, or the smallest. */
void kf_onnx_form_op_segment(struct kf_onnx_call *call)
{
    static const int64_t first = 0, second = 1;
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *hot;
    struct kf_onnx_tensor *ids =
        kf_onnx_operand(call, kf_onnx_operand_json(call, "segment_ids"), KF_DTYPE_INT64);
    int64_t n = (int64_t)kf_onnx_operand_number(call, "num_segments", 0), behind[KF_ONNX_RANK_MAX];
    bool sum = strcmp(call->op, "ReduceSum") == 0;

    if (!x || !ids)
        return;
    if (n < 1 || x->rank < 1 || ids->rank != 1 || (!sum && lowest(x->dtype) == 0)) {
        kf_onnx_refuse(call, "the number of its segments is not said, or its numbers are whole");
        return;
    }
    for (unsigned i = 2; i <= x->rank; i++)
        behind[i - 2] = i;
    hot = kf_onnx_hot(onnx, ids, n);
    if (x->rank > 1)
        hot = kf_onnx_unsqueeze(onnx, hot, behind, x->rank - 1);
    x = kf_onnx_where(onnx, hot, kf_onnx_unsqueeze(onnx, x, &second, 1),
                      kf_onnx_scalar(onnx, x->dtype, sum ? 0 : lowest(x->dtype)));
    kf_onnx_give(call, kf_onnx_reduce(onnx, call->op, x, &first, 1, false));
}

/* What stands before and behind a block along `axis`, within the block along the axes before. */
static struct kf_onnx_tensor *beside(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis,
                                     const int64_t *from, const int64_t *to, bool behind)
{
    for (int i = 0; x && i < axis; i++)
        x = kf_onnx_slice(onnx, x, i, from[i], to[i], 1);
    return kf_onnx_slice(onnx, x, axis, behind ? to[axis] : 0, behind ? KF_ONNX_END : from[axis],
                         1);
}

/* A block becomes another one: from the last axis on it is joined with what stands beside it. */
void kf_onnx_form_op_slice_update(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *parts[3];
    json_t *given = kf_onnx_operand_json(call, "start_indices");
    int64_t from[KF_ONNX_RANK_MAX], to[KF_ONNX_RANK_MAX];
    size_t n = kf_onnx_is_tensor(given) ? 0 : kf_onnx_numbers(call, given, from);

    if (!x)
        return;
    parts[1] = kf_onnx_cast(
        onnx, kf_onnx_operand(call, kf_onnx_operand_json(call, "updates"), x->dtype), x->dtype);
    if (!parts[1])
        return;
    for (unsigned i = 0; i < n && i < parts[1]->rank; i++) {
        to[i] = from[i] + parts[1]->dims[i];
        n = from[i] < 0 || parts[1]->dims[i] == KF_ONNX_FREE ? 0 : n;
    }
    if (n != x->rank || parts[1]->rank != x->rank) {
        kf_onnx_refuse(call, "where it begins is computed, or how large it is not known");
        return;
    }
    for (int axis = (int)n - 1; axis >= 0; axis--) {
        parts[0] = beside(onnx, x, axis, from, to, false);
        parts[2] = beside(onnx, x, axis, from, to, true);
        parts[1] = kf_onnx_concat(onnx, parts, 3, axis);
    }
    kf_onnx_give(call, parts[1]);
}

/* How values are put to what is there, what ONNX calls it, and the opset that has it. */
static const struct {
    const char *keras, *name;
    int opset;
} reductions[] = {{"add", "add", 16}, {"mul", "mul", 16}, {"max", "max", 18}, {"min", "min", 18}};

static bool set_reduction(struct kf_onnx_call *call, struct kf_onnx_node *node)
{
    const char *wanted = kf_json_str(call->layer->config, "reduction", NULL);

    if (!wanted)
        return true;
    for (size_t i = 0; i < sizeof(reductions) / sizeof(reductions[0]); i++)
        if (strcmp(reductions[i].keras, wanted) == 0 && reductions[i].opset <= call->onnx->opset) {
            kf_onnx_set_text(call->onnx, node, "reduction", reductions[i].name);
            return true;
        }
    kf_onnx_refuse(call, "operators that %.20s to what is there come with opset 16 or 18", wanted);
    return false;
}

/* Values at places that are told by an index for each axis. */
void kf_onnx_form_op_scatter_update(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *in[3] = {kf_onnx_operand_first(call)};
    struct kf_onnx_node *node;

    if (!in[0])
        return;
    in[1] = kf_onnx_cast(
        onnx, kf_onnx_operand(call, kf_onnx_operand_json(call, "indices"), KF_DTYPE_INT64),
        KF_DTYPE_INT64);
    in[2] = kf_onnx_cast(onnx,
                         kf_onnx_operand(call, kf_onnx_operand_json(call, "updates"), in[0]->dtype),
                         in[0]->dtype);
    node = kf_onnx_node_new(onnx, "ScatterND", in, 3);
    if (node && set_reduction(call, node))
        kf_onnx_give(call, kf_onnx_output(onnx, node, in[0]->dtype, in[0]->rank, in[0]->dims));
}

/* How often each number is there; as many numbers as there are, or as are asked for. */
void kf_onnx_form_op_bincount(struct kf_onnx_call *call)
{
    static const int64_t last = -1;
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_operand_first(call), KF_DTYPE_INT64), *n;
    int64_t all[KF_ONNX_RANK_MAX], counted[1], free[1] = {KF_ONNX_FREE};

    if (!x)
        return;
    if (kf_onnx_operand_json(call, "weights") || x->rank < 1 || x->rank > 2 ||
        kf_onnx_operand_number(call, "sparse", 0) > 0) {
        kf_onnx_refuse(call, "it has weights, is sparse, or counts along more than one axis");
        return;
    }
    for (unsigned i = 0; i < x->rank; i++)
        all[i] = i;
    counted[0] = (int64_t)x->rank - 1;
    n = kf_onnx_binary_with(onnx, "Add", kf_onnx_reduce(onnx, "ReduceMax", x, all, x->rank, false),
                            1);
    n = kf_onnx_binary_with(onnx, "Max", n, kf_onnx_operand_number(call, "minlength", 0));
    n = kf_onnx_expand(onnx, kf_onnx_scalar(onnx, KF_DTYPE_INT64, 1),
                       kf_onnx_unsqueeze(onnx, n, (const int64_t[]){0}, 1), free, 1);
    n = kf_onnx_binary_with(onnx, "Sub", kf_onnx_cumsum(onnx, n, 0, false), 1);
    x = kf_onnx_compare(onnx, "Equal", kf_onnx_unsqueeze(onnx, x, &last, 1), n);
    kf_onnx_give(call, kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_cast(onnx, x, KF_DTYPE_INT32),
                                      counted, 1, false));
}
