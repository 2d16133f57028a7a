/* SPDX-License-Identifier: Apache-2.0 */
#include "down_masks.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/order.h"
#include "../masks/mask_effects.h"
#include <string.h>

/*
 * Keras 3 writes the masks that it carries along the tensors into the graph: operations compute
 * them, and each later layer has its own as an argument. Keras 2 carries them without a word. So
 * the graph is walked as both would run it; where a layer would get the same mask, the argument
 * goes; where it would not, the argument stays, or the tensor's mask is cut off.
 */
/* What a TimeDistributed does with masks depends on the layer inside, otherwise in each version. */
static bool masks_inside(const struct kf_layer *layer)
{
    enum kf_mask_effect inside = layer->n_parts && strcmp(layer->class_name, "TimeDistributed") == 0
                                     ? kf_mask_effect(layer->parts[0], NULL)
                                     : LOSE;

    return inside == SOURCE_EMBEDDING || inside == SOURCE_MASKING || inside == SEQUENCE ||
           inside == END;
}

static int time_distributed(struct kf_down_masks *masks, struct kf_layer *layer,
                            struct kf_call *call, struct kf_carried *out)
{
    const struct kf_carried *in = kf_down_mask_carried(masks, json_array_get(call->args, 0));
    bool masked = (in && (in->keras2 || in->keras3)) || json_object_get(call->kwargs, "mask");

    if (kf_mask_made_by(layer->parts[0])) {
        KF_TRY(kf_mask_expr_opaque(masks, &out->keras3));
        return kf_mask_expr_opaque(masks, &out->keras2);
    }
    return masked ? kf_down_mask_refuse(masks, layer) : 0;
}

static int run_graph(struct kf_adapt *adapt, struct kf_graph *graph, struct kf_mask_ends *ends);

/* The masks that come in by a call, or leave a graph. */
struct inputs {
    struct kf_down_masks *masks;
    size_t n, n3;
    bool same;
};

static int note_masks(json_t *ref, void *context)
{
    struct inputs *inputs = context;
    const struct kf_carried *in = kf_down_mask_carried(inputs->masks, ref);

    inputs->n++;
    inputs->n3 += in->keras3 || in->keras2;
    inputs->same &= in->keras3 == in->keras2;
    return 0;
}

/* The mask of a model's only input: it takes one as a layer does. */
static int take_only(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                     struct inputs *inputs)
{
    struct kf_carried taken = {0};

    KF_TRY(kf_down_mask_take(masks, layer, call, &taken));
    inputs->n3 = taken.keras3 != NULL;
    return 0;
}

/* Whether a mask that a list of them has is what Keras 2 hands on beside it. */
static int compare_masks(struct kf_down_masks *masks, const json_t *list, const json_t *given,
                         bool *same)
{
    const json_t *one;
    size_t i;

    json_array_foreach(given, i, one)
    {
        const struct kf_carried *in = kf_down_mask_carried(masks, json_array_get(list, i));
        const struct kf_mask_expr *in3 = NULL;

        if (!json_is_null(one))
            KF_TRY(kf_mask_expr_read(masks, one, &in3));
        *same &= in && in3 == in->keras2;
    }
    return 0;
}

static int count_refs(json_t *ref, void *context)
{
    (void)ref;
    ++*(size_t *)context;
    return 0;
}

/* Those of several inputs: they must be what Keras 2 hands on itself. */
static int take_all(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                    const struct inputs *inputs)
{
    json_t *given = json_object_get(call->kwargs, "mask");
    bool same = inputs->same;
    size_t n_given = 0;

    KF_TRY(kf_refs_each(given, count_refs, &n_given));
    KF_TRY(compare_masks(masks, json_array_get(call->args, 0), given, &same));
    if (!same || (n_given && !json_is_array(given)))
        return kf_down_mask_refuse(masks, layer);
    if (given)
        KF_TRY(kf_report_add(masks->adapt->rep, KF_NODES_REWRITTEN, layer->path,
                             "the mask of a call is left out: Keras 2 hands it on itself"));
    json_object_del(call->kwargs, "mask");
    return 0;
}

/* What a model inside gives to a call: the masks that its own layers make and hand on. */
static int leave(struct kf_down_masks *masks, const struct kf_mask_ends *ends,
                 struct kf_carried *out)
{
    if (!ends->gives)
        return 0;
    KF_TRY(kf_mask_expr_opaque(masks, &out->keras3));
    out->keras2 = out->keras3;
    return ends->same ? 0 : kf_mask_expr_opaque(masks, &out->keras2);
}

/* A model used as a layer: masks go in and come out. It is walked as its first call runs it. */
static int run_inner(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                     struct kf_carried *out)
{
    struct inputs inputs = {.masks = masks, .same = true};
    struct kf_mask_ends *ends = &masks->ends[masks->at.layer];
    struct kf_ref only;

    KF_TRY(kf_refs_each(call->args, note_masks, &inputs));
    KF_TRY(kf_ref_get(json_array_get(call->args, 0), &only)
               ? take_only(masks, layer, call, &inputs)
               : take_all(masks, layer, call, &inputs));
    if (!inputs.n3 && !kf_mask_made_in(layer->inner))
        return 0;
    if (!ends->walked) {
        *ends = (struct kf_mask_ends){.masked = inputs.n3 > 0, .walked = true};
        KF_TRY(run_graph(masks->adapt, layer->inner, ends));
    } else if (ends->masked != (inputs.n3 > 0)) {
        ends->gives = true;
        ends->same = false;
    }
    return leave(masks, ends, out);
}

static int run_class(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                     struct kf_carried *out)
{
    json_t *first = json_array_get(call->args, 0);
    const struct kf_carried *in = kf_down_mask_carried(masks, first);
    enum kf_mask_effect what = kf_mask_effect(layer, NULL);

    what = what == PASS && kf_down_is_function(layer) ? LEAK : what;
    if (what == NAMED && kf_down_is_apart(layer))
        return kf_down_mask_written(masks, layer, call, out);
    switch (what) {
    case SOURCE_EMBEDDING:
        if (!kf_json_bool(layer->config, "mask_zero", false))
            return 0;
        KF_TRY(kf_mask_expr_source(masks, first, NULL, &out->keras3));
        out->keras2 = out->keras3;
        return 0;
    case SOURCE_MASKING:
        KF_TRY(kf_mask_expr_source(masks, first, json_object_get(layer->config, "mask_value"),
                                   &out->keras3));
        out->keras2 = out->keras3;
        return 0;
    case PASS:
        if (in)
            *out = *in;
        return 0;
    case LEAK:
        if (in)
            out->keras3 = in->keras3;
        return 0;
    case TAKE:
    case SEQUENCE:
    case END:
        if (masks_inside(layer))
            return time_distributed(masks, layer, call, out);
        KF_TRY(kf_down_mask_take(masks, layer, call, out));
        if (what == END || (what == SEQUENCE && !kf_mask_is_sequence(layer)))
            *out = (struct kf_carried){0};
        return 0;
    case QUERY:
        return kf_down_mask_list(masks, layer, call, out);
    case NAMED:
        return kf_down_mask_named(masks, layer, call, out);
    case MERGE:
    case CONCAT:
        return kf_down_mask_merge(masks, layer, call, out);
    default:
        return 0;
    }
}

static int run_call(struct kf_down_masks *masks, struct kf_layer *layer, size_t k, bool masked)
{
    struct kf_carried out = {0};

    if (layer->operation)
        return 0;
    if (!layer->n_calls && masked) {
        KF_TRY(kf_mask_expr_opaque(masks, &out.keras3));
        out.keras2 = out.keras3;
    } else if (layer->n_calls) {
        KF_TRY(layer->inner ? run_inner(masks, layer, &layer->calls[k], &out)
                            : run_class(masks, layer, &layer->calls[k], &out));
    }
    masks->of[masks->first[masks->at.layer] + masks->at.call] = out;
    return 0;
}

/* Room for the calls there are now and for the operations that are added: these carry no masks. */
static int make_room(struct kf_down_masks *masks, size_t n)
{
    const struct kf_graph *graph = masks->graph;
    struct kf_arena *arena = masks->adapt->model->arena;
    size_t at = 0;

    masks->of = kf_arena_alloc(arena, (n + 1) * sizeof(*masks->of));
    masks->ends = kf_arena_alloc(arena, (graph->n_layers + 1) * sizeof(*masks->ends));
    masks->first = kf_arena_alloc(arena, (graph->n_layers + 1) * sizeof(*masks->first));
    if (!masks->of || !masks->first || !masks->ends)
        return kf_adapt_no_memory(masks->adapt, graph->path);
    for (size_t i = 0; i < graph->n_layers; i++) {
        masks->first[i] = at;
        at += graph->layers[i]->n_calls ? graph->layers[i]->n_calls : 1;
    }
    return 0;
}

static int run_functional(struct kf_down_masks *masks, struct kf_mask_ends *out)
{
    struct inputs ends = {.masks = masks, .same = true};
    struct kf_call_at *order = NULL;
    size_t n = 0;
    int r = kf_graph_order(masks->graph, &order, &n, masks->adapt->rep);

    if (r >= 0)
        r = make_room(masks, n);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        masks->at = order[i];
        r = run_call(masks, masks->graph->layers[order[i].layer], order[i].call, out->masked);
    }
    kf_free(order);
    if (r >= 0)
        r = kf_refs_each(masks->graph->outputs, note_masks, &ends);
    out->gives = ends.n3 > 0;
    out->same = ends.same && ends.n == 1;
    return r;
}

/* A chain merges nothing: only a layer that hands the mask on in Keras 3 alone can matter. */
static int run_sequential(struct kf_down_masks *masks, struct kf_mask_ends *out)
{
    bool in3 = out->masked, in2 = out->masked;

    for (size_t i = 0; i < masks->graph->n_layers; i++) {
        struct kf_layer *layer = masks->graph->layers[i];
        enum kf_mask_effect what = layer->inner ? LOSE : kf_mask_effect(layer, NULL);
        bool consumes = what == TAKE || what == SEQUENCE || what == END || what == QUERY;

        if (kf_layer_is_input(layer))
            continue;
        if ((consumes || layer->inner) && in3 != in2)
            KF_TRY(kf_down_mask_refuse(masks, layer));
        if (masks_inside(layer) && (in3 || kf_mask_made_by(layer->parts[0])))
            KF_TRY(kf_down_mask_refuse(masks, layer));
        if (layer->inner && (in3 || kf_mask_made_in(layer->inner))) {
            struct kf_mask_ends ends = {.masked = in3};

            KF_TRY(run_graph(masks->adapt, layer->inner, &ends));
            in3 = ends.gives;
            in2 = ends.gives && ends.same;
        } else if (what == SOURCE_MASKING ||
                   (what == SOURCE_EMBEDDING && kf_json_bool(layer->config, "mask_zero", false))) {
            in3 = in2 = true;
        } else if (what == LEAK) {
            in2 = false;
        } else if (what != PASS && what != TAKE &&
                   !(what == SEQUENCE && kf_mask_is_sequence(layer))) {
            in3 = in2 = false;
        }
    }
    out->gives = in3 || in2;
    out->same = in3 == in2;
    return 0;
}

static int run_graph(struct kf_adapt *adapt, struct kf_graph *graph, struct kf_mask_ends *ends)
{
    struct kf_down_masks masks = {.adapt = adapt, .graph = graph, .known = json_object()};
    int r = masks.known ? 0 : kf_adapt_no_memory(adapt, graph->path);

    if (r >= 0)
        r = graph->topology == KF_SEQUENTIAL ? run_sequential(&masks, ends)
                                             : run_functional(&masks, ends);
    json_decref(masks.known);
    return r;
}

/* Models in which no mask is made or taken are left alone, and those inside others. */
int kf_down_masks(struct kf_adapt *adapt, struct kf_graph *graph)
{
    struct kf_mask_ends ends = {0};

    return run_graph(adapt, graph, &ends);
}
