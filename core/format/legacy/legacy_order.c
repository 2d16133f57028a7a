/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_order.h"
#include "../../base/alloc.h"
#include "../pruned.h"
#include "../saving_lib/saving_lib_copy.h"

/*
 * trainable_weights and non_trainable_weights of a layer and of a model, as Keras 2 collects them.
 * They differ: a frozen layer lists what it holds as it is, a frozen model lists all that is
 * trainable before the rest; and a flag that was set on a part only moves that part.
 */

static int add(struct kf_legacy_order *order, struct kf_layer *layer, struct kf_tensor *tensor)
{
    if (!kf_grow(&order->slots, &order->cap, order->n + 1, sizeof(*order->slots)))
        return -KF_NO_MEMORY;
    order->slots[order->n++] = (struct kf_legacy_slot){layer, tensor};
    return 0;
}

/* Each variable once: a layer may hold one of the layer that it wraps. */
static int add_part(struct kf_legacy_order *order, struct kf_layer *layer, struct kf_tensor *tensor)
{
    for (size_t i = 0; order->copies && i < order->n; i++)
        if (order->slots[i].tensor == tensor)
            return 0;
    return add(order, layer, tensor);
}

/* What a wrapper holds in front of its own: see KF_COPY. */
static int add_copy(struct kf_legacy_order *order, struct kf_layer *layer)
{
    struct kf_tensor *copied = kf_saving_lib_copied(layer);

    if (!copied)
        return 0;
    order->copies = true;
    return add_part(order, layer->parts[0], copied);
}

static int add_own(struct kf_legacy_order *order, struct kf_layer *layer, bool trainable)
{
    for (size_t i = 0; i < layer->n_tensors; i++)
        if (layer->tensors[i].trainable == trainable)
            KF_TRY(add_part(order, layer, &layer->tensors[i]));
    return 0;
}

static int add_all(struct kf_legacy_order *order, struct kf_layer *layer);

static int add_trainable(struct kf_legacy_order *order, struct kf_layer *layer)
{
    if (!layer->trainable)
        return 0;
    if (layer->inner) {
        for (size_t i = 0; i < layer->inner->n_layers; i++)
            KF_TRY(add_trainable(order, layer->inner->layers[i]));
        return 0;
    }
    KF_TRY(add_own(order, layer, true));
    for (size_t i = 0; i < layer->n_parts; i++)
        KF_TRY(add_trainable(order, layer->parts[i]));
    return 0;
}

static int add_non_trainable(struct kf_legacy_order *order, struct kf_layer *layer);

static int add_model_non_trainable(struct kf_legacy_order *order, struct kf_layer *layer)
{
    const struct kf_graph *inner = layer->inner;

    for (size_t i = 0; !layer->trainable && i < inner->n_layers; i++)
        KF_TRY(add_trainable(order, inner->layers[i]));
    for (size_t i = 0; i < inner->n_layers; i++)
        KF_TRY(add_non_trainable(order, inner->layers[i]));
    return 0;
}

static int add_non_trainable(struct kf_legacy_order *order, struct kf_layer *layer)
{
    if (layer->inner)
        return add_model_non_trainable(order, layer);
    if (!layer->trainable) {
        KF_TRY(add_copy(order, layer));
        KF_TRY(add_own(order, layer, true));
    }
    if (!kf_pruned_is(layer))
        KF_TRY(add_own(order, layer, false));
    for (size_t i = 0; i < layer->n_parts; i++)
        KF_TRY(layer->trainable ? add_non_trainable(order, layer->parts[i])
                                : add_all(order, layer->parts[i]));
    return kf_pruned_is(layer) ? add_own(order, layer, false) : 0;
}

/* `variables` of a layer that a frozen one holds; of a model, those of its layers in turn. */
static int add_all(struct kf_legacy_order *order, struct kf_layer *layer)
{
    if (layer->inner) {
        for (size_t i = 0; i < layer->inner->n_layers; i++)
            KF_TRY(add_all(order, layer->inner->layers[i]));
        return 0;
    }
    KF_TRY(add_trainable(order, layer));
    return add_non_trainable(order, layer);
}

/*
 * Keras 3 walks what a layer holds, own variables first, and then takes from that list what is
 * trainable: each variable has a flag, which the layer that made it sets.
 *
 * Source: keras/src/layers/layer.py, weights, trainable_weights, trainable.setter (3.0.5, 3.15.1)
 */
static int add_flagged(struct kf_legacy_order *order, struct kf_layer *layer, bool trainable)
{
    bool model = layer->inner != NULL;
    struct kf_layer **below = model ? layer->inner->layers : layer->parts;
    size_t n = model ? layer->inner->n_layers : layer->n_parts;

    if (n && below[0]->trainable == trainable)
        KF_TRY(add_copy(order, layer));
    for (int made = 1; made >= 0; made--)
        for (size_t i = 0; i < layer->n_tensors; i++)
            if (layer->tensors[i].trainable == made && (layer->trainable && made) == trainable)
                KF_TRY(add_part(order, layer, &layer->tensors[i]));
    for (size_t i = 0; i < n; i++)
        KF_TRY(add_flagged(order, below[i], trainable));
    return 0;
}

static int add_walked(struct kf_legacy_order *order, struct kf_layer *layer)
{
    bool model = layer->inner != NULL;
    struct kf_layer **below = model ? layer->inner->layers : layer->parts;
    size_t n = model ? layer->inner->n_layers : layer->n_parts;

    KF_TRY(add_copy(order, layer));
    KF_TRY(add_own(order, layer, true));
    KF_TRY(add_own(order, layer, false));
    for (size_t i = 0; i < n; i++)
        KF_TRY(add_walked(order, below[i]));
    return 0;
}

static int order_keras3(struct kf_legacy_order *out, struct kf_layer *layer)
{
    if (!layer->trainable)
        return add_walked(out, layer);
    KF_TRY(add_flagged(out, layer, true));
    return add_flagged(out, layer, false);
}

int kf_legacy_order(struct kf_legacy_order *out, struct kf_layer *layer, enum kf_dialect dialect)
{
    if (dialect == KF_DIALECT_KERAS3)
        return order_keras3(out, layer);
    KF_TRY(add_trainable(out, layer));
    return add_non_trainable(out, layer);
}

int kf_legacy_trainables(struct kf_trainables *out, struct kf_layer *layer)
{
    if (!layer->trainable)
        return 0;
    if (layer->inner) {
        for (size_t i = 0; i < layer->inner->n_layers; i++)
            KF_TRY(kf_legacy_trainables(out, layer->inner->layers[i]));
        return 0;
    }
    for (size_t i = 0; i < layer->n_tensors; i++)
        if (layer->tensors[i].trainable)
            KF_TRY(kf_trainables_add(out, layer, &layer->tensors[i]));
    for (size_t i = 0; i < layer->n_parts; i++)
        KF_TRY(kf_legacy_trainables(out, layer->parts[i]));
    return 0;
}

void kf_legacy_order_finish(struct kf_legacy_order *order)
{
    kf_free(order->slots);
    *order = (struct kf_legacy_order){0};
}
