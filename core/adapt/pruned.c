/* SPDX-License-Identifier: Apache-2.0 */
#include "../format/pruned.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/rewrite.h"
#include "adapt.h"
#include <string.h>

/*
 * A layer that TensorFlow Model Optimization prunes in training: what strip_pruning() leaves of it
 * is the layer inside, its kernel multiplied by the mask as each call does it.
 */

static int apply_mask(struct kf_adapt *adapt, struct kf_tensor *tensor,
                      const struct kf_tensor *mask, const char *where)
{
    bool fits;

    if (!tensor->payload || !mask->payload)
        return 0;
    tensor->payload = kf_rewrite_masked(adapt->model->arena, tensor->payload, mask->payload, &fits);
    if (!fits)
        return kf_report_add(adapt->rep, KF_WEIGHT_SHAPE, where,
                             "the mask of %s is not of its shape", tensor->source);
    tensor->done = "multiplied by its mask";
    return tensor->payload ? 0 : kf_adapt_no_memory(adapt, where);
}

/* Masks stand in the order of the variables that they are of. */
static int apply_masks(struct kf_adapt *adapt, const struct kf_layer *layer, const char *variables)
{
    const struct kf_layer *inside = layer->parts[0];
    size_t next = 0;

    for (size_t i = 0; i < inside->n_tensors; i++) {
        if (!kf_in_words(variables, inside->tensors[i].variable))
            continue;
        KF_TRY(apply_mask(adapt, &inside->tensors[i], &layer->tensors[next], layer->path));
        next += 2;
    }
    return 0;
}

/* strip_pruning() gives back the layer inside under its own name. */
static const char *name_of(const struct kf_graph *graph, const struct kf_layer *layer)
{
    const char *name = layer->parts[0]->name;

    for (size_t i = 0; i < graph->n_layers; i++)
        if (strcmp(graph->layers[i]->name, name) == 0)
            return layer->name;
    return name;
}

static int strip(struct kf_adapt *adapt, struct kf_graph *graph, struct kf_layer *layer,
                 const char *variables)
{
    const struct kf_layer *inside = layer->parts[0];
    const char *name = name_of(graph, layer);

    KF_TRY(apply_masks(adapt, layer, variables));
    KF_TRY(kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "PruneLowMagnitude became the %s inside, its masks applied, as "
                         "strip_pruning() does it",
                         inside->class_name));
    kf_layer_become_part(layer, inside);
    layer->name = name;
    return kf_json_set(layer->config, "name", json_string(name), adapt->rep);
}

int kf_adapt_pruned(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(kf_adapt_pruned(adapt, layer->inner));
        else if (kf_pruned_is(layer) && layer->n_parts)
            KF_TRY(strip(adapt, graph, layer, kf_pruned_variables(layer)));
    }
    return 0;
}
