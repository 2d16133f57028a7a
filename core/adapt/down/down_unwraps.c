/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "../masks/mask_effects.h"
#include "keras3_keras2.h"
#include <string.h>

/*
 * A wrapper that acts only in training gives its place, its name and its calls to the layer inside,
 * whose mask stays on the tensor that it hands on. One that calls layers one after the other gives
 * them to the last of these; it hands no mask on, which a layer inside may do: where there are
 * masks it stays, and is refused.
 */

static const struct row {
    const char *class_name, *name;
} rows[] = {
#define KF_DOWN_UNWRAP(class_name, source) {class_name, "down:unwrap:" class_name},
#include "down_unwraps.def"
};

static const struct row chains[] = {
#define KF_DOWN_CHAIN(class_name, source) {class_name, "down:chain:" class_name},
#include "down_unwraps.def"
};

/* Whether the target does not take the class, by what releases of Keras 2 have; see keras2.def. */
static bool is_gone(struct kf_adapt *adapt, const struct kf_layer *layer)
{
    enum kf_rules rules = adapt->rules;
    const char *name;
    bool gone;

    adapt->rules = KF_RULES_KERAS2;
    gone = kf_rules_gone(adapt, layer->class_name, &name) != NULL;
    adapt->rules = rules;
    return gone;
}

static const struct row *row_of(struct kf_adapt *adapt, const struct kf_layer *layer)
{
    if (layer->operation || layer->custom || layer->n_parts != 1 || layer->parts[0]->inner ||
        layer->parts[0]->custom || !is_gone(adapt, layer))
        return NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].class_name, layer->class_name) == 0)
            return &rows[i];
    return NULL;
}

/* The layer becomes one of its parts, under its own name. */
static int become_part(struct kf_adapt *adapt, struct kf_layer *layer, const struct kf_layer *part)
{
    bool trainable = layer->trainable && part->trainable;

    kf_layer_become_part(layer, part);
    layer->trainable = trainable;
    KF_TRY(kf_json_set(layer->config, "name", json_string(layer->name), adapt->rep));
    return kf_json_set(layer->config, "trainable", json_boolean(trainable), adapt->rep);
}

static int unwrap(struct kf_adapt *adapt, struct kf_layer *layer, const struct row *row)
{
    const struct kf_layer *part = layer->parts[0];

    kf_report_rule(adapt->rep, row->name);
    KF_TRY(kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "%s gave its place to the %s inside: Keras 2 fails to load a file with it",
                         layer->class_name, part->class_name));
    KF_TRY(kf_report_add(adapt->rep, KF_TRAINING_DIFFERS, layer->path,
                         "the layer predicts the same but its kernel is no longer normalized in "
                         "training"));
    return become_part(adapt, layer, part);
}

/* Layers that can stand in the graph, called with nothing but what the one before gives. */
static const struct row *chain_of(const struct kf_layer *layer)
{
    const char *key;
    json_t *value;
    bool plain = !layer->custom && layer->n_parts > 0;

    for (size_t i = 0; i < layer->n_parts; i++)
        plain &= !layer->parts[i]->inner && !layer->parts[i]->custom;
    for (size_t i = 0; i < layer->n_calls; i++)
        json_object_foreach(layer->calls[i].kwargs, key, value) plain &= json_is_null(value);
    for (size_t i = 0; plain && i < sizeof(chains) / sizeof(chains[0]); i++)
        if (strcmp(chains[i].class_name, layer->class_name) == 0)
            return &chains[i];
    return NULL;
}

/* A part becomes a layer before the one that it is of, which is at `index`. */
static int free_part(struct kf_adapt *adapt, struct kf_graph *graph, size_t index,
                     struct kf_layer *part)
{
    const struct kf_layer *layer = graph->layers[index];

    part->name = kf_free_name(adapt, graph, layer->name, part->name);
    part->path = part->name && *graph->path
                     ? kf_arena_printf(adapt->model->arena, "%s/%s", graph->path, part->name)
                     : part->name;
    if (!part->path)
        return kf_adapt_no_memory(adapt, layer->path);
    part->trainable &= layer->trainable;
    part->attribute = part->config_key = NULL;
    part->in_container = false;
    KF_TRY(kf_json_set(part->config, "name", json_string(part->name), adapt->rep));
    return kf_insert_layer(adapt, graph, index, part);
}

static int unchain(struct kf_adapt *adapt, struct kf_graph *graph, size_t index,
                   const struct row *row)
{
    struct kf_layer *layer = graph->layers[index];

    kf_report_rule(adapt->rep, row->name);
    KF_TRY(kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "%s gave its place to the layers inside, one after the other",
                         layer->class_name));
    for (size_t i = 0; i + 1 < layer->n_parts; i++)
        KF_TRY(free_part(adapt, graph, graph->topology == KF_SEQUENTIAL ? index + i : index,
                         layer->parts[i]));
    return become_part(adapt, layer, layer->parts[layer->n_parts - 1]);
}

static int unwrap_graph(struct kf_adapt *adapt, struct kf_graph *graph, bool masks)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];
        const struct row *row = row_of(adapt, layer), *chain = chain_of(layer);

        if (layer->inner)
            KF_TRY(unwrap_graph(adapt, layer->inner, masks));
        if (row)
            KF_TRY(unwrap(adapt, layer, row));
        if (chain && !masks)
            KF_TRY(unchain(adapt, graph, i, chain));
    }
    return 0;
}

int kf_down_unwraps(struct kf_adapt *adapt, struct kf_graph *graph)
{
    return unwrap_graph(adapt, graph, kf_mask_made_in(graph));
}
