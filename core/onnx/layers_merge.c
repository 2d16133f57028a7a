/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "layer.h"
#include <string.h>

/* Layers that take several tensors. */

/* True when convolutions left all of them with their last axis moved, and it can stay there. */
static bool all_moved(const struct kf_onnx_call *call)
{
    unsigned rank = 0;

    for (size_t i = 0; i < call->n_in; i++) {
        bool moved;
        const struct kf_onnx_tensor *x = kf_onnx_either(call->in[i], &moved);

        if (!x || (!moved && !call->in[i]->moved) || (rank && x->rank != rank))
            return false;
        rank = x->rank;
    }
    return true;
}

/* The inputs in one form and one dtype; NULL when one of them could not be made. */
static struct kf_onnx_tensor **gather(struct kf_onnx_call *call, bool moved)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor **all = kf_onnx_alloc(onnx, (call->n_in + 1) * sizeof(*all));
    enum kf_dtype dtype = KF_DTYPE_NONE;

    if (!all)
        return kf_onnx_no_memory(onnx);
    for (size_t i = 0; i < call->n_in; i++) {
        all[i] = moved ? kf_onnx_moved(onnx, call->in[i]) : kf_onnx_plain(onnx, call->in[i]);
        if (!all[i])
            return NULL;
        dtype = kf_onnx_promote(dtype, all[i]->dtype);
    }
    for (size_t i = 0; i < call->n_in; i++)
        if (!(all[i] = kf_onnx_cast(onnx, all[i], dtype)))
            return NULL;
    return all;
}

/*
 * Fewer axes stretch over more: behind the batch, axes of size 1 are put in front.
 *
 * Source: keras/src/layers/merging/base_merge.py, Merge.call
 */
static bool align(struct kf_onnx_call *call, struct kf_onnx_tensor **all)
{
    int64_t axes[KF_ONNX_RANK_MAX];
    unsigned rank = 0;

    for (size_t i = 0; i < call->n_in; i++)
        rank = all[i]->rank > rank ? all[i]->rank : rank;
    for (size_t i = 0; i < call->n_in; i++) {
        unsigned missing = rank - all[i]->rank;

        for (unsigned k = 0; k < missing; k++)
            axes[k] = k + 1;
        if (missing && !(all[i] = kf_onnx_unsqueeze(call->onnx, all[i], axes, missing)))
            return false;
    }
    return true;
}

void kf_onnx_form_merge(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    bool moved = all_moved(call), mean = strcmp(call->op, "Mean") == 0;
    struct kf_onnx_tensor **all = gather(call, moved), *y;

    if (!all || !align(call, all))
        return;
    y = all[0];
    for (size_t i = 1; i < call->n_in; i++)
        y = kf_onnx_binary(onnx, mean ? "Add" : call->op, y, all[i]);
    if (mean && y && !kf_number_is_float(y->dtype))
        y = kf_onnx_cast(onnx, y, call->dtype);
    if (mean)
        y = kf_onnx_binary_with(onnx, "Div", y, (double)call->n_in);
    kf_onnx_give_as(call, y, moved);
}

void kf_onnx_form_concatenate(struct kf_onnx_call *call)
{
    bool moved = all_moved(call);
    struct kf_onnx_tensor **all = gather(call, moved);
    int axis;

    if (!all)
        return;
    axis = kf_onnx_axis(call->onnx, all[0], kf_onnx_number(call, "axis", -1));
    if (axis < 0)
        return;
    if (moved)
        axis = kf_onnx_moved_axis(axis, all[0]->rank);
    kf_onnx_give_as(
        call, call->n_in == 1 ? all[0] : kf_onnx_concat(call->onnx, all, call->n_in, axis), moved);
}

/* Source: keras/src/ops/nn.py, normalize; its epsilon is that of the backend. */
static struct kf_onnx_tensor *normalize(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis)
{
    int64_t axes[1] = {axis};
    struct kf_onnx_tensor *norm = kf_onnx_reduce(onnx, "ReduceL2", x, axes, 1, true);

    return kf_onnx_binary(onnx, "Div", x, kf_onnx_binary_with(onnx, "Max", norm, 1e-7));
}

/* The axis of a tensor that is summed over is brought to place `to`. */
static struct kf_onnx_tensor *bring(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis,
                                    unsigned to)
{
    unsigned axes[KF_ONNX_RANK_MAX], n = 0;

    for (unsigned i = 0; i < x->rank; i++) {
        if (n == to)
            axes[n++] = (unsigned)axis;
        if ((int)i != axis)
            axes[n++] = i;
    }
    if (n < x->rank)
        axes[n] = (unsigned)axis;
    return kf_onnx_transpose(onnx, x, axes);
}

/*
 * Source: keras/src/layers/merging/dot.py, batch_dot (3.15.1): both have the batch in front, one
 * axis of each is summed over, and what is left of the first stands before what is left of the
 * second.
 */
static struct kf_onnx_tensor *batch_dot(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                        struct kf_onnx_tensor *y, const int axes[2])
{
    struct kf_onnx *onnx = call->onnx;
    static const int64_t second = 1, third = 2;

    if (x->rank > 3 || y->rank > 3 || x->rank < 2 || y->rank < 2) {
        kf_onnx_refuse(call, "it takes tensors of two and three axes");
        return NULL;
    }
    x = x->rank == 2 ? kf_onnx_unsqueeze(onnx, x, &second, 1) : bring(onnx, x, axes[0], 2);
    y = y->rank == 2 ? kf_onnx_unsqueeze(onnx, y, &third, 1) : bring(onnx, y, axes[1], 1);
    return kf_onnx_matmul(onnx, x, y);
}

void kf_onnx_form_dot(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor **all = gather(call, false), *z;
    int64_t given[KF_ONNX_RANK_MAX], gone[2];
    size_t n = kf_onnx_numbers(call, json_object_get(call->layer->config, "axes"), given), k = 0;
    int axes[2];
    bool thin[2];

    if (!all || call->n_in != 2 || n < 1 || n > 2)
        return;
    axes[0] = kf_onnx_axis(onnx, all[0], given[0]);
    axes[1] = kf_onnx_axis(onnx, all[1], given[n - 1]);
    if (axes[0] < 1 || axes[1] < 1)
        return;
    if (kf_onnx_flag(call, "normalize", false)) {
        all[0] = normalize(onnx, all[0], axes[0]);
        all[1] = normalize(onnx, all[1], axes[1]);
        if (!all[0] || !all[1])
            return;
    }
    thin[0] = all[0]->rank == 2;
    thin[1] = all[1]->rank == 2;
    z = batch_dot(call, all[0], all[1], axes);
    if (thin[0] && !thin[1])
        gone[k++] = 1;
    if (thin[1]) /* of two vectors one axis stays, of size 1 */
        gone[k++] = 2;
    kf_onnx_give(call, k ? kf_onnx_squeeze(onnx, z, gone, k) : z);
}

/* Source: keras/src/applications/inception_resnet_v2.py, CustomScaleLayer (3.15.1) */
void kf_onnx_form_scaled_sum(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    bool moved = all_moved(call);
    struct kf_onnx_tensor **all = gather(call, moved);

    if (all && call->n_in == 2)
        kf_onnx_give_as(call,
                        kf_onnx_binary(onnx, "Add", all[0],
                                       kf_onnx_binary_with(onnx, "Mul", all[1],
                                                           kf_onnx_real(call, "scale", 1))),
                        moved);
}

/* Source: keras/src/applications/convnext.py, LayerScale (3.15.1) */
void kf_onnx_form_layer_scale(struct kf_onnx_call *call)
{
    int64_t dims[KF_ONNX_RANK_MAX] = {-1};
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_either(call->in[0], &moved);
    struct kf_onnx_tensor *by = kf_onnx_weight(call, "gamma");

    for (unsigned i = 1; x && i < x->rank; i++)
        dims[i] = 1;
    if (moved && x && x->rank > 1)
        by = kf_onnx_reshape(call->onnx, by, dims, x->rank - 1);
    kf_onnx_give_as(call, kf_onnx_binary(call->onnx, "Mul", x, by), moved);
}
