/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "operation.h"
#include <math.h>

/* Layers that are activations. */

static bool is_zero(double value)
{
    return !(value < 0) && !(value > 0);
}

/* Source: keras/src/activations/activations.py, ReLU.static_call (3.15.1) */
static struct kf_onnx_tensor *relu(struct kf_onnx *onnx, struct kf_onnx_tensor *x, double slope,
                                   double threshold, double most)
{
    struct kf_onnx_tensor *y = x, *below = NULL;

    if (!is_zero(slope) && isinf(most) && is_zero(threshold))
        return kf_onnx_unary_with(onnx, "LeakyRelu", x, "alpha", slope);
    if (!is_zero(slope))
        below = kf_onnx_unary(
            onnx, "Relu",
            kf_onnx_binary_with(onnx, "Add", kf_onnx_unary(onnx, "Neg", x), threshold));
    if (!is_zero(threshold)) {
        struct kf_onnx_tensor *above = kf_onnx_compare(
            onnx, "Greater", x, x ? kf_onnx_scalar(onnx, x->dtype, threshold) : NULL);

        y = kf_onnx_binary(onnx, "Mul", x, kf_onnx_cast(onnx, above, x ? x->dtype : 0));
    }
    if (!isinf(most))
        y = kf_onnx_clip(onnx, y, 0, most);
    else if (is_zero(threshold))
        y = kf_onnx_relu(onnx, y);
    if (!below)
        return y;
    return kf_onnx_binary(onnx, "Sub", y, kf_onnx_binary_with(onnx, "Mul", below, slope));
}

/* Whole numbers stay such, but below a slope. */
void kf_onnx_form_relu(struct kf_onnx_call *call)
{
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_either(call->in[0], &moved);
    double slope = kf_onnx_real(call, "negative_slope", 0);
    enum kf_dtype dtype;

    x = is_zero(slope) ? x : kf_onnx_as_real(call->onnx, x);
    dtype = x ? x->dtype : KF_DTYPE_NONE;
    x = relu(call->onnx, kf_onnx_counted(call->onnx, x), slope, kf_onnx_real(call, "threshold", 0),
             kf_onnx_real(call, "max_value", INFINITY));
    kf_onnx_give_as(call, kf_onnx_cast(call->onnx, x, dtype), moved);
}

/* The slope below 0: of a LeakyReLU negative_slope, of an ELU alpha. */
void kf_onnx_form_sloped(struct kf_onnx_call *call)
{
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_either(call->in[0], &moved);
    double slope = json_object_get(call->layer->config, "alpha")
                       ? kf_onnx_real(call, "alpha", 1)
                       : kf_onnx_real(call, "negative_slope", 0.3);

    x = kf_onnx_as_real(call->onnx, x);
    kf_onnx_give_as(call, kf_onnx_unary_with(call->onnx, call->op, x, "alpha", slope), moved);
}

void kf_onnx_form_prelu(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    unsigned axes[KF_ONNX_RANK_MAX] = {0};
    bool moved;
    struct kf_onnx_tensor *in[2] = {kf_onnx_either(call->in[0], &moved), NULL}, *x = in[0];
    struct kf_onnx_node *node;

    if (!x)
        return;
    for (unsigned i = 0; i + 1 < x->rank; i++) /* the last axis stands first, as in what is moved */
        axes[i] = i ? i - 1 : x->rank - 2;
    in[1] = moved ? kf_onnx_weight_moved(call, "alpha", axes, x->rank - 1)
                  : kf_onnx_weight(call, "alpha");
    if (in[1] && kf_onnx_formula_of(onnx, "PRelu", x)) {
        x = kf_onnx_formula(onnx, kf_onnx_formula_of(onnx, "PRelu", x), x, in[1], NULL);
        kf_onnx_give_as(call, x, moved);
        return;
    }
    node = kf_onnx_node_new(onnx, "PRelu", in, 2);
    if (node)
        kf_onnx_give_as(call, kf_onnx_output(onnx, node, x->dtype, x->rank, x->dims), moved);
}

/* A number far below all others takes what is masked out of the sum. */
static struct kf_onnx_tensor *push_down(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                        struct kf_onnx_tensor *mask)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *far;

    if (!x || !mask)
        return x;
    far = kf_onnx_cast(onnx, kf_onnx_test(onnx, "Not", mask), x->dtype);
    far = kf_onnx_binary_with(onnx, "Mul", far, x->dtype == KF_DTYPE_FLOAT16 ? -3e4 : -1e9);
    return kf_onnx_binary(onnx, "Add", x, far);
}

/* Along several axes at once. */
static struct kf_onnx_tensor *softmax_axes(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                           const int64_t *axes, size_t n)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *exp;

    exp = kf_onnx_unary(
        onnx, "Exp",
        kf_onnx_binary(onnx, "Sub", x, kf_onnx_reduce(onnx, "ReduceMax", x, axes, n, true)));
    return kf_onnx_binary(onnx, "Div", exp, kf_onnx_reduce(onnx, "ReduceSum", exp, axes, n, true));
}

void kf_onnx_form_softmax(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_input(call);
    json_t *axis = json_object_get(call->layer->config, "axis");
    int64_t axes[KF_ONNX_RANK_MAX] = {-1};
    size_t n = axis ? kf_onnx_numbers(call, axis, axes) : 1;

    x = push_down(call, x, kf_onnx_mask(call, 1));
    if (!x || !n)
        return;
    for (size_t i = 0; i < n; i++)
        axes[i] = kf_onnx_axis(call->onnx, x, axes[i]);
    if (n == 1 && axes[0] >= 0)
        x = kf_onnx_along(call->onnx, "Softmax", x, (int)axes[0]);
    else
        x = softmax_axes(call, x, axes, n);
    kf_onnx_give(call, x);
}
