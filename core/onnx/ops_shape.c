/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/num.h"
#include "ops.h"
#include <string.h>

/* Nodes that change a shape, cut, join or reduce. */

struct kf_onnx_tensor *kf_onnx_transpose(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                         const unsigned *axes)
{
    int64_t dims[KF_ONNX_RANK_MAX], perm[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;
    bool moves = false;

    if (!x)
        return NULL;
    for (unsigned i = 0; i < x->rank; i++) {
        dims[i] = x->dims[axes[i]];
        perm[i] = axes[i];
        moves = moves || axes[i] != i;
    }
    if (!moves)
        return x;
    node = kf_onnx_node_new(onnx, "Transpose", &x, 1);
    kf_onnx_set_ints(onnx, node, "perm", perm, x->rank);
    return kf_onnx_output(onnx, node, x->dtype, x->rank, dims);
}

/* What is left for the axis whose size is -1; axes that are copied stand on both sides. */
static int64_t size_left(const struct kf_onnx_tensor *x, const int64_t *dims, unsigned n)
{
    uint64_t all = 1, named = 1;

    for (unsigned i = 0; i < x->rank; i++) {
        if (i < n && dims[i] == 0)
            continue;
        if (x->dims[i] == KF_ONNX_FREE || !kf_mul(all, (uint64_t)x->dims[i], &all))
            return KF_ONNX_FREE;
    }
    for (unsigned i = 0; i < n; i++)
        if (dims[i] > 0 && !kf_mul(named, (uint64_t)dims[i], &named))
            return KF_ONNX_FREE;
    return named && all / named <= INT64_MAX ? (int64_t)(all / named) : KF_ONNX_FREE;
}

struct kf_onnx_tensor *kf_onnx_reshape(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                       const int64_t *dims, unsigned n)
{
    int64_t known[KF_ONNX_RANK_MAX];
    bool same = x && n == x->rank;

    if (!x || n > KF_ONNX_RANK_MAX)
        return NULL;
    for (unsigned i = 0; i < n; i++) {
        known[i] = dims[i] == 0 ? x->dims[i] : dims[i] == -1 ? size_left(x, dims, n) : dims[i];
        same = same && (dims[i] == 0 || (known[i] == x->dims[i] && known[i] != KF_ONNX_FREE));
    }
    return same ? x : kf_onnx_reshape_to(onnx, x, kf_onnx_list(onnx, dims, n), known, n);
}

struct kf_onnx_tensor *kf_onnx_reshape_to(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                          struct kf_onnx_tensor *shape, const int64_t *dims,
                                          unsigned n)
{
    struct kf_onnx_node *node =
        kf_onnx_node_new(onnx, "Reshape", (struct kf_onnx_tensor *[]){x, shape}, 2);

    return node ? kf_onnx_output(onnx, node, x->dtype, n, dims) : NULL;
}

struct kf_onnx_tensor *kf_onnx_expand(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                      struct kf_onnx_tensor *shape, const int64_t *dims, unsigned n)
{
    struct kf_onnx_node *node =
        kf_onnx_node_new(onnx, "Expand", (struct kf_onnx_tensor *[]){x, shape}, 2);

    return node ? kf_onnx_output(onnx, node, x->dtype, n, dims) : NULL;
}

static bool is_one_of(const int64_t *axes, size_t n, unsigned rank, unsigned axis)
{
    for (size_t i = 0; i < n; i++)
        if ((axes[i] < 0 ? axes[i] + (int64_t)rank : axes[i]) == (int64_t)axis)
            return true;
    return false;
}

struct kf_onnx_tensor *kf_onnx_unsqueeze(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                         const int64_t *axes, size_t n)
{
    struct kf_onnx_node *node =
        kf_onnx_node_new(onnx, "Unsqueeze",
                         (struct kf_onnx_tensor *[]){x, x ? kf_onnx_list(onnx, axes, n) : NULL}, 2);
    int64_t dims[KF_ONNX_RANK_MAX];
    unsigned rank = x ? x->rank + (unsigned)n : 0, from = 0;

    if (!node || rank > KF_ONNX_RANK_MAX)
        return NULL;
    for (unsigned i = 0; i < rank; i++)
        dims[i] = is_one_of(axes, n, rank, i) || from >= x->rank ? 1 : x->dims[from++];
    return kf_onnx_output(onnx, node, x->dtype, rank, dims);
}

struct kf_onnx_tensor *kf_onnx_squeeze(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                       const int64_t *axes, size_t n)
{
    struct kf_onnx_node *node = kf_onnx_node_new(
        onnx, "Squeeze", (struct kf_onnx_tensor *[]){x, x ? kf_onnx_list(onnx, axes, n) : NULL}, 2);
    int64_t dims[KF_ONNX_RANK_MAX];
    unsigned rank = 0;

    if (!node)
        return NULL;
    for (unsigned i = 0; i < x->rank; i++)
        if (!is_one_of(axes, n, x->rank, i))
            dims[rank++] = x->dims[i];
    return kf_onnx_output(onnx, node, x->dtype, rank, dims);
}

struct kf_onnx_tensor *kf_onnx_shape(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    struct kf_onnx_node *node = kf_onnx_node_new(onnx, "Shape", &x, 1);
    int64_t dims[1] = {x ? (int64_t)x->rank : 0};

    return kf_onnx_output(onnx, node, KF_DTYPE_INT64, 1, dims);
}

struct kf_onnx_tensor *kf_onnx_size(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis)
{
    if (!x)
        return NULL;
    if (x->dims[axis] != KF_ONNX_FREE)
        return kf_onnx_list(onnx, &x->dims[axis], 1);
    return kf_onnx_slice(onnx, kf_onnx_shape(onnx, x), 0, axis, axis + 1, 1);
}

struct kf_onnx_tensor *kf_onnx_concat(struct kf_onnx *onnx, struct kf_onnx_tensor *const *x,
                                      size_t n, int axis)
{
    struct kf_onnx_node *node = kf_onnx_node_new(onnx, "Concat", x, n);
    int64_t dims[KF_ONNX_RANK_MAX];

    if (!node || !n)
        return NULL;
    kf_onnx_set_int(onnx, node, "axis", axis);
    memcpy(dims, x[0]->dims, sizeof(dims));
    for (size_t i = 1; i < n; i++)
        for (unsigned k = 0; k < x[0]->rank && k < x[i]->rank; k++) {
            if ((int)k != axis)
                dims[k] = dims[k] == KF_ONNX_FREE ? x[i]->dims[k] : dims[k];
            else if (dims[k] == KF_ONNX_FREE || x[i]->dims[k] == KF_ONNX_FREE)
                dims[k] = KF_ONNX_FREE;
            else
                dims[k] += x[i]->dims[k];
        }
    return kf_onnx_output(onnx, node, x[0]->dtype, x[0]->rank, dims);
}

/* How many elements a slice takes of an axis, as Python counts them. */
static int64_t slice_size(int64_t size, int64_t start, int64_t end, int64_t step)
{
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;

    if (size == KF_ONNX_FREE)
        return KF_ONNX_FREE;
    start = start < 0 ? start + size : start;
    end = end == -KF_ONNX_END ? low : end < 0 ? end + size : end;
    start = start < low ? low : start > high ? high : start;
    end = end < low ? low : end > high ? high : end;
    if (step > 0)
        return end > start ? (end - start - 1) / step + 1 : 0;
    return start > end ? (start - end - 1) / -step + 1 : 0;
}

struct kf_onnx_tensor *kf_onnx_slice(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis,
                                     int64_t start, int64_t end, int64_t step)
{
    int64_t at[1] = {axis}, dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_tensor *in[5] = {x};
    struct kf_onnx_node *node;

    if (!x)
        return NULL;
    in[1] = kf_onnx_list(onnx, &start, 1);
    in[2] = kf_onnx_list(onnx, &end, 1);
    in[3] = kf_onnx_list(onnx, at, 1);
    in[4] = step == 1 ? NULL : kf_onnx_list(onnx, &step, 1);
    node = kf_onnx_node_new(onnx, "Slice", in, step == 1 ? 4 : 5);
    memcpy(dims, x->dims, sizeof(dims));
    dims[axis] = slice_size(x->dims[axis], start, end, step);
    return kf_onnx_output(onnx, node, x->dtype, x->rank, dims);
}

struct kf_onnx_node *kf_onnx_split(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis,
                                   const int64_t *sizes, size_t n)
{
    struct kf_onnx_tensor *in[2] = {x, x ? kf_onnx_list(onnx, sizes, n) : NULL};
    struct kf_onnx_node *node = kf_onnx_node_new(onnx, "Split", in, 2);
    int64_t dims[KF_ONNX_RANK_MAX];

    kf_onnx_set_int(onnx, node, "axis", axis);
    for (size_t i = 0; node && i < n; i++) {
        memcpy(dims, x->dims, sizeof(dims));
        dims[axis] = sizes[i];
        if (!kf_onnx_output(onnx, node, x->dtype, x->rank, dims))
            return NULL;
    }
    return node;
}

struct kf_onnx_tensor *kf_onnx_pad(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                   const int64_t *pads, const char *mode,
                                   struct kf_onnx_tensor *value)
{
    struct kf_onnx_tensor *in[3] = {x, x ? kf_onnx_list(onnx, pads, 2 * x->rank) : NULL, value};
    struct kf_onnx_node *node = kf_onnx_node_new(onnx, "Pad", in, value ? 3 : 2);
    int64_t dims[KF_ONNX_RANK_MAX];

    if (!node)
        return NULL;
    kf_onnx_set_text(onnx, node, "mode", mode);
    for (unsigned i = 0; i < x->rank; i++)
        dims[i] =
            x->dims[i] == KF_ONNX_FREE ? KF_ONNX_FREE : x->dims[i] + pads[i] + pads[i + x->rank];
    return kf_onnx_output(onnx, node, x->dtype, x->rank, dims);
}

struct kf_onnx_tensor *kf_onnx_gather(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                      struct kf_onnx_tensor *places, int axis)
{
    struct kf_onnx_node *node =
        kf_onnx_node_new(onnx, "Gather", (struct kf_onnx_tensor *[]){x, places}, 2);
    int64_t dims[2 * KF_ONNX_RANK_MAX];
    unsigned rank = 0;

    if (!node)
        return NULL;
    kf_onnx_set_int(onnx, node, "axis", axis);
    for (unsigned i = 0; i < x->rank; i++)
        if ((int)i != axis)
            dims[rank++] = x->dims[i];
        else
            for (unsigned k = 0; k < places->rank; k++)
                dims[rank++] = places->dims[k];
    return kf_onnx_output(onnx, node, x->dtype, rank, dims);
}

/* Up to opset 17 only ReduceSum takes its axes as an input. */
static struct kf_onnx_node *reduce_node(struct kf_onnx *onnx, const char *op,
                                        struct kf_onnx_tensor *x, const int64_t *axes, size_t n)
{
    struct kf_onnx_tensor *in[2] = {x};
    struct kf_onnx_node *node;

    if (onnx->opset >= 18 || strcmp(op, "ReduceSum") == 0) {
        in[1] = x ? kf_onnx_list(onnx, axes, n) : NULL;
        return kf_onnx_node_new(onnx, op, in, 2);
    }
    node = kf_onnx_node_new(onnx, op, in, 1);
    kf_onnx_set_ints(onnx, node, "axes", axes, n);
    return node;
}

struct kf_onnx_tensor *kf_onnx_reduce(struct kf_onnx *onnx, const char *op,
                                      struct kf_onnx_tensor *x, const int64_t *axes, size_t n,
                                      bool keep)
{
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;
    unsigned rank = 0;

    if (!n)
        return x;
    node = reduce_node(onnx, op, x, axes, n);
    kf_onnx_set_int(onnx, node, "keepdims", keep);
    for (unsigned i = 0; node && i < x->rank; i++)
        if (!is_one_of(axes, n, x->rank, i))
            dims[rank++] = x->dims[i];
        else if (keep)
            dims[rank++] = 1;
    return node ? kf_onnx_output(onnx, node, x->dtype, rank, dims) : NULL;
}
