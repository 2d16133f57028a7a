/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "norm.h"
#include "operation.h"

/* Layers that normalize, but for BatchNormalization. */

struct kf_onnx_tensor *kf_onnx_widen(struct kf_onnx_call *call, struct kf_onnx_tensor *x)
{
    call->dtype = x && x->dtype == KF_DTYPE_FLOAT64 ? KF_DTYPE_FLOAT64 : KF_DTYPE_FLOAT32;
    return kf_onnx_cast(call->onnx, x, call->dtype);
}

struct kf_onnx_tensor *kf_onnx_spread(struct kf_onnx_call *call, struct kf_onnx_tensor *weight,
                                      const int64_t *axes, size_t n, unsigned rank)
{
    int64_t dims[KF_ONNX_RANK_MAX];
    unsigned from = 0;
    bool trailing = weight != NULL;

    if (!weight || weight->rank != n)
        return weight && weight->rank == rank ? weight : NULL;
    for (unsigned i = 0; i < rank; i++)
        dims[i] = 1;
    for (size_t i = 0; i < n; i++) {
        trailing = trailing && axes[i] == (int64_t)(rank - n + i);
        dims[axes[i]] = weight->dims[from++];
    }
    return trailing ? weight : kf_onnx_reshape(call->onnx, weight, dims, rank);
}

size_t kf_onnx_norm_axes(struct kf_onnx_call *call, const struct kf_onnx_tensor *x, int64_t *axes)
{
    json_t *axis = json_object_get(call->layer->config, "axis");
    size_t n = axis && !json_is_null(axis) ? kf_onnx_numbers(call, axis, axes) : 0;

    if (!axis || json_is_null(axis)) {
        axes[0] = -1;
        n = 1;
    }
    for (size_t i = 0; i < n; i++) {
        size_t k = i;
        int64_t one = kf_onnx_axis(call->onnx, x, axes[i]);

        if (one < 0)
            return 0;
        for (; k > 0 && axes[k - 1] > one; k--)
            axes[k] = axes[k - 1];
        axes[k] = one;
    }
    return n;
}

/* 1 / sqrt(x + epsilon) */
static struct kf_onnx_tensor *inverse_root(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                           double epsilon)
{
    return kf_onnx_unary(onnx, "Reciprocal",
                         kf_onnx_unary(onnx, "Sqrt", kf_onnx_binary_with(onnx, "Add", x, epsilon)));
}

/* gamma and beta of the layer, where it has them. */
static struct kf_onnx_tensor *scale_and_shift(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                              const int64_t *axes, size_t n)
{
    if (x && kf_onnx_has_weight(call, "gamma"))
        x = kf_onnx_binary(call->onnx, "Mul", x,
                           kf_onnx_spread(call, kf_onnx_weight(call, "gamma"), axes, n, x->rank));
    if (x && kf_onnx_has_weight(call, "beta"))
        x = kf_onnx_binary(call->onnx, "Add", x,
                           kf_onnx_spread(call, kf_onnx_weight(call, "beta"), axes, n, x->rank));
    return x;
}

static struct kf_onnx_tensor *variance_of(struct kf_onnx *onnx, struct kf_onnx_tensor *centered,
                                          const int64_t *axes, size_t n)
{
    return kf_onnx_reduce(onnx, "ReduceMean", kf_onnx_binary(onnx, "Mul", centered, centered), axes,
                          n, true);
}

/* The operator takes the last axes, and a gamma. */
static bool has_node(struct kf_onnx_call *call, const struct kf_onnx_tensor *x, const int64_t *axes,
                     size_t n)
{
    return call->onnx->opset >= 17 && kf_onnx_has_weight(call, "gamma") &&
           axes[0] == (int64_t)(x->rank - n) && axes[n - 1] == (int64_t)x->rank - 1 &&
           kf_onnx_weight(call, "gamma") && kf_onnx_weight(call, "gamma")->rank == n;
}

static struct kf_onnx_tensor *layer_norm_node(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                              int64_t axis, double epsilon)
{
    bool shifted = kf_onnx_has_weight(call, "beta");
    struct kf_onnx_tensor *in[3] = {x, kf_onnx_weight(call, "gamma"),
                                    shifted ? kf_onnx_weight(call, "beta") : NULL};
    struct kf_onnx_node *node =
        kf_onnx_node_new(call->onnx, "LayerNormalization", in, shifted ? 3 : 2);

    kf_onnx_set_int(call->onnx, node, "axis", axis);
    kf_onnx_set_float(call->onnx, node, "epsilon", epsilon);
    return kf_onnx_output(call->onnx, node, x->dtype, x->rank, x->dims);
}

void kf_onnx_form_layer_normalization(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    enum kf_dtype dtype = call->dtype;
    struct kf_onnx_tensor *x = kf_onnx_widen(call, kf_onnx_input(call)), *centered, *factor;
    double epsilon = kf_onnx_real(call, "epsilon", 1e-3);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_norm_axes(call, x, axes) : 0;
    bool rms = kf_onnx_flag(call, "rms_scaling", false);

    if (!n)
        return;
    if (!rms && has_node(call, x, axes, n)) {
        kf_onnx_give(call, kf_onnx_cast(onnx, layer_norm_node(call, x, axes[0], epsilon), dtype));
        return;
    }
    centered = kf_onnx_binary(onnx, "Sub", x, kf_onnx_reduce(onnx, "ReduceMean", x, axes, n, true));
    factor = inverse_root(onnx, variance_of(onnx, centered, axes, n), epsilon);
    x = kf_onnx_binary(onnx, "Mul", rms ? x : centered, factor);
    kf_onnx_give(call, kf_onnx_cast(onnx, scale_and_shift(call, x, axes, n), dtype));
}

void kf_onnx_form_rms_normalization(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    enum kf_dtype dtype = call->dtype;
    struct kf_onnx_tensor *x = kf_onnx_widen(call, kf_onnx_input(call)), *factor;
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_norm_axes(call, x, axes) : 0;

    if (!n)
        return;
    factor = inverse_root(onnx, variance_of(onnx, x, axes, n), kf_onnx_real(call, "epsilon", 1e-6));
    x = kf_onnx_binary(onnx, "Mul", x, factor);
    x = x ? kf_onnx_binary(onnx, "Mul", x,
                           kf_onnx_spread(call, kf_onnx_weight(call, "scale"), axes, n, x->rank))
          : NULL;
    kf_onnx_give(call, kf_onnx_cast(onnx, x, dtype));
}

/* Brings the axis behind the others, or back again. */
static struct kf_onnx_tensor *swap_last(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                        int64_t axis, bool back)
{
    unsigned axes[KF_ONNX_RANK_MAX], at = (unsigned)axis, last = x ? x->rank - 1 : 0;

    for (unsigned i = 0; x && i <= last; i++)
        if (back)
            axes[i] = i < at ? i : i == at ? last : i - 1;
        else
            axes[i] = i < at ? i : i == last ? at : i + 1;
    return kf_onnx_transpose(onnx, x, axes);
}

void kf_onnx_form_group_normalization(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    enum kf_dtype dtype = call->dtype;
    struct kf_onnx_tensor *x = kf_onnx_widen(call, kf_onnx_input(call)), *y;
    int64_t axes[KF_ONNX_RANK_MAX], over[KF_ONNX_RANK_MAX], dims[KF_ONNX_RANK_MAX] = {0};
    size_t n = x ? kf_onnx_norm_axes(call, x, axes) : 0, n_over = 0;
    int64_t groups = kf_onnx_number(call, "groups", 32), channels;
    unsigned last = x ? x->rank - 1 : 0;

    if (n != 1 || !(x = swap_last(onnx, x, axes[0], false)))
        return;
    channels = x->dims[last];
    groups = groups == -1 ? channels : groups;
    if (channels < 1 || groups < 1 || channels % groups || x->rank == KF_ONNX_RANK_MAX) {
        kf_onnx_refuse(call, "its channels are no multiple of its groups");
        return;
    }
    dims[last] = groups;
    dims[last + 1] = channels / groups;
    y = kf_onnx_reshape(onnx, x, dims, x->rank + 1);
    for (unsigned i = 1; i <= last + 1; i++)
        if (i != last)
            over[n_over++] = i;
    y = kf_onnx_binary(onnx, "Sub", y, kf_onnx_reduce(onnx, "ReduceMean", y, over, n_over, true));
    y = kf_onnx_binary(onnx, "Mul", y,
                       inverse_root(onnx, variance_of(onnx, y, over, n_over),
                                    kf_onnx_real(call, "epsilon", 1e-3)));
    dims[last] = channels;
    y = kf_onnx_reshape(onnx, y, dims, x->rank);
    y = scale_and_shift(call, y, &(int64_t){last}, 1);
    kf_onnx_give(call, kf_onnx_cast(onnx, swap_last(onnx, y, axes[0], true), dtype));
}

void kf_onnx_form_unit_normalization(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_input(call), *norm;
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_norm_axes(call, x, axes) : 0;

    if (!n)
        return;
    norm = kf_onnx_reduce(onnx, "ReduceL2", x, axes, n, true);
    kf_onnx_give(call,
                 kf_onnx_binary(onnx, "Div", x, kf_onnx_binary_with(onnx, "Max", norm, 1e-12)));
}

/* A statistic of a Normalization: its weight, or a number or list in its config. */
static struct kf_onnx_tensor *statistic(struct kf_onnx_call *call, const char *weight,
                                        const char *key, const int64_t *axes, size_t n,
                                        unsigned rank)
{
    json_t *given = json_object_get(call->layer->config, key);
    struct kf_onnx_tensor *made;

    if (given && !json_is_null(given)) {
        made = kf_onnx_cast(call->onnx, kf_onnx_operand(call, given, call->dtype), call->dtype);
        if (made && made->rank == 1 && made->dims[0] > 1 && n == 1)
            made = kf_onnx_spread(call, made, axes, n, rank);
        return made;
    }
    made = kf_onnx_weight(call, weight);
    return made && made->rank == 0 ? made : kf_onnx_spread(call, made, axes, n, rank);
}

/* Source: keras/src/layers/preprocessing/normalization.py, call (3.15.1) */
void kf_onnx_form_normalization(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_input(call), call->dtype);
    struct kf_onnx_tensor *mean, *deviation;
    json_t *axis = json_object_get(call->layer->config, "axis");
    bool whole = axis && (json_is_null(axis) || (json_is_array(axis) && !json_array_size(axis)));
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x && !whole ? kf_onnx_norm_axes(call, x, axes) : 0;

    if (!x || (!n && !whole))
        return;
    mean = statistic(call, "mean", "mean", axes, n, x->rank);
    deviation =
        kf_onnx_unary(onnx, "Sqrt", statistic(call, "variance", "variance", axes, n, x->rank));
    deviation = kf_onnx_binary_with(onnx, "Max", deviation, 1e-7);
    if (kf_onnx_flag(call, "invert", false))
        x = kf_onnx_binary(onnx, "Add", mean, kf_onnx_binary(onnx, "Mul", x, deviation));
    else
        x = kf_onnx_binary(onnx, "Div", kf_onnx_binary(onnx, "Sub", x, mean), deviation);
    kf_onnx_give(call, x);
}
