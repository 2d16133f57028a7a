/* SPDX-License-Identifier: Apache-2.0 */
#include "trainables.h"
#include "../base/str.h"
#include "keras3/keras3_order.h"
#include "legacy/legacy_order.h"
#include <stdlib.h>
#include <string.h>

#define FLAGS_SINCE KF_KERAS(3, 2, 0) /* layer.py _track_variable: releases before train all */

struct collect {
    struct kf_trainables *out;
    struct kf_arena *arena;
    int keras;    /* release of Keras 3 */
    bool rebuilt; /* in the order of the config made again, not of the config */
    struct kf_report *rep;
};

static int add_graph(struct collect *collect, const struct kf_graph *graph);

/* Variables of the cell take the layer's flag; other layers that a layer makes for itself do not.
 */
static bool is_trained(const struct collect *collect, const struct kf_layer *layer,
                       const struct kf_tensor *tensor)
{
    bool passes = !tensor->subpath || !*tensor->subpath || strcmp(tensor->subpath, "cell") == 0;

    return tensor->trainable && (layer->trainable || !passes || collect->keras < FLAGS_SINCE);
}

static int add_layer(struct collect *collect, struct kf_layer *layer)
{
    if (layer->inner)
        return add_graph(collect, layer->inner);
    for (size_t i = 0; i < layer->n_tensors; i++)
        if (is_trained(collect, layer, &layer->tensors[i]))
            KF_TRY(kf_trainables_add(collect->out, layer, &layer->tensors[i]));
    for (size_t i = 0; i < layer->n_parts; i++)
        KF_TRY(add_layer(collect, layer->parts[i]));
    return 0;
}

static int add_rebuilt(struct collect *collect, const struct kf_graph *graph)
{
    size_t *order = NULL, n = 0;

    KF_TRY(kf_keras3_order(&order, &n, collect->arena, graph, collect->keras, collect->rep));
    for (size_t i = 0; i < n; i++)
        KF_TRY(add_layer(collect, graph->layers[order[i]]));
    return 0;
}

static int add_graph(struct collect *collect, const struct kf_graph *graph)
{
    if (collect->rebuilt)
        return add_rebuilt(collect, graph);
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(add_layer(collect, graph->layers[i]));
    return 0;
}

static int collect_keras3(struct collect *collect, const struct kf_model *model)
{
    const struct kf_graph *graph = model->graph;
    bool frozen = !graph->trainable && graph->topology == KF_FUNCTIONAL;

    return frozen && collect->keras >= FLAGS_SINCE ? 0 : add_graph(collect, graph);
}

static int compare_names(const void *a, const void *b)
{
    const struct kf_trainable *x = a, *y = b;

    return strcmp(x->tensor->source, y->tensor->source);
}

static int collect_settled(struct kf_trainables *out, const struct kf_model *model)
{
    const struct kf_graph *graph = model->graph;

    for (size_t i = 0; graph->trainable && i < graph->n_layers; i++)
        KF_TRY(kf_legacy_trainables(out, graph->layers[i]));
    return 0;
}

static int collect_keras2(struct kf_trainables *out, const struct kf_model *model)
{
    KF_TRY(collect_settled(out, model));
    if (model->keras && model->keras < KF_KERAS(2, 0, 6) && out->n)
        qsort(out->items, out->n, sizeof(*out->items), compare_names);
    return 0;
}

static int reported(int r, struct kf_report *rep)
{
    return r == -KF_NO_MEMORY ? kf_report_add(rep, KF_NO_MEMORY, "", "out of memory") : r;
}

int kf_trainables(struct kf_trainables *out, const struct kf_model *model, struct kf_report *rep)
{
    struct collect collect = {.out = out, .keras = model->keras, .rep = rep};

    return reported(model->dialect == KF_DIALECT_KERAS3 ? collect_keras3(&collect, model)
                                                        : collect_keras2(out, model),
                    rep);
}

int kf_trainables_settled(struct kf_trainables *out, const struct kf_model *model,
                          struct kf_report *rep)
{
    return reported(collect_settled(out, model), rep);
}

int kf_trainables_rebuilt(struct kf_trainables *out, const struct kf_model *model, int keras,
                          struct kf_report *rep)
{
    struct collect collect = {
        .out = out, .arena = model->arena, .keras = keras, .rebuilt = true, .rep = rep};

    return reported(collect_keras3(&collect, model), rep);
}
