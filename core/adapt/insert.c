/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "adapt.h"
#include <string.h>

static bool taken(const struct kf_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (strcmp(graph->layers[i]->name, name) == 0)
            return true;
    return false;
}

const char *kf_free_name(struct kf_adapt *adapt, const struct kf_graph *graph, const char *name,
                         const char *class_name)
{
    const char *wanted = kf_arena_printf(adapt->model->arena, "%s_%s", name, class_name);

    for (unsigned k = 1; wanted && taken(graph, wanted); k++)
        wanted = kf_arena_printf(adapt->model->arena, "%s_%s_%u", name, class_name, k);
    return wanted;
}

static struct kf_layer *make_layer(struct kf_adapt *adapt, const struct kf_graph *graph,
                                   const struct kf_layer *after, const char *class_name,
                                   json_t *config)
{
    struct kf_layer *layer = kf_layer_new(adapt->model);

    if (!layer)
        return NULL;
    layer->class_name = class_name;
    layer->trainable = true;
    layer->config = json_incref(config);
    layer->name = kf_free_name(adapt, graph, after->name, class_name);
    layer->path = !layer->name || !*graph->path
                      ? layer->name
                      : kf_arena_printf(adapt->model->arena, "%s/%s", graph->path, layer->name);
    if (!layer->path || kf_json_set(config, "name", json_string(layer->name), adapt->rep) < 0)
        return NULL;
    return layer;
}

/* The new layer takes over what the old one was called with, call by call. */
static int take_calls(struct kf_adapt *adapt, struct kf_layer *before, size_t at,
                      struct kf_layer *layer)
{
    for (size_t k = 0; k < layer->n_calls; k++) {
        json_t *args = layer->calls[k].args, *kwargs = json_object();

        layer->calls[k].args = json_pack("[o]", kf_ref_new(at, k, 0));
        KF_TRY(kf_layer_add_call(adapt->model, before, args, kwargs, adapt->rep));
        if (!layer->calls[k].args)
            return kf_adapt_no_memory(adapt, layer->path);
    }
    return 0;
}

int kf_insert_layer(struct kf_adapt *adapt, struct kf_graph *graph, size_t index,
                    struct kf_layer *before)
{
    bool sequential = graph->topology == KF_SEQUENTIAL;

    if (!sequential)
        KF_TRY(take_calls(adapt, before, graph->n_layers, graph->layers[index]));
    return kf_graph_insert(adapt->model, graph, sequential ? index : graph->n_layers, before,
                           adapt->rep);
}

int kf_insert_before(struct kf_adapt *adapt, struct kf_graph *graph, size_t index,
                     const char *class_name, json_t *config, struct kf_layer **out)
{
    struct kf_layer *layer = graph->layers[index], *before = NULL;

    if (config)
        before = make_layer(adapt, graph, layer, class_name, config);
    json_decref(config);
    if (!before)
        return kf_adapt_no_memory(adapt, layer->path);
    *out = before;
    return kf_insert_layer(adapt, graph, index, before);
}
