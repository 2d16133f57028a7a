/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/operations.h"
#include "keras3_keras2.h"
#include <string.h>

/*
 * Activations that only Keras 3 has. A layer that ends in one goes on without it, and an operation
 * behind it computes what it did; a Sequential became a graph for it. No operation of Keras 2
 * passes a mask on: masks have been written into the calls behind it by then.
 */

/* Layers whose activation is the last thing they do. */
#define ENDING                                                                                     \
    "Activation Dense EinsumDense Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose "           \
    "Conv3DTranspose DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D"

static const struct row {
    const char *text, *operation, *name;
} rows[] = {
#define KF_DOWN_ACTIVATION(text, operation) {text, operation, "down:activation:" text},
#include "down_activations.def"
#undef KF_DOWN_ACTIVATION
};

static const struct row *row_of(const struct kf_layer *layer)
{
    const char *text = kf_json_str(layer->config, "activation", "");

    if (layer->operation || layer->custom || !kf_in_words(ENDING, layer->class_name))
        return NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].text, text) == 0)
            return &rows[i];
    return NULL;
}

int kf_down_unchain(struct kf_adapt *adapt, struct kf_graph *graph, const char *what)
{
    KF_TRY(kf_graph_unchain(adapt->model, graph, adapt->rep));
    return kf_report_add(adapt->rep, KF_NODES_REWRITTEN, graph->path,
                         "a Sequential became a graph, as %s several functions", what);
}

/* The layer as it was, without its activation, at the end of the graph. */
static int move_layer(struct kf_adapt *adapt, struct kf_graph *graph, struct kf_layer *layer)
{
    struct kf_layer *moved = kf_layer_new(adapt->model);

    if (!moved)
        return kf_adapt_no_memory(adapt, layer->path);
    *moved = *layer;
    layer->config = json_object();
    layer->calls = NULL;
    layer->n_calls = layer->n_tensors = layer->n_parts = layer->n_assets = 0;
    layer->tensors = NULL;
    layer->parts = NULL;
    layer->assets = NULL;
    KF_TRY(kf_layer_add_call(adapt->model, layer,
                             json_pack("[o]", kf_ref_new(graph->n_layers, 0, 0)), json_object(),
                             adapt->rep));
    KF_TRY(kf_json_set(moved->config, "activation", json_string("linear"), adapt->rep));
    return kf_graph_insert(adapt->model, graph, graph->n_layers, moved, adapt->rep);
}

/* What stands in the layer's place, and what all refs to it mean from now on, is the operation. */
static int become_operation(struct kf_adapt *adapt, struct kf_graph *graph, struct kf_layer *layer,
                            const struct row *row)
{
    const struct kf_operation *found = kf_operation_find(row->operation);

    layer->name = kf_free_name(adapt, graph, layer->name, row->operation);
    layer->path = layer->name && *graph->path
                      ? kf_arena_printf(adapt->model->arena, "%s/%s", graph->path, layer->name)
                      : layer->name;
    if (!layer->path)
        return kf_adapt_no_memory(adapt, graph->path);
    layer->class_name = layer->registered_name = row->operation;
    layer->module = found ? found->module : NULL;
    layer->operation = true;
    layer->trainable = true;
    return kf_json_set(layer->config, "name", json_string(layer->name), adapt->rep);
}

static int split(struct kf_adapt *adapt, struct kf_graph *graph, size_t index,
                 const struct row *row)
{
    struct kf_layer *layer = graph->layers[index];

    kf_report_rule(adapt->rep, row->name);
    KF_TRY(kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, "activation",
                            json_object_get(layer->config, "activation"), NULL,
                            "Keras 2 has no %s: functions behind the layer compute it", row->text));
    KF_TRY(move_layer(adapt, graph, layer));
    return become_operation(adapt, graph, layer, row);
}

bool kf_down_is_split(const struct kf_layer *layer)
{
    return row_of(layer) && layer->n_calls < 2;
}

int kf_down_activations(struct kf_adapt *adapt, struct kf_graph *graph)
{
    size_t n = graph->n_layers;

    for (size_t i = 0; i < n; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(kf_down_activations(adapt, layer->inner));
        if (graph->topology == KF_FUNCTIONAL && layer->n_calls == 1 && row_of(layer))
            KF_TRY(split(adapt, graph, i, row_of(layer)));
    }
    return 0;
}
