/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../masks/mask_effects.h"
#include "keras3_limits.h"
#include <string.h>

/*
 * Masks of the values of an Attention. Before 3.12 they are subtracted from the scores without an
 * axis of the queries: that fails, or where the batch has as many rows as there are queries it
 * gives wrong numbers.
 *
 * Source: keras/src/layers/attention/attention.py _apply_scores (3.11.3, 3.12.4)
 */
#define ATTENTION_MASK_SINCE 312

struct masked {
    const struct kf_graph *graph;
    bool *layers; /* of the graph: the output has a mask, or may have */
    bool any;     /* of the refs that were looked at */
};

static int note_masked(json_t *value, void *context)
{
    struct masked *masked = context;
    struct kf_ref ref;

    if (kf_ref_get(value, &ref) && ref.layer < masked->graph->n_layers)
        masked->any = masked->any || masked->layers[ref.layer];
    return 0;
}

static bool takes_masked(struct masked *masked, json_t *args)
{
    masked->any = false;
    kf_refs_each(args, note_masked, masked);
    return masked->any;
}

/* What a model does with masks is not followed: one that is in it may come out. */
static bool may_have_mask(struct masked *masked, const struct kf_layer *layer)
{
    enum kf_mask_effect effect = kf_mask_effect(layer, NULL);

    if (effect == SOURCE_EMBEDDING)
        return kf_json_bool(layer->config, "mask_zero", false);
    if (effect == SOURCE_MASKING || layer->inner)
        return true;
    if (effect == LOSE || effect == END)
        return false;
    for (size_t k = 0; k < layer->n_calls; k++)
        if (takes_masked(masked, layer->calls[k].args))
            return true;
    return false;
}

/* Layers stand in no order: once more until nothing new is found. */
static void follow(struct masked *masked)
{
    bool found = true;

    while (found) {
        found = false;
        for (size_t i = 0; i < masked->graph->n_layers; i++)
            if (!masked->layers[i] && may_have_mask(masked, masked->graph->layers[i]))
                found = masked->layers[i] = true;
    }
}

/* The second of what it is called on, or the second of the masks that it is given. */
static bool has_value_mask(struct masked *masked, const struct kf_call *call)
{
    json_t *mask = json_array_get(json_object_get(call->kwargs, "mask"), 1);
    json_t *value = json_array_get(json_array_get(call->args, 0), 1);

    return (mask && !json_is_null(mask)) || (value && takes_masked(masked, value));
}

static void check_attention(struct kf_adapt *adapt, struct masked *masked,
                            const struct kf_layer *layer)
{
    for (size_t k = 0; k < layer->n_calls; k++) {
        if (json_is_true(json_object_get(layer->calls[k].kwargs, "use_causal_mask")) ||
            !has_value_mask(masked, &layer->calls[k]))
            continue;
        kf_report_rule(adapt->rep, "limit:attention_mask");
        kf_report_add(adapt->rep, KF_MASK_NO_EQUAL, layer->path,
                      "%s applies a mask of its values right only from Keras 3.12 on",
                      layer->class_name);
        return;
    }
}

int kf_keras3_attention(struct kf_adapt *adapt, const struct kf_graph *graph)
{
    struct masked masked = {.graph = graph};

    if (adapt->since >= ATTENTION_MASK_SINCE || graph->topology != KF_FUNCTIONAL)
        return 0;
    for (size_t i = 0; i < graph->n_layers; i++) {
        if (!kf_in_words("Attention AdditiveAttention", graph->layers[i]->class_name))
            continue;
        if (!masked.layers) {
            masked.layers = kf_arena_alloc(adapt->model->arena, graph->n_layers * sizeof(bool));
            if (!masked.layers)
                return kf_adapt_no_memory(adapt, graph->path);
            follow(&masked);
        }
        check_attention(adapt, &masked, graph->layers[i]);
    }
    return 0;
}
