/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "../masks/mask_effects.h"
#include "keras3_keras2.h"
#include <string.h>

/*
 * A wrapper that acts only in training gives its place, its name and its calls to the layer inside.
 * It hands no mask on, which the layer inside may do: where there are masks it stays, and is
 * refused.
 */

static const struct row {
    const char *class_name, *name;
} rows[] = {
#define KF_DOWN_UNWRAP(class_name, source) {class_name, "down:unwrap:" class_name},
#include "down_unwraps.def"
#undef KF_DOWN_UNWRAP
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

static int unwrap(struct kf_adapt *adapt, struct kf_layer *layer, const struct row *row)
{
    const struct kf_layer *part = layer->parts[0];
    bool trainable = layer->trainable && part->trainable;
    json_t *config = json_incref(part->config); /* what it holds refers to its own config */

    kf_report_rule(adapt->rep, row->name);
    KF_TRY(kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "%s gave its place to the %s inside: Keras 2 fails to load a file with it",
                         layer->class_name, part->class_name));
    KF_TRY(kf_report_add(adapt->rep, KF_TRAINING_DIFFERS, layer->path,
                         "the layer predicts the same but its kernel is no longer normalized in "
                         "training"));
    KF_TRY(kf_json_set(config, "name", json_string(layer->name), adapt->rep));
    KF_TRY(kf_json_set(config, "trainable", json_boolean(trainable), adapt->rep));
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = part->class_name;
    layer->module = part->module;
    layer->registered_name = part->registered_name;
    layer->trainable = trainable;
    layer->tensors = part->tensors;
    layer->n_tensors = part->n_tensors;
    layer->assets = part->assets;
    layer->n_assets = part->n_assets;
    layer->n_parts = part->n_parts;
    layer->parts = part->parts;
    return 0;
}

static int unwrap_graph(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];
        const struct row *row = row_of(adapt, layer);

        if (layer->inner)
            KF_TRY(unwrap_graph(adapt, layer->inner));
        if (row)
            KF_TRY(unwrap(adapt, layer, row));
    }
    return 0;
}

int kf_down_unwraps(struct kf_adapt *adapt, struct kf_graph *graph)
{
    return kf_mask_made_in(graph) ? 0 : unwrap_graph(adapt, graph);
}
