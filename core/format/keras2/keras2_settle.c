/* SPDX-License-Identifier: Apache-2.0 */
#include "keras2_settle.h"
#include "../../io/text/json.h"
#include "../keras3/keras3_order.h"
#include <string.h>

struct settle {
    struct kf_model *model;
    int keras;
    struct kf_report *rep;
    size_t *place; /* of the graph in hand: a layer's old number -> its new one */
};

static int renumber(json_t *ref, void *context)
{
    struct settle *settle = context;
    struct kf_ref at;

    if (!kf_ref_get(ref, &at))
        return 0;
    return kf_json_set_at(json_object_get(ref, "$ref"), 0,
                          json_integer((json_int_t)settle->place[at.layer]), settle->rep);
}

static int renumber_all(struct settle *settle, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        for (size_t k = 0; k < graph->layers[i]->n_calls; k++) {
            KF_TRY(kf_refs_each(graph->layers[i]->calls[k].args, renumber, settle));
            KF_TRY(kf_refs_each(graph->layers[i]->calls[k].kwargs, renumber, settle));
        }
    KF_TRY(kf_refs_each(graph->inputs, renumber, settle));
    return kf_refs_each(graph->outputs, renumber, settle);
}

static int settle_graph(struct settle *settle, struct kf_graph *graph)
{
    struct kf_arena *arena = settle->model->arena;
    size_t n = 0, *order = NULL;
    struct kf_layer **layers;

    if (graph->topology == KF_SEQUENTIAL)
        return 0;
    KF_TRY(kf_keras3_order(&order, &n, arena, graph, settle->keras, settle->rep));
    layers = kf_arena_alloc(arena, (n + 1) * sizeof(struct kf_layer *));
    settle->place = kf_arena_alloc(arena, (n + 1) * sizeof(*settle->place));
    if (!layers || !settle->place)
        return kf_report_add(settle->rep, KF_NO_MEMORY, graph->path, "out of memory");
    for (size_t i = 0; i < n; i++) {
        layers[i] = graph->layers[order[i]];
        settle->place[order[i]] = i;
    }
    KF_TRY(renumber_all(settle, graph));
    if (n)
        memcpy(graph->layers, layers, n * sizeof(struct kf_layer *));
    return 0;
}

static int settle_inner(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    return layer->inner ? settle_graph(context, layer->inner) : 0;
}

int kf_keras2_settle(struct kf_model *model, int keras, struct kf_report *rep)
{
    struct settle settle = {.model = model, .keras = keras, .rep = rep};

    KF_TRY(settle_graph(&settle, model->graph));
    return kf_layers_each(model->graph, settle_inner, &settle);
}
