/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "window.h"
#include <string.h>

/* Layers that sum up all steps or pixels, or make more of them. */

/* The mean of the steps that are there. */
static struct kf_onnx_tensor *masked_mean(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                          struct kf_onnx_tensor *mask, const int64_t *axis,
                                          bool keep)
{
    struct kf_onnx *onnx = call->onnx;
    int64_t at[1] = {*axis == 1 ? 2 : 1};
    struct kf_onnx_tensor *there =
        kf_onnx_unsqueeze(onnx, kf_onnx_cast(onnx, mask, x->dtype), at, 1);
    struct kf_onnx_tensor *sum =
        kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_binary(onnx, "Mul", x, there), axis, 1, keep);

    return kf_onnx_binary(onnx, "Div", sum,
                          kf_onnx_reduce(onnx, "ReduceSum", there, axis, 1, keep));
}

/* Of all axes in the middle; the steps of a mask that is not NULL count alone. */
static void pool_all(struct kf_onnx_call *call, struct kf_onnx_tensor *mask)
{
    struct kf_onnx_tensor *x;
    bool moved, keep = kf_onnx_flag(call, "keepdims", false), first = kf_onnx_channels_first(call);
    int64_t axes[KF_ONNX_RANK_MAX];
    unsigned n;

    x = kf_onnx_either(call->in[0], &moved);
    if (moved && first) {
        x = kf_onnx_plain(call->onnx, call->in[0]);
        moved = false;
    }
    if (!x || x->rank < 3)
        return;
    n = x->rank - 2;
    for (unsigned i = 0; i < n; i++)
        axes[i] = (moved || first ? 2 : 1) + i;
    if (mask && n == 1)
        x = masked_mean(call, x, mask, axes, keep);
    else
        x = kf_onnx_reduce(call->onnx, call->op, x, axes, n, keep);
    kf_onnx_give_as(call, x, moved && keep);
}

void kf_onnx_form_global_pool(struct kf_onnx_call *call)
{
    pool_all(call, NULL);
}

void kf_onnx_form_masked_pool(struct kf_onnx_call *call)
{
    pool_all(call, kf_onnx_mask(call, 1));
}

/*
 * As many means or maxima as are wanted, of windows from floor(i * size / n) to
 * ceil((i + 1) * size / n).
 *
 * Source: keras/src/backend/tensorflow/nn.py, _compute_adaptive_pooling_gather_indices (3.15.1)
 */
static struct kf_onnx_tensor *adaptive_axis(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                            int axis, int64_t n)
{
    struct kf_onnx_tensor **pieces;
    int64_t size = x ? x->dims[axis] : 0, at[1] = {axis};

    if (!x || size == n)
        return x;
    if (size == KF_ONNX_FREE || n < 1 || n > 4096) {
        kf_onnx_refuse(call, "the size of its input is not known, or its own is no size");
        return NULL;
    }
    pieces = kf_onnx_alloc(call->onnx, (size_t)n * sizeof(*pieces));
    for (int64_t i = 0; pieces && i < n; i++) {
        int64_t from = i * size / n, to = ((i + 1) * size + n - 1) / n;

        pieces[i] = kf_onnx_reduce(call->onnx, call->op,
                                   kf_onnx_slice(call->onnx, x, axis, from, to, 1), at, 1, true);
    }
    return pieces ? n == 1 ? pieces[0] : kf_onnx_concat(call->onnx, pieces, (size_t)n, axis) : NULL;
}

void kf_onnx_form_adaptive_pool(struct kf_onnx_call *call)
{
    bool moved, first = kf_onnx_channels_first(call);
    struct kf_onnx_tensor *x = kf_onnx_either(call->in[0], &moved);
    int64_t sizes[KF_ONNX_RANK_MAX];

    if (moved && first) {
        x = kf_onnx_plain(call->onnx, call->in[0]);
        moved = false;
    }
    if (!x || x->rank < 3 || !kf_onnx_sizes(call, "output_size", 1, sizes, x->rank - 2))
        return;
    for (unsigned i = 0; x && i < x->rank - 2; i++)
        x = adaptive_axis(call, x, (int)((moved || first ? 2 : 1) + i), sizes[i]);
    kf_onnx_give_as(call, x, moved);
}
