/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include <math.h>
#include <string.h>

/* Operations that sum up along axes and divide by that. */

static bool keeps(const struct kf_onnx_call *call)
{
    return kf_onnx_operand_number(call, "keepdims", 0) > 0;
}

/* What is less the mean, and the mean of its squares. */
static struct kf_onnx_tensor *centred(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                      const int64_t *axes, size_t n)
{
    return kf_onnx_binary(onnx, "Sub", x, kf_onnx_reduce(onnx, "ReduceMean", x, axes, n, true));
}

static struct kf_onnx_tensor *mean_square(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                          const int64_t *axes, size_t n, bool keep)
{
    return kf_onnx_reduce(onnx, "ReduceMean", kf_onnx_binary(onnx, "Mul", x, x), axes, n, keep);
}

/* Divided by the root of a number and a little. */
static struct kf_onnx_tensor *divided(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                      struct kf_onnx_tensor *square, double epsilon)
{
    return kf_onnx_binary(
        onnx, "Div", x,
        kf_onnx_unary(onnx, "Sqrt", kf_onnx_binary_with(onnx, "Add", square, epsilon)));
}

/* Add or multiply with an argument that may be null. */
static struct kf_onnx_tensor *with(struct kf_onnx_call *call, const char *op,
                                   struct kf_onnx_tensor *x, const char *name)
{
    json_t *given = kf_onnx_operand_json(call, name);

    if (!given || !x)
        return x;
    return kf_onnx_binary(
        call->onnx, op, x,
        kf_onnx_cast(call->onnx, kf_onnx_operand(call, given, x->dtype), x->dtype));
}

void kf_onnx_form_op_moments(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axes", axes) : 0;

    if (!n)
        return;
    kf_onnx_give(call, kf_onnx_reduce(onnx, "ReduceMean", x, axes, n, keeps(call)));
    kf_onnx_give(call, mean_square(onnx, centred(onnx, x, axes, n), axes, n, keeps(call)));
}

/* Source: keras/src/ops/nn.py, _layer_normalization, LayerNorm (3.15.1) */
void kf_onnx_form_op_layer_norm(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call);
    bool centre = strcmp(call->op, "centred") == 0;
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;

    if (!n)
        return;
    if (kf_onnx_operand_number(call, "rms_scaling", 0) > 0 || n != 1 ||
        axes[0] != (int64_t)x->rank - 1) {
        kf_onnx_refuse(call, "it goes along other axes than the last one, or has rms_scaling");
        return;
    }
    if (centre)
        x = centred(onnx, x, axes, n);
    x = divided(onnx, x, mean_square(onnx, x, axes, n, true),
                kf_onnx_operand_number(call, "epsilon", 0.001));
    x = with(call, "Mul", x, centre ? "gamma" : "scale");
    kf_onnx_give(call, centre ? with(call, "Add", x, "beta") : x);
}

/* An argument (channels) with axes of size 1 so that it meets `axis` of x; NULL for none. */
static struct kf_onnx_tensor *along(struct kf_onnx_call *call, const struct kf_onnx_tensor *x,
                                    const char *name, int axis)
{
    json_t *given = kf_onnx_operand_json(call, name);
    int64_t dims[KF_ONNX_RANK_MAX];

    for (unsigned i = 0; i < x->rank; i++)
        dims[i] = (int)i == axis ? -1 : 1;
    return given ? kf_onnx_reshape(
                       call->onnx,
                       kf_onnx_cast(call->onnx, kf_onnx_operand(call, given, x->dtype), x->dtype),
                       dims, x->rank)
                 : NULL;
}

void kf_onnx_form_op_batch_norm(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call), *scale, *offset;
    int axis = x ? kf_onnx_operand_axis(call, x, "axis", -1) : -1;

    if (axis < 0)
        return;
    scale = along(call, x, "scale", axis);
    offset = along(call, x, "offset", axis);
    x = divided(onnx, kf_onnx_binary(onnx, "Sub", x, along(call, x, "mean", axis)),
                along(call, x, "variance", axis), kf_onnx_operand_number(call, "epsilon", 0.001));
    x = scale ? kf_onnx_binary(onnx, "Mul", x, scale) : x;
    kf_onnx_give(call, offset ? kf_onnx_binary(onnx, "Add", x, offset) : x);
}

/* The length of vectors, or of matrices as if they were such. */
void kf_onnx_form_op_norm(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call);
    const json_t *ord = kf_onnx_operand_json(call, "ord");
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;
    bool one = json_is_integer(ord) && json_integer_value(ord) == 1 && n == 1;
    bool two = !ord || (json_is_integer(ord) && json_integer_value(ord) == 2 && n == 1) ||
               kf_streq(json_string_value(ord), "fro");

    if (!n)
        return;
    if (!one && !two)
        kf_onnx_refuse(call, "a norm other than the first and second of vectors");
    else
        kf_onnx_give(call, kf_onnx_reduce(call->onnx, one ? "ReduceL1" : "ReduceL2", x, axes, n,
                                          keeps(call)));
}

/* Source: keras/src/ops/nn.py, _normalize (3.15.1) */
void kf_onnx_form_op_normalize(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call), *by;
    double order = kf_onnx_operand_number(call, "order", 2);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;

    if (!n)
        return;
    if (order < 2 || order > 2) {
        kf_onnx_refuse(call, "its order is not 2");
        return;
    }
    by = kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_binary(onnx, "Mul", x, x), axes, n, true);
    by = kf_onnx_unary(onnx, "Reciprocal", kf_onnx_unary(onnx, "Sqrt", by));
    by = kf_onnx_binary_with(onnx, "Min", by, 1 / kf_onnx_operand_number(call, "epsilon", 1e-7));
    kf_onnx_give(call, kf_onnx_binary(onnx, "Mul", x, by));
}

/* Weights that are told for one axis alone meet that axis. */
static struct kf_onnx_tensor *weights_of(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                         const int64_t *axes, size_t n)
{
    struct kf_onnx_tensor *by =
        kf_onnx_operand(call, kf_onnx_operand_json(call, "weights"), x->dtype);

    if (by && by->rank == x->rank)
        return kf_onnx_cast(call->onnx, by, x->dtype);
    if (by && n == 1 && by->rank == 1)
        return along(call, x, "weights", (int)axes[0]);
    if (by)
        kf_onnx_refuse(call, "its weights have other axes than what they are for");
    return NULL;
}

void kf_onnx_form_op_average(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call), *by;
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;

    if (!n)
        return;
    if (!kf_onnx_operand_json(call, "weights")) {
        kf_onnx_give(call, kf_onnx_reduce(onnx, "ReduceMean", x, axes, n, false));
        return;
    }
    if (!(by = weights_of(call, x, axes, n)))
        return;
    x = kf_onnx_binary(onnx, "Mul", x, by);
    by = kf_onnx_expand(onnx, by, kf_onnx_shape(onnx, x), x->dims, x->rank);
    kf_onnx_give(call,
                 kf_onnx_binary(onnx, "Div", kf_onnx_reduce(onnx, "ReduceSum", x, axes, n, false),
                                kf_onnx_reduce(onnx, "ReduceSum", by, axes, n, false)));
}

/* The largest less the smallest. */
void kf_onnx_form_op_ptp(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;

    if (n)
        kf_onnx_give(call,
                     kf_onnx_binary(onnx, "Sub",
                                    kf_onnx_reduce(onnx, "ReduceMax", x, axes, n, keeps(call)),
                                    kf_onnx_reduce(onnx, "ReduceMin", x, axes, n, keeps(call))));
}

/* The first half, where the second lets it through. */
void kf_onnx_form_op_glu(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call);
    int axis = x ? kf_onnx_operand_axis(call, x, "axis", -1) : -1;
    int64_t sizes[2] = {axis < 0 ? 0 : x->dims[axis] / 2};
    struct kf_onnx_node *node;

    sizes[1] = sizes[0];
    if (axis < 0 || x->dims[axis] < 2 || x->dims[axis] % 2) {
        kf_onnx_refuse(call, "its axis has no two halves");
        return;
    }
    node = kf_onnx_split(onnx, x, axis, sizes, 2);
    if (node)
        kf_onnx_give(call, kf_onnx_binary(onnx, "Mul", node->out[0],
                                          kf_onnx_unary(onnx, "Sigmoid", node->out[1])));
}
