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
static struct kf_carried *carried(struct kf_down_masks *masks, const json_t *value)
{
    struct kf_ref ref;

    return kf_ref_get(value, &ref) ? &masks->of[masks->first[ref.layer] + ref.call] : NULL;
}

static int refuse(struct kf_down_masks *masks, const struct kf_layer *layer)
{
    kf_report_add(
        masks->adapt->rep, KF_MASK_NO_EQUAL, layer->path,
        "the layer gets another mask in Keras 2 than in Keras 3, and it cannot be written "
        "out here");
    return 0;
}

/* Put an operation in front of a tensor that gives it as it is, without its mask. */
static int cut(struct kf_down_masks *masks, const struct kf_layer *layer, json_t *list,
               size_t index)
{
    json_t *ref = json_deep_copy(json_array_get(list, index));
    struct kf_ref out;

    KF_TRY(kf_down_node(masks->adapt, masks->graph, "Copy", json_object(), json_pack("[o]", ref),
                        &out));
    KF_TRY(kf_json_set_at(list, index, kf_ref_new(out.layer, out.call, out.output),
                          masks->adapt->rep));
    return kf_report_add(masks->adapt->rep, KF_MASK_WRITTEN, layer->path,
                         "an operation cuts off the mask that Keras 2 would hand on");
}

/* What becomes of the argument `key` of a call: it is the same, another, or one too many. */
static int settle(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                  const char *key, const struct kf_mask_expr *in3, const struct kf_mask_expr *in2)
{
    struct kf_ref node;

    if (in3 == in2) {
        json_object_del(call->kwargs, key);
        return 0;
    }
    if (!in3) {
        json_object_del(call->kwargs, key);
        return cut(masks, layer, call->args, 0);
    }
    if (json_object_get(call->kwargs, key))
        return 0;
    if (!kf_mask_expr_node(masks, in3, &node))
        return refuse(masks, layer);
    KF_TRY(kf_json_set(call->kwargs, key, kf_ref_new(node.layer, node.call, node.output),
                       masks->adapt->rep));
    return kf_report_add(masks->adapt->rep, KF_MASK_WRITTEN, layer->path,
                         "the mask is written out: Keras 2 would compute another one");
}

/* Keras 3 hands on the mask of the first input only where the call has no other tensors. */
static bool loses_mask(const struct kf_call *call)
{
    return json_object_get(call->kwargs, "initial_state") != NULL;
}

static bool gives_sequence(const struct kf_layer *layer)
{
    const json_t *inner = json_object_get(json_object_get(layer->config, "layer"), "config");

    return kf_json_bool(inner ? inner : layer->config, "return_sequences", false);
}

static int take(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                struct kf_carried *out)
{
    json_t *given = json_object_get(call->kwargs, "mask"), *first = json_array_get(call->args, 0);
    const struct kf_carried *in = carried(masks, first);
    const struct kf_mask_expr *in3 = in && !loses_mask(call) ? in->keras3 : NULL;

    if (given)
        KF_TRY(kf_mask_expr_read(masks, given, &in3));
    KF_TRY(settle(masks, layer, call, "mask", in3, in ? in->keras2 : NULL));
    *out = (struct kf_carried){in3, in3};
    return 0;
}

/* MultiHeadAttention: each input has its mask; Keras 2 sees only those that the inputs carry. */
static int take_attention(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                          struct kf_carried *out)
{
    static const char *const keys[] = {"query_mask", "value_mask", "key_mask"};
    json_t *inputs[] = {json_array_get(call->args, 0), json_object_get(call->kwargs, "value"),
                        json_object_get(call->kwargs, "key")};

    for (size_t i = 0; i < 3; i++) {
        const struct kf_carried *in = inputs[i] ? carried(masks, inputs[i]) : NULL;
        json_t *given = json_object_get(call->kwargs, keys[i]);
        const struct kf_mask_expr *in3 = in ? in->keras3 : NULL;

        if (given)
            KF_TRY(kf_mask_expr_read(masks, given, &in3));
        if (in3 != (in ? in->keras2 : NULL))
            return refuse(masks, layer);
        json_object_del(call->kwargs, keys[i]);
        if (i == 0)
            *out = (struct kf_carried){in3, in3};
    }
    return 0;
}

/* Attention: a list of masks, one an input. */
static int take_list(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                     struct kf_carried *out)
{
    json_t *given = json_object_get(call->kwargs, "mask"), *list = json_array_get(call->args, 0),
           *one;
    bool same = true;
    size_t i;

    json_array_foreach(list, i, one)
    {
        const struct kf_carried *in = carried(masks, one);
        const struct kf_mask_expr *in3 = in ? in->keras3 : NULL;
        json_t *explicit = json_array_get(given, i);

        if (given)
            in3 = NULL;
        if (explicit && !json_is_null(explicit))
            KF_TRY(kf_mask_expr_read(masks, explicit, &in3));
        same &= in3 == (in ? in->keras2 : NULL);
        if (i == 0)
            *out = (struct kf_carried){in3, in3};
    }
    if (same)
        json_object_del(call->kwargs, "mask");
    return same || given ? 0 : refuse(masks, layer);
}

struct merging {
    struct kf_down_masks *masks;
    const struct kf_mask_expr *or3, *and2;
    size_t n, n3;
    bool same;
};

static int merge_input(json_t *ref, void *context)
{
    struct merging *merging = context;
    const struct kf_carried *in = carried(merging->masks, ref);

    merging->n++;
    merging->same &= in->keras3 == in->keras2;
    if (in->keras3) {
        merging->n3++;
        KF_TRY(
            kf_mask_expr_join(merging->masks, KF_MASK_OR, merging->or3, in->keras3, &merging->or3));
    }
    return in->keras2 ? kf_mask_expr_join(merging->masks, KF_MASK_AND, merging->and2, in->keras2,
                                          &merging->and2)
                      : 0;
}

static int merge(struct kf_down_masks *masks, struct kf_layer *layer, const struct kf_call *call,
                 struct kf_carried *out)
{
    struct merging merging = {.masks = masks, .same = true};
    json_int_t axis = kf_json_int(layer->config, "axis", -1);
    bool ends = kf_mask_effect(layer, NULL) == CONCAT && (axis == 1 || axis == -2);

    KF_TRY(kf_refs_each(call->args, merge_input, &merging));
    if (!merging.or3 && !merging.and2)
        return 0;
    if (!ends) {
        out->keras3 = merging.n3 == merging.n ? merging.or3 : NULL;
        out->keras2 = merging.and2;
        return 0;
    }
    KF_TRY(kf_mask_expr_opaque(masks, &out->keras3));
    out->keras2 = out->keras3;
    return merging.same && merging.n3 == merging.n ? 0 : kf_mask_expr_opaque(masks, &out->keras2);
}

static bool has_sources(const struct kf_graph *graph);

static bool layer_has_sources(const struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++)
        if (layer_has_sources(layer->parts[i]))
            return true;
    return layer->inner ? has_sources(layer->inner)
                        : kf_json_bool(layer->config, "mask_zero", false) ||
                              strcmp(layer->class_name, "Masking") == 0;
}

static bool has_sources(const struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (layer_has_sources(graph->layers[i]))
            return true;
    return false;
}

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
    const struct kf_carried *in = carried(masks, json_array_get(call->args, 0));
    bool masked = (in && (in->keras2 || in->keras3)) || json_object_get(call->kwargs, "mask");

    if (layer_has_sources(layer->parts[0])) {
        KF_TRY(kf_mask_expr_opaque(masks, &out->keras3));
        return kf_mask_expr_opaque(masks, &out->keras2);
    }
    return masked ? refuse(masks, layer) : 0;
}

static int run_graph(struct kf_adapt *adapt, struct kf_graph *graph, bool masked, bool *masks_out);

static int note_masks(json_t *ref, void *context)
{
    struct merging *merging = context;
    const struct kf_carried *in = carried(merging->masks, ref);

    merging->n3 += in->keras3 || in->keras2;
    merging->same &= in->keras3 == in->keras2;
    return 0;
}

/* A model used as a layer: masks go in and come out, but nothing is known of them here. */
static int run_inner(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                     struct kf_carried *out)
{
    struct merging merging = {.masks = masks, .same = true};
    bool gives = false;

    KF_TRY(kf_refs_each(call->args, note_masks, &merging));
    if (!merging.same)
        return refuse(masks, layer);
    if (json_object_get(call->kwargs, "mask"))
        KF_TRY(kf_report_add(masks->adapt->rep, KF_NODES_REWRITTEN, layer->path,
                             "the mask of a call is left out: Keras 2 hands it on itself"));
    json_object_del(call->kwargs, "mask");
    if (!merging.n3 && !has_sources(layer->inner))
        return 0;
    if (call == &layer->calls[0])
        KF_TRY(run_graph(masks->adapt, layer->inner, merging.n3 > 0, &gives));
    KF_TRY(kf_mask_expr_opaque(masks, &out->keras3));
    return kf_mask_expr_opaque(masks, &out->keras2);
}

static int run_class(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                     struct kf_carried *out)
{
    json_t *first = json_array_get(call->args, 0);
    const struct kf_carried *in = carried(masks, first);
    enum kf_mask_effect what = kf_mask_effect(layer, NULL);

    what = what == PASS && kf_down_is_function(layer) ? LEAK : what;
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
        KF_TRY(take(masks, layer, call, out));
        if (what == END || (what == SEQUENCE && !gives_sequence(layer)))
            *out = (struct kf_carried){0};
        return 0;
    case QUERY:
        return strcmp(layer->class_name, "MultiHeadAttention") == 0
                   ? take_attention(masks, layer, call, out)
                   : take_list(masks, layer, call, out);
    case MERGE:
    case CONCAT:
        return merge(masks, layer, call, out);
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
    masks->first = kf_arena_alloc(arena, (graph->n_layers + 1) * sizeof(*masks->first));
    if (!masks->of || !masks->first)
        return kf_adapt_no_memory(masks->adapt, graph->path);
    for (size_t i = 0; i < graph->n_layers; i++) {
        masks->first[i] = at;
        at += graph->layers[i]->n_calls ? graph->layers[i]->n_calls : 1;
    }
    return 0;
}

static int run_functional(struct kf_down_masks *masks, bool masked, bool *gives_out)
{
    struct merging ends = {.masks = masks, .same = true};
    struct kf_call_at *order = NULL;
    size_t n = 0;
    int r = kf_graph_order(masks->graph, &order, &n, masks->adapt->rep);

    if (r >= 0)
        r = make_room(masks, n);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        masks->at = order[i];
        r = run_call(masks, masks->graph->layers[order[i].layer], order[i].call, masked);
    }
    kf_free(order);
    if (r >= 0)
        r = kf_refs_each(masks->graph->outputs, note_masks, &ends);
    *gives_out = ends.n3 > 0;
    return r;
}

/* A chain merges nothing: only a layer that hands the mask on in Keras 3 alone can matter. */
static int run_sequential(struct kf_down_masks *masks, bool masked, bool *gives_out)
{
    bool in3 = masked, in2 = masked;

    for (size_t i = 0; i < masks->graph->n_layers; i++) {
        struct kf_layer *layer = masks->graph->layers[i];
        enum kf_mask_effect what = layer->inner ? LOSE : kf_mask_effect(layer, NULL);
        bool consumes = what == TAKE || what == SEQUENCE || what == END || what == QUERY;

        if (strcmp(layer->class_name, "InputLayer") == 0)
            continue;
        if ((consumes || layer->inner) && in3 != in2)
            KF_TRY(refuse(masks, layer));
        if (masks_inside(layer) && (in3 || layer_has_sources(layer->parts[0])))
            KF_TRY(refuse(masks, layer));
        if (layer->inner && (in3 || has_sources(layer->inner))) {
            KF_TRY(run_graph(masks->adapt, layer->inner, in3, &in3));
            in2 = in3;
        } else if (what == SOURCE_MASKING ||
                   (what == SOURCE_EMBEDDING && kf_json_bool(layer->config, "mask_zero", false))) {
            in3 = in2 = true;
        } else if (what == LEAK) {
            in2 = false;
        } else if (what != PASS && what != TAKE && !(what == SEQUENCE && gives_sequence(layer))) {
            in3 = in2 = false;
        }
    }
    *gives_out = in3 || in2;
    return 0;
}

static int run_graph(struct kf_adapt *adapt, struct kf_graph *graph, bool masked, bool *masks_out)
{
    struct kf_down_masks masks = {.adapt = adapt, .graph = graph, .known = json_object()};
    int r = masks.known ? 0 : kf_adapt_no_memory(adapt, graph->path);

    if (r >= 0)
        r = graph->topology == KF_SEQUENTIAL ? run_sequential(&masks, masked, masks_out)
                                             : run_functional(&masks, masked, masks_out);
    json_decref(masks.known);
    return r;
}

/* Models in which no mask is made or taken are left alone, and those inside others. */
int kf_down_masks(struct kf_adapt *adapt, struct kf_graph *graph)
{
    bool gives = false;

    return run_graph(adapt, graph, false, &gives);
}
