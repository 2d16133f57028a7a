/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "fold.h"
#include "operation.h"
#include <string.h>

/* Layers that normalize. Half floats are computed with as floats, as Keras does. */

static struct kf_onnx_tensor *widen(struct kf_onnx_call *call, struct kf_onnx_tensor *x)
{
    call->dtype = x && x->dtype == KF_DTYPE_FLOAT64 ? KF_DTYPE_FLOAT64 : KF_DTYPE_FLOAT32;
    return kf_onnx_cast(call->onnx, x, call->dtype);
}

/* A weight of the layer, brought to where its axes are among those of what it meets. */
static struct kf_onnx_tensor *spread(struct kf_onnx_call *call, struct kf_onnx_tensor *weight,
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

/* The axes of a config, from the front and in order; 0 when they are none. */
static size_t axes_of(struct kf_onnx_call *call, const struct kf_onnx_tensor *x, int64_t *axes)
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

/* BatchNormalization. */

static const struct kf_payload *payload_of(struct kf_onnx_call *call, const char *variable)
{
    for (size_t i = 0; i < call->layer->n_tensors; i++)
        if (strcmp(call->layer->tensors[i].variable, variable) == 0)
            return call->layer->tensors[i].payload;
    return NULL;
}

static bool same_shape(const struct kf_payload *a, const struct kf_payload *b)
{
    return !a || (a->dtype == b->dtype && a->rank == 1 && a->dims[0] == b->dims[0]);
}

struct folding {
    struct kf_onnx_folded of;
    bool shift;
};

static const struct kf_payload *fold(struct kf_arena *arena, const struct kf_payload *payload,
                                     const void *how, bool *fits)
{
    const struct folding *folding = how;
    const struct kf_onnx_folded *of = &folding->of;

    *fits = payload->rank == 1 && kf_number_is_float(payload->dtype) && of->mean &&
            same_shape(of->gamma, payload) && same_shape(of->beta, payload) &&
            same_shape(of->mean, payload);
    if (!*fits)
        return NULL;
    return folding->shift ? kf_onnx_fold_shift(arena, of) : kf_onnx_fold_scale(arena, of);
}

/* What went into the two vectors, for the report. */
static void note_folded(struct kf_onnx_call *call, struct kf_onnx_tensor *scale,
                        struct kf_onnx_tensor *shift)
{
    for (size_t i = 0; i < call->layer->n_tensors; i++) {
        const struct kf_tensor *tensor = &call->layer->tensors[i];

        if (strcmp(tensor->variable, "gamma") == 0 && tensor->payload)
            kf_onnx_note_use(call->onnx, call->layer, tensor, scale);
        else if (strcmp(tensor->variable, "moving_mean") == 0 && tensor->payload)
            kf_onnx_note_use(call->onnx, call->layer, tensor, shift);
    }
}

/* x * scale + shift: no axis need be moved for it. */
static struct kf_onnx_tensor *fold_norm(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                        int64_t axis)
{
    struct folding how = {
        .of = {payload_of(call, "gamma"), payload_of(call, "beta"), payload_of(call, "moving_mean"),
               payload_of(call, "moving_variance"), kf_onnx_real(call, "epsilon", 1e-3)}};
    bool first = !kf_onnx_recall(call->onnx, call->layer, "folded");
    struct kf_onnx_tensor *scale, *shift;

    scale = kf_onnx_weight_made(call, "moving_variance", "folded into a scale", fold, &how);
    how.shift = true;
    shift = kf_onnx_weight_made(call, kf_onnx_has_weight(call, "beta") ? "beta" : "moving_mean",
                                "folded into a shift", fold, &how);
    if (first)
        note_folded(call, scale, shift);
    kf_onnx_remember(call->onnx, call->layer, "folded", scale);
    x = kf_onnx_binary(call->onnx, "Mul", x, spread(call, scale, &axis, 1, x->rank));
    return x ? kf_onnx_binary(call->onnx, "Add", x, spread(call, shift, &axis, 1, x->rank)) : NULL;
}

/* As many of a number as the layer has channels: gamma or beta where it has none. */
static struct kf_onnx_tensor *filled(struct kf_onnx_call *call, const struct kf_onnx_tensor *like,
                                     double value)
{
    size_t n = like && like->rank == 1 ? (size_t)like->dims[0] : 0, size;
    struct kf_onnx_tensor *made = NULL;
    char *bytes;

    if (!n || !kf_number_is_float(like->dtype))
        return NULL;
    size = kf_dtype_size(like->dtype);
    bytes = kf_alloc(n * size);
    if (!bytes)
        return kf_onnx_no_memory(call->onnx);
    for (size_t i = 0; i < n; i++)
        kf_number_write(like->dtype, bytes + i * size, value);
    made = kf_onnx_constant(call->onnx, like->dtype, 1, like->dims, bytes);
    kf_free(bytes);
    return made;
}

/* The operator, for channels behind the batch. */
static struct kf_onnx_tensor *norm_node(struct kf_onnx_call *call, struct kf_onnx_tensor *x)
{
    struct kf_onnx_tensor *in[5] = {x};
    struct kf_onnx_node *node;

    in[3] = kf_onnx_weight(call, "moving_mean");
    in[4] = kf_onnx_weight(call, "moving_variance");
    in[1] =
        kf_onnx_has_weight(call, "gamma") ? kf_onnx_weight(call, "gamma") : filled(call, in[3], 1);
    in[2] =
        kf_onnx_has_weight(call, "beta") ? kf_onnx_weight(call, "beta") : filled(call, in[3], 0);
    node = kf_onnx_node_new(call->onnx, "BatchNormalization", in, 5);
    kf_onnx_set_float(call->onnx, node, "epsilon", kf_onnx_real(call, "epsilon", 1e-3));
    return node ? kf_onnx_output(call->onnx, node, x->dtype, x->rank, x->dims) : NULL;
}

void kf_onnx_form_batch_normalization(struct kf_onnx_call *call)
{
    enum kf_dtype dtype = call->dtype;
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_either(call->in[0], &moved);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = axes_of(call, x, axes);
    bool last = n == 1 && axes[0] == (int64_t)x->rank - 1;

    if (n != 1) {
        kf_onnx_refuse(call, "it has not one axis");
        return;
    }
    if (moved && !last) {
        x = kf_onnx_plain(call->onnx, call->in[0]);
        moved = false;
    }
    x = widen(call, x);
    if (!x)
        return;
    x = moved || axes[0] == 1 ? norm_node(call, x) : fold_norm(call, x, axes[0]);
    kf_onnx_give_as(call, kf_onnx_cast(call->onnx, x, dtype), moved);
}

/* The others. */

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
                           spread(call, kf_onnx_weight(call, "gamma"), axes, n, x->rank));
    if (x && kf_onnx_has_weight(call, "beta"))
        x = kf_onnx_binary(call->onnx, "Add", x,
                           spread(call, kf_onnx_weight(call, "beta"), axes, n, x->rank));
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
    struct kf_onnx_tensor *x = widen(call, kf_onnx_input(call)), *centered, *factor;
    double epsilon = kf_onnx_real(call, "epsilon", 1e-3);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? axes_of(call, x, axes) : 0;
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
    struct kf_onnx_tensor *x = widen(call, kf_onnx_input(call)), *factor;
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? axes_of(call, x, axes) : 0;

    if (!n)
        return;
    factor = inverse_root(onnx, variance_of(onnx, x, axes, n), kf_onnx_real(call, "epsilon", 1e-6));
    x = kf_onnx_binary(onnx, "Mul", x, factor);
    x = x ? kf_onnx_binary(onnx, "Mul", x,
                           spread(call, kf_onnx_weight(call, "scale"), axes, n, x->rank))
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
    struct kf_onnx_tensor *x = widen(call, kf_onnx_input(call)), *y;
    int64_t axes[KF_ONNX_RANK_MAX], over[KF_ONNX_RANK_MAX], dims[KF_ONNX_RANK_MAX] = {0};
    size_t n = x ? axes_of(call, x, axes) : 0, n_over = 0;
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
    size_t n = x ? axes_of(call, x, axes) : 0;

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
            made = spread(call, made, axes, n, rank);
        return made;
    }
    made = kf_onnx_weight(call, weight);
    return made && made->rank == 0 ? made : spread(call, made, axes, n, rank);
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
    size_t n = x && !whole ? axes_of(call, x, axes) : 0;

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
