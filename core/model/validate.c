/* SPDX-License-Identifier: Apache-2.0 */
#include "validate.h"
#include "../base/alloc.h"
#include "../format/reader.h"
#include "../format/saving_lib/assets.h"
#include "order.h"

int kf_model_read(struct kf_model *model, const struct kf_options *options, struct kf_report *rep)
{
    if (model->reader->state_size) {
        model->state = kf_arena_alloc(model->arena, model->reader->state_size);
        if (!model->state)
            return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    }
    return model->reader->read(model, model->state, options, rep);
}

static int check_order(const struct kf_graph *graph, struct kf_report *rep)
{
    struct kf_call_at *order = NULL;
    size_t n;
    int r = kf_graph_order(graph, &order, &n, rep);

    kf_free(order);
    return r;
}

static int check_ends(const struct kf_graph *graph, struct kf_report *rep)
{
    if (graph->topology == KF_FUNCTIONAL && (!graph->inputs || !graph->outputs))
        return kf_report_add(rep, KF_BAD_GRAPH, graph->path, "the model has no inputs or outputs");
    if (!graph->n_layers)
        return kf_report_add(rep, KF_BAD_CONFIG, graph->path, "the model has no layers");
    return 0;
}

struct check {
    const struct kf_model *model;
    struct kf_report *rep;
};

static int check_tensors(const struct check *check, const struct kf_layer *layer)
{
    if (check->model->weightless)
        return 0;
    for (size_t i = 0; i < layer->n_tensors; i++)
        if (!layer->tensors[i].payload)
            return kf_report_add(check->rep, KF_WEIGHTS_MISSING, layer->path,
                                 "the file has no bytes for %s", layer->tensors[i].variable);
    return 0;
}

/* A list that only a file beside the weights could hold, which most kinds have no room for. */
static int check_assets(const struct check *check, const struct kf_layer *layer)
{
    const json_t *given = json_object_get(layer->config, "vocabulary");

    if (check->model->weightless || layer->n_assets || !kf_asset_due(layer))
        return 0;
    if (json_is_string(given))
        return kf_report_add(check->rep, KF_WEIGHTS_MISSING, layer->path,
                             "the vocabulary stands in a file of its own, %s",
                             json_string_value(given));
    return kf_report_add(check->rep, KF_WEIGHTS_MISSING, layer->path,
                         "the vocabulary that the layer learnt is not in the file");
}

static int check_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    const struct check *check = context;

    (void)graph;
    KF_TRY(check_tensors(check, layer));
    KF_TRY(check_assets(check, layer));
    if (!layer->inner)
        return 0;
    KF_TRY(check_ends(layer->inner, check->rep));
    return check_order(layer->inner, check->rep);
}

int kf_model_validate(struct kf_model *model, struct kf_report *rep)
{
    if (!model->graph)
        return 0;
    KF_TRY(check_ends(model->graph, rep));
    KF_TRY(check_order(model->graph, rep));
    return kf_layers_each(model->graph, check_layer, &(struct check){model, rep});
}
