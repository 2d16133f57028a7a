/* SPDX-License-Identifier: Apache-2.0 */
#include "ops.h"
#include "../model/numbers.h"
#include <string.h>

const char *kf_tf_scalar(struct kf_tf *tf, enum kf_dtype dtype, double value)
{
    char bytes[8] = {0};
    int64_t whole = (int64_t)value;

    if (kf_number_is_float(dtype))
        kf_number_write(dtype, bytes, value);
    else
        memcpy(bytes, &whole, sizeof(whole)); /* little-endian: the low bytes first */
    return kf_tf_constant(tf, dtype, 0, NULL, bytes, kf_dtype_size(dtype));
}

const char *kf_tf_list(struct kf_tf *tf, const int64_t *values, size_t n)
{
    int64_t dims[1] = {(int64_t)n};

    return kf_tf_constant(tf, KF_DTYPE_INT64, 1, dims, values, n * sizeof(*values));
}

/* A node that has one type, that of what goes in. */
static const char *typed(struct kf_tf *tf, const char *op, enum kf_dtype dtype,
                         const char *const *in, size_t n)
{
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, op);
    for (size_t i = 0; i < n; i++)
        kf_tf_in(&node, in[i]);
    kf_tf_set_type(&node, "T", dtype);
    return kf_tf_end(&node);
}

const char *kf_tf_unary(struct kf_tf *tf, const char *op, enum kf_dtype dtype, const char *x)
{
    return typed(tf, op, dtype, &x, 1);
}

const char *kf_tf_binary(struct kf_tf *tf, const char *op, enum kf_dtype dtype, const char *x,
                         const char *y)
{
    return typed(tf, op, dtype, (const char *[]){x, y}, 2);
}

const char *kf_tf_with(struct kf_tf *tf, const char *op, enum kf_dtype dtype, const char *x,
                       double y)
{
    return kf_tf_binary(tf, op, dtype, x, kf_tf_scalar(tf, dtype, y));
}

const char *kf_tf_logical(struct kf_tf *tf, const char *op, const char *x, const char *y)
{
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, op);
    kf_tf_in(&node, x);
    if (y)
        kf_tf_in(&node, y);
    return kf_tf_end(&node);
}

const char *kf_tf_cast(struct kf_tf *tf, const char *x, enum kf_dtype from, enum kf_dtype to)
{
    struct kf_tf_node node;

    if (from == to)
        return x;
    kf_tf_begin(tf, &node, "Cast");
    kf_tf_in(&node, x);
    kf_tf_set_type(&node, "SrcT", from);
    kf_tf_set_type(&node, "DstT", to);
    return kf_tf_end(&node);
}

const char *kf_tf_select(struct kf_tf *tf, enum kf_dtype dtype, const char *condition,
                         const char *x, const char *y)
{
    return typed(tf, "SelectV2", dtype, (const char *[]){condition, x, y}, 3);
}

const char *kf_tf_shape_of(struct kf_tf *tf, enum kf_dtype dtype, const char *x)
{
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "Shape");
    kf_tf_in(&node, x);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_type(&node, "out_type", KF_DTYPE_INT64);
    return kf_tf_end(&node);
}

const char *kf_tf_size(struct kf_tf *tf, enum kf_dtype dtype, const char *x, unsigned axis)
{
    struct kf_tf_range range = {.start = axis, .end = (int64_t)axis + 1, .step = 1};

    return kf_tf_slice(tf, KF_DTYPE_INT64, kf_tf_shape_of(tf, dtype, x), &range, 1);
}

const char *kf_tf_reshape(struct kf_tf *tf, enum kf_dtype dtype, const char *x, const char *shape)
{
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "Reshape");
    kf_tf_in(&node, x);
    kf_tf_in(&node, shape);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_type(&node, "Tshape", KF_DTYPE_INT64);
    return kf_tf_end(&node);
}

const char *kf_tf_transpose(struct kf_tf *tf, enum kf_dtype dtype, const char *x,
                            const int64_t *axes, unsigned n)
{
    const char *order = kf_tf_list(tf, axes, n);
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "Transpose");
    kf_tf_in(&node, x);
    kf_tf_in(&node, order);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_type(&node, "Tperm", KF_DTYPE_INT64);
    return kf_tf_end(&node);
}

const char *kf_tf_expand(struct kf_tf *tf, enum kf_dtype dtype, const char *x, int64_t axis)
{
    const char *at = kf_tf_scalar(tf, KF_DTYPE_INT64, (double)axis);
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "ExpandDims");
    kf_tf_in(&node, x);
    kf_tf_in(&node, at);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_type(&node, "Tdim", KF_DTYPE_INT64);
    return kf_tf_end(&node);
}

const char *kf_tf_squeeze(struct kf_tf *tf, enum kf_dtype dtype, const char *x, const int64_t *axes,
                          size_t n)
{
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "Squeeze");
    kf_tf_in(&node, x);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_ints(&node, "squeeze_dims", (int64_t *)axes, n);
    return kf_tf_end(&node);
}

const char *kf_tf_broadcast(struct kf_tf *tf, enum kf_dtype dtype, const char *x, const char *shape)
{
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "BroadcastTo");
    kf_tf_in(&node, x);
    kf_tf_in(&node, shape);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_type(&node, "Tidx", KF_DTYPE_INT64);
    return kf_tf_end(&node);
}

const char *kf_tf_concat(struct kf_tf *tf, enum kf_dtype dtype, const char *const *x, size_t n,
                         int64_t axis)
{
    const char *at;
    struct kf_tf_node node;

    if (n == 1)
        return x[0];
    at = kf_tf_scalar(tf, KF_DTYPE_INT64, (double)axis);
    kf_tf_begin(tf, &node, "ConcatV2");
    for (size_t i = 0; i < n; i++)
        kf_tf_in(&node, x[i]);
    kf_tf_in(&node, at);
    kf_tf_set_int(&node, "N", (int64_t)n);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_type(&node, "Tidx", KF_DTYPE_INT64);
    return kf_tf_end(&node);
}

/* An axis that is cut has its bit in neither mask where both ends are given. */
const char *kf_tf_slice(struct kf_tf *tf, enum kf_dtype dtype, const char *x,
                        const struct kf_tf_range *ranges, unsigned rank)
{
    int64_t start[KF_RANK_MAX], end[KF_RANK_MAX], step[KF_RANK_MAX];
    const char *in[4] = {x};
    int64_t from_start = 0, to_end = 0;
    struct kf_tf_node node;

    for (unsigned i = 0; i < rank; i++) {
        start[i] = ranges[i].start;
        end[i] = ranges[i].end;
        step[i] = ranges[i].step;
        from_start |= (int64_t)ranges[i].from_start << i;
        to_end |= (int64_t)ranges[i].to_end << i;
    }
    in[1] = kf_tf_list(tf, start, rank);
    in[2] = kf_tf_list(tf, end, rank);
    in[3] = kf_tf_list(tf, step, rank);
    kf_tf_begin(tf, &node, "StridedSlice");
    for (unsigned i = 0; i < 4; i++)
        kf_tf_in(&node, in[i]);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_type(&node, "Index", KF_DTYPE_INT64);
    kf_tf_set_int(&node, "begin_mask", from_start);
    kf_tf_set_int(&node, "end_mask", to_end);
    return kf_tf_end(&node);
}

const char *kf_tf_gather(struct kf_tf *tf, enum kf_dtype dtype, const char *x, const char *places,
                         enum kf_dtype of_places, int64_t axis, int64_t batch_axes)
{
    const char *at = kf_tf_scalar(tf, KF_DTYPE_INT64, (double)axis);
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "GatherV2");
    kf_tf_in(&node, x);
    kf_tf_in(&node, places);
    kf_tf_in(&node, at);
    kf_tf_set_type(&node, "Tparams", dtype);
    kf_tf_set_type(&node, "Tindices", of_places);
    kf_tf_set_type(&node, "Taxis", KF_DTYPE_INT64);
    kf_tf_set_int(&node, "batch_dims", batch_axes);
    return kf_tf_end(&node);
}

const char *kf_tf_pad(struct kf_tf *tf, enum kf_dtype dtype, const char *x, const int64_t *pads,
                      unsigned rank, const char *value)
{
    int64_t dims[2] = {rank, 2};
    const char *sizes =
        kf_tf_constant(tf, KF_DTYPE_INT64, 2, dims, pads, (size_t)rank * 2 * sizeof(*pads));
    struct kf_tf_node node;

    value = value ? value : kf_tf_scalar(tf, dtype, 0);
    kf_tf_begin(tf, &node, "PadV2");
    kf_tf_in(&node, x);
    kf_tf_in(&node, sizes);
    kf_tf_in(&node, value);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_type(&node, "Tpaddings", KF_DTYPE_INT64);
    return kf_tf_end(&node);
}

const char *kf_tf_reduce(struct kf_tf *tf, const char *op, enum kf_dtype dtype, const char *x,
                         const int64_t *axes, size_t n, bool keep)
{
    const char *along = kf_tf_list(tf, axes, n);
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, op);
    kf_tf_in(&node, x);
    kf_tf_in(&node, along);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_type(&node, "Tidx", KF_DTYPE_INT64);
    kf_tf_set_bool(&node, "keep_dims", keep);
    return kf_tf_end(&node);
}
