/* SPDX-License-Identifier: Apache-2.0 */
#include "masks.h"
#include "../../base/alloc.h"
#include "../../io/text/json.h"
#include "../../model/order.h"
#include "mask_effects.h"

/*
 * Masks that Keras 3 would compute otherwise. Both versions carry masks along the tensors without
 * a word in the config, so the graph is walked as Keras 2 would run it, and where the two part
 * the mask of Keras 2 is written out: operation nodes compute it, and the first layer that takes
 * one gets it by the keyword mask. From there on Keras 3 carries that one along. Where Keras 2 has
 * no mask and Keras 3 would, an operation gives the tensor as it is, without one.
 */
/* Source: layers/attention/attention.py call, as it was before this release: masked inputs failed.
 */
#define ATTENTION_TAKES_MASKS_SINCE 307

static int attend(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                  enum kf_mask_effect what, struct kf_mask *out)
{
    struct kf_mask_inputs inputs;

    KF_TRY(kf_mask_look(masks, &inputs, call));
    if (inputs.n_masked && masks->adapt->since < ATTENTION_TAKES_MASKS_SINCE)
        KF_TRY(kf_mask_refuse(masks, layer));
    return what == QUERY ? kf_mask_take_list(masks, layer, call, out)
                         : kf_mask_take_names(masks, layer, call, out);
}

/* A layer whose output has the mask of its input. */
static int pass(struct kf_masks *masks, const json_t *first, enum kf_mask_effect what,
                struct kf_mask *out)
{
    if (first)
        *out = *kf_mask_of(masks, first);
    if (what == LEAK)
        *out = (struct kf_mask){.differs = out->n || out->differs};
    return 0;
}

static int take(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                const json_t *first, enum kf_mask_effect what, struct kf_mask *out)
{
    KF_TRY(kf_mask_take(masks, layer, call, first, out));
    if (what == END || (what == SEQUENCE && !kf_mask_is_sequence(layer)))
        *out = (struct kf_mask){0};
    return 0;
}

static int merge(struct kf_masks *masks, const struct kf_layer *layer, const struct kf_call *call,
                 enum kf_mask_effect what, struct kf_mask *out)
{
    struct kf_mask_inputs inputs;

    KF_TRY(kf_mask_look(masks, &inputs, call));
    return what == CONCAT ? kf_mask_concatenate(masks, layer, call, out, &inputs)
                          : kf_mask_merge(masks, out, &inputs);
}

static int run_class(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                     struct kf_mask *out)
{
    enum kf_mask_effect what = kf_mask_effect(layer, masks->adapt->rep);
    json_t *first = json_array_get(call->args, 0);

    if (json_is_array(first) && what == SEQUENCE)
        first = json_array_get(first, 0);
    first = kf_mask_of(masks, first) ? first : NULL;
    switch (what) {
    case SOURCE_EMBEDDING:
    case SOURCE_MASKING:
        return kf_mask_made_by(layer) ? kf_mask_source(masks, out, first, layer) : 0;
    case PASS:
    case LEAK:
        return pass(masks, first, what, out);
    case TAKE:
    case SEQUENCE:
    case END:
        return take(masks, layer, call, first, what, out);
    case TIME:
        return layer->n_parts ? kf_mask_time(masks, layer, call, first, out) : 0;
    case QUERY:
    case NAMED:
        return attend(masks, layer, call, what, out);
    case MERGE:
    case CONCAT:
        return merge(masks, layer, call, what, out);
    default:
        return 0;
    }
}

static int run_call(struct kf_masks *masks, struct kf_layer *layer, size_t k, bool masked_inputs)
{
    struct kf_mask *out = &masks->of[masks->at];

    if (!layer->n_calls)
        return masked_inputs ? kf_mask_new(masks, out, NULL) : 0;
    if (layer->inner)
        return kf_mask_model(masks, layer, &layer->calls[k], out);
    return run_class(masks, layer, &layer->calls[k], out);
}

static int run_order(struct kf_masks *masks, const struct kf_call_at *order, size_t n,
                     bool masked_inputs)
{
    for (size_t i = 0; i < n; i++) {
        masks->at = masks->first[order[i].layer] + order[i].call;
        KF_TRY(run_call(masks, masks->graph->layers[order[i].layer], order[i].call, masked_inputs));
    }
    return 0;
}

static int run_functional(struct kf_masks *masks, bool masked_inputs,
                          struct kf_mask_leaving *leaving)
{
    struct kf_arena *arena = masks->adapt->model->arena;
    struct kf_graph *graph = masks->graph;
    struct kf_call_at *order = NULL;
    size_t n = 0, at = 0;
    int r = kf_graph_order(graph, &order, &n, masks->adapt->rep);

    masks->n_layers = graph->n_layers;
    if (r >= 0) {
        masks->of = kf_arena_alloc(arena, n * sizeof(*masks->of));
        masks->atoms = kf_arena_alloc(arena, n * sizeof(*masks->atoms));
        masks->first = kf_arena_alloc(arena, (graph->n_layers + 1) * sizeof(*masks->first));
        if (!masks->of || !masks->atoms || !masks->first)
            r = kf_adapt_no_memory(masks->adapt, graph->path);
    }
    for (size_t i = 0; r >= 0 && i < graph->n_layers; i++) {
        masks->first[i] = at;
        at += graph->layers[i]->n_calls ? graph->layers[i]->n_calls : 1;
    }
    if (r >= 0)
        r = run_order(masks, order, n, masked_inputs);
    kf_free(order);
    return r < 0 ? r : kf_mask_leave(masks, leaving);
}

/* A chain is looked at as a graph, and becomes one when something was put into it. */
static int run_chain(struct kf_masks *masks, bool masked_inputs, struct kf_mask_leaving *leaving)
{
    struct kf_graph *graph = masks->graph;
    size_t n = graph->n_layers;

    KF_TRY(kf_graph_unchain(masks->adapt->model, graph, masks->adapt->rep));
    KF_TRY(run_functional(masks, masked_inputs, leaving));
    if (graph->n_layers == n) {
        kf_graph_chain(graph);
        return 0;
    }
    return kf_report_add(masks->adapt->rep, KF_CLASS_REPLACED, graph->path,
                         "a Sequential became a functional model, because it holds operations");
}

/* A chain that is built by its call says no input: it gets one while it is looked at. */
static int run_open_chain(struct kf_masks *masks, bool masked_inputs,
                          struct kf_mask_leaving *leaving)
{
    struct kf_model *model = masks->adapt->model;
    struct kf_layer *input = kf_layer_new(model);
    int r;

    if (!input)
        return kf_adapt_no_memory(masks->adapt, masks->graph->path);
    input->name = input->path = "";
    input->class_name = "InputLayer";
    KF_TRY(kf_graph_insert(model, masks->graph, 0, input, masks->adapt->rep));
    masks->closed = true;
    r = run_chain(masks, masked_inputs, leaving);
    kf_graph_remove(masks->graph, 0);
    return r;
}

int kf_mask_graph(struct kf_adapt *adapt, struct kf_graph *graph, bool masked_inputs,
                  struct kf_mask_leaving *leaving)
{
    struct kf_masks masks = {.adapt = adapt, .graph = graph};

    if (graph->topology != KF_SEQUENTIAL)
        return run_functional(&masks, masked_inputs, leaving);
    if (!kf_graph_begins_with_input(graph))
        return run_open_chain(&masks, masked_inputs, leaving);
    return run_chain(&masks, masked_inputs, leaving);
}

int kf_adapt_masks(struct kf_adapt *adapt, struct kf_graph *graph)
{
    struct kf_mask_leaving leaving = {0};

    return kf_mask_made_in(graph) ? kf_mask_graph(adapt, graph, false, &leaving) : 0;
}
