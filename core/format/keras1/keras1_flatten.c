/* SPDX-License-Identifier: Apache-2.0 */
#include "keras1_flatten.h"
#include "../../base/str.h"
#include <string.h>

/* Made from a Sequential, whose config has no graph. */
static bool is_chain(const struct kf_graph *graph)
{
    return !json_object_get(graph->config, "input_layers");
}

/* Put in front when the file was read; Keras 1 itself says input_dtype. */
static bool is_ours(const struct kf_layer *layer)
{
    return kf_layer_is_input(layer) && !json_object_get(layer->config, "input_dtype");
}

/* The number of the Merge that a chain begins with; 0 when it begins with none. */
static size_t merge_of(const struct kf_graph *graph)
{
    for (size_t i = 0; is_chain(graph) && i < graph->n_layers; i++)
        if (strcmp(graph->layers[i]->class_name, "Merge") == 0 &&
            json_is_array(json_object_get(graph->layers[i]->config, "layers")))
            return i;
    return 0;
}

/* Count the layers, or put them into a list with room for them. */
static size_t flatten(const struct kf_graph *graph, struct kf_layer **list)
{
    size_t n = 0, merge = merge_of(graph);

    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (is_ours(layer) || (merge && i == merge))
            continue;
        if (i < merge && layer->inner) {
            n += flatten(layer->inner, list ? list + n : NULL);
        } else {
            if (list)
                list[n] = layer;
            n++;
        }
    }
    return n;
}

int kf_keras1_flatten(struct kf_model *model, const struct kf_graph *graph,
                      struct kf_layer ***layers, size_t *n, struct kf_report *rep)
{
    size_t count = flatten(graph, NULL);

    *layers = kf_arena_alloc(model->arena, (count + 1) * sizeof(**layers));
    if (!*layers)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    *n = flatten(graph, *layers);
    return 0;
}
