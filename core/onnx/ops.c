/* SPDX-License-Identifier: Apache-2.0 */
#include "ops.h"
#include "../base/str.h"
#include "../model/numbers.h"
#include <math.h>
#include <string.h>

/* Nodes that keep a shape, or broadcast two. */

static struct kf_onnx_node *node1(struct kf_onnx *onnx, const char *op, struct kf_onnx_tensor *x)
{
    return kf_onnx_node_new(onnx, op, &x, 1);
}

static struct kf_onnx_node *node2(struct kf_onnx *onnx, const char *op, struct kf_onnx_tensor *x,
                                  struct kf_onnx_tensor *y)
{
    return kf_onnx_node_new(onnx, op, (struct kf_onnx_tensor *[]){x, y}, 2);
}

struct kf_onnx_tensor *kf_onnx_scalar(struct kf_onnx *onnx, enum kf_dtype dtype, double value)
{
    char bytes[8] = {0};
    int64_t whole = (int64_t)value;

    if (kf_number_is_float(dtype))
        kf_number_write(dtype, bytes, value);
    else
        memcpy(bytes, &whole, sizeof(whole)); /* little-endian: the low bytes first */
    return kf_onnx_constant(onnx, dtype, 0, NULL, bytes);
}

struct kf_onnx_tensor *kf_onnx_list(struct kf_onnx *onnx, const int64_t *values, size_t n)
{
    int64_t dims[1] = {(int64_t)n};

    return kf_onnx_constant(onnx, KF_DTYPE_INT64, 1, dims, values);
}

static struct kf_onnx_tensor *same(struct kf_onnx *onnx, struct kf_onnx_node *node,
                                   const struct kf_onnx_tensor *x, enum kf_dtype dtype)
{
    return node ? kf_onnx_output(onnx, node, dtype, x->rank, x->dims) : NULL;
}

struct kf_onnx_tensor *kf_onnx_unary(struct kf_onnx *onnx, const char *op, struct kf_onnx_tensor *x)
{
    const char *formula = kf_onnx_formula_of(onnx, op, x);

    if (formula)
        return kf_onnx_formula(onnx, formula, x, NULL, NULL);
    return x ? same(onnx, node1(onnx, op, x), x, x->dtype) : NULL;
}

struct kf_onnx_tensor *kf_onnx_unary_with(struct kf_onnx *onnx, const char *op,
                                          struct kf_onnx_tensor *x, const char *name, double value)
{
    const char *formula = kf_onnx_formula_of(onnx, op, x);
    struct kf_onnx_node *node;

    if (formula)
        return kf_onnx_formula(onnx, formula, x, kf_onnx_scalar(onnx, x->dtype, value), NULL);
    node = node1(onnx, op, x);
    kf_onnx_set_float(onnx, node, name, value);
    return x ? same(onnx, node, x, x->dtype) : NULL;
}

struct kf_onnx_tensor *kf_onnx_test(struct kf_onnx *onnx, const char *op, struct kf_onnx_tensor *x)
{
    return x ? same(onnx, node1(onnx, op, x), x, KF_DTYPE_BOOL) : NULL;
}

/* The numbers of TensorProto.DataType. */
static const int onnx_dtypes[] = {
    [KF_DTYPE_FLOAT16] = 10, [KF_DTYPE_BFLOAT16] = 16, [KF_DTYPE_FLOAT32] = 1,
    [KF_DTYPE_FLOAT64] = 11, [KF_DTYPE_INT8] = 3,      [KF_DTYPE_INT16] = 5,
    [KF_DTYPE_INT32] = 6,    [KF_DTYPE_INT64] = 7,     [KF_DTYPE_UINT8] = 2,
    [KF_DTYPE_UINT16] = 4,   [KF_DTYPE_UINT32] = 12,   [KF_DTYPE_UINT64] = 13,
    [KF_DTYPE_BOOL] = 9,     [KF_DTYPE_STRING] = 8,
};

int kf_onnx_dtype(enum kf_dtype dtype)
{
    return onnx_dtypes[dtype];
}

struct kf_onnx_tensor *kf_onnx_cast(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                    enum kf_dtype dtype)
{
    struct kf_onnx_node *node;

    if (!x || x->dtype == dtype)
        return x;
    node = node1(onnx, "Cast", x);
    kf_onnx_set_int(onnx, node, "to", kf_onnx_dtype(dtype));
    return same(onnx, node, x, dtype);
}

struct kf_onnx_tensor *kf_onnx_counted(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    bool narrow = x && !kf_number_is_float(x->dtype) && x->dtype != KF_DTYPE_BOOL &&
                  x->dtype != KF_DTYPE_STRING && kf_dtype_size(x->dtype) < 4;

    return narrow ? kf_onnx_cast(onnx, x, KF_DTYPE_INT32) : x;
}

struct kf_onnx_tensor *kf_onnx_relu(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    return !x || kf_number_is_float(x->dtype) ? kf_onnx_unary(onnx, "Relu", x)
                                              : kf_onnx_binary_with(onnx, "Max", x, 0);
}

/* How long an axis is that comes of two: 1 stretches, and what is known is taken. */
static int64_t broadcast_size(int64_t a, int64_t b)
{
    if (a == 1 || b == 1)
        return a == 1 ? b : a;
    return a == KF_ONNX_FREE ? b : a;
}

static struct kf_onnx_tensor *broadcast(struct kf_onnx *onnx, struct kf_onnx_node *node,
                                        enum kf_dtype dtype)
{
    int64_t dims[KF_ONNX_RANK_MAX];
    unsigned rank = 0;

    if (!node)
        return NULL;
    for (size_t i = 0; i < node->n_in; i++)
        if (node->in[i]->rank > rank)
            rank = node->in[i]->rank;
    for (unsigned k = 0; k < rank; k++) {
        dims[k] = 1;
        for (size_t i = 0; i < node->n_in; i++) {
            unsigned missing = rank - node->in[i]->rank;

            if (k >= missing)
                dims[k] = broadcast_size(dims[k], node->in[i]->dims[k - missing]);
        }
    }
    return kf_onnx_output(onnx, node, dtype, rank, dims);
}

struct kf_onnx_tensor *kf_onnx_binary(struct kf_onnx *onnx, const char *op,
                                      struct kf_onnx_tensor *x, struct kf_onnx_tensor *y)
{
    enum kf_dtype dtype = x ? x->dtype : KF_DTYPE_NONE;

    if (!x || !y)
        return NULL;
    if (kf_in_words("Add Sub Mul Div Max Min", op) && !onnx->runtime->beyond) {
        x = kf_onnx_counted(onnx, x);
        y = kf_onnx_counted(onnx, y);
    }
    return x && y ? kf_onnx_cast(onnx, broadcast(onnx, node2(onnx, op, x, y), x->dtype), dtype)
                  : NULL;
}

struct kf_onnx_tensor *kf_onnx_binary_with(struct kf_onnx *onnx, const char *op,
                                           struct kf_onnx_tensor *x, double value)
{
    return x ? kf_onnx_binary(onnx, op, x, kf_onnx_scalar(onnx, x->dtype, value)) : NULL;
}

struct kf_onnx_tensor *kf_onnx_compare(struct kf_onnx *onnx, const char *op,
                                       struct kf_onnx_tensor *x, struct kf_onnx_tensor *y)
{
    return broadcast(onnx, node2(onnx, op, x, y), KF_DTYPE_BOOL);
}

struct kf_onnx_tensor *kf_onnx_where(struct kf_onnx *onnx, struct kf_onnx_tensor *condition,
                                     struct kf_onnx_tensor *x, struct kf_onnx_tensor *y)
{
    struct kf_onnx_tensor *in[] = {condition, x, y};

    return x ? broadcast(onnx, kf_onnx_node_new(onnx, "Where", in, 3), x->dtype) : NULL;
}

struct kf_onnx_tensor *kf_onnx_clip(struct kf_onnx *onnx, struct kf_onnx_tensor *x, double low,
                                    double high)
{
    struct kf_onnx_tensor *in[3] = {x, onnx->absent, onnx->absent};

    if (!x)
        return NULL;
    if (!isinf(low))
        in[1] = kf_onnx_scalar(onnx, x->dtype, low);
    if (!isinf(high))
        in[2] = kf_onnx_scalar(onnx, x->dtype, high);
    return same(onnx, kf_onnx_node_new(onnx, "Clip", in, isinf(high) ? 2 : 3), x, x->dtype);
}

/* The axes in front of the matrices are broadcast; a vector is a matrix with an axis that goes. */
struct kf_onnx_tensor *kf_onnx_matmul(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                      struct kf_onnx_tensor *y)
{
    struct kf_onnx_node *node = node2(onnx, "MatMul", x, y);
    int64_t dims[KF_ONNX_RANK_MAX];
    unsigned rank = 0, front, wider;

    if (!node)
        return NULL;
    wider = x->rank > y->rank ? x->rank : y->rank;
    front = wider > 2 ? wider - 2 : 0;
    for (unsigned k = 0; k < front; k++) {
        int64_t a = k + x->rank >= wider ? x->dims[k + x->rank - wider] : 1;
        int64_t b = k + y->rank >= wider ? y->dims[k + y->rank - wider] : 1;

        dims[rank++] = broadcast_size(a, b);
    }
    if (x->rank > 1)
        dims[rank++] = x->dims[x->rank - 2];
    if (y->rank > 1)
        dims[rank++] = y->dims[y->rank - 1];
    return kf_onnx_output(onnx, node, x->dtype, rank, dims);
}

int kf_onnx_axis(struct kf_onnx *onnx, const struct kf_onnx_tensor *x, int64_t axis)
{
    int64_t from = axis < 0 ? axis + (int64_t)x->rank : axis;

    if (from >= 0 && from < (int64_t)x->rank)
        return (int)from;
    kf_report_add(onnx->rep, KF_BAD_CONFIG, onnx->path, "axis %lld of a tensor with %u axes",
                  (long long)axis, x->rank);
    return -1;
}

struct kf_onnx_tensor *kf_onnx_along(struct kf_onnx *onnx, const char *op, struct kf_onnx_tensor *x,
                                     int axis)
{
    struct kf_onnx_node *node = node1(onnx, op, x);

    kf_onnx_set_int(onnx, node, "axis", axis);
    return x ? same(onnx, node, x, x->dtype) : NULL;
}

struct kf_onnx_tensor *kf_onnx_cumsum(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis,
                                      bool reverse)
{
    struct kf_onnx_node *node =
        node2(onnx, "CumSum", x, kf_onnx_scalar(onnx, KF_DTYPE_INT64, axis));

    kf_onnx_set_int(onnx, node, "reverse", reverse);
    return x ? same(onnx, node, x, x->dtype) : NULL;
}

/* Counted when the model runs: a list of a million numbers would stand in the file. */
struct kf_onnx_tensor *kf_onnx_range(struct kf_onnx *onnx, int64_t n)
{
    struct kf_onnx_tensor *ones = kf_onnx_expand(onnx, kf_onnx_scalar(onnx, KF_DTYPE_INT64, 1),
                                                 kf_onnx_list(onnx, &n, 1), &n, 1);

    return kf_onnx_binary_with(onnx, "Sub", kf_onnx_cumsum(onnx, ones, 0, false), 1);
}

struct kf_onnx_tensor *kf_onnx_hot(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int64_t n)
{
    static const int64_t last = -1;

    x = kf_onnx_unsqueeze(onnx, kf_onnx_cast(onnx, x, KF_DTYPE_INT64), &last, 1);
    return kf_onnx_compare(onnx, "Equal", x, kf_onnx_range(onnx, n));
}
