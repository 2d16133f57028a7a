/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../model/numbers.h"
#include "fold.h"
#include "norm.h"
#include <string.h>

/* BatchNormalization: a scale and a shift of each channel. */

static const struct kf_payload *payload_of(struct kf_onnx_call *call, const char *variable)
{
    const struct kf_tensor *tensor = kf_layer_tensor(call->layer, variable);

    return tensor ? tensor->payload : NULL;
}

static bool same_shape(const struct kf_payload *a, const struct kf_payload *b)
{
    return !a || (a->dtype == b->dtype && a->rank == b->rank &&
                  memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0);
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

    *fits = kf_number_is_float(payload->dtype) && of->mean && same_shape(of->gamma, payload) &&
            same_shape(of->beta, payload) && same_shape(of->mean, payload);
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

/* x * scale + shift: no axis need be moved for it. Of several axes Keras 2 keeps weights that have
 * all axes of x. */
static struct kf_onnx_tensor *fold_norm(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                        const int64_t *axes, size_t n)
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
    x = kf_onnx_binary(call->onnx, "Mul", x, kf_onnx_spread(call, scale, axes, n, x->rank));
    return x ? kf_onnx_binary(call->onnx, "Add", x, kf_onnx_spread(call, shift, axes, n, x->rank))
             : NULL;
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
    size_t n = kf_onnx_norm_axes(call, x, axes);
    bool last = n == 1 && axes[0] == (int64_t)x->rank - 1;

    if (!n) {
        kf_onnx_refuse(call, "it has not one axis");
        return;
    }
    if (moved && !last) {
        x = kf_onnx_plain(call->onnx, call->in[0]);
        moved = false;
    }
    x = kf_onnx_widen(call, x);
    if (!x)
        return;
    x = n == 1 && (moved || axes[0] == 1) ? norm_node(call, x) : fold_norm(call, x, axes, n);
    kf_onnx_give_as(call, kf_onnx_cast(call->onnx, x, dtype), moved);
}
