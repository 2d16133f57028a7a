/* SPDX-License-Identifier: Apache-2.0 */
#include "masks.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/order.h"
#include "mask_effects.h"
#include <string.h>

/*
 * Masks that Keras 3 would compute otherwise. Both versions carry masks along the tensors without
 * a word in the config, so the graph is walked as Keras 2 would run it, and where the two part
 * the mask of Keras 2 is written out: operation nodes compute it, and the first layer that takes
 * one gets it by the keyword mask. From there on Keras 3 carries that one along.
 */
/* Source: layers/merging/base_merge.py compute_mask and layers/attention/attention.py call, as they
 * were before these releases: a merge lost every mask, and masked inputs failed. */
#define MERGES_MASK_SINCE           304
#define ATTENTION_TAKES_MASKS_SINCE 307

static struct kf_mask *mask_of(const struct kf_masks *masks, const json_t *value)
{
    struct kf_ref ref;

    return kf_ref_get(value, &ref) ? &masks->of[masks->first[ref.layer] + ref.call] : NULL;
}

/* The union of two sorted sets. */
static int join(struct kf_masks *masks, struct kf_mask *into, const struct kf_mask *other)
{
    size_t *atoms =
        kf_arena_alloc(masks->adapt->model->arena, (into->n + other->n + 1) * sizeof(*atoms));
    size_t n = 0, i = 0, k = 0;

    if (!atoms)
        return kf_adapt_no_memory(masks->adapt, masks->graph->path);
    while (i < into->n || k < other->n) {
        bool left = k == other->n || (i < into->n && into->atoms[i] <= other->atoms[k]);

        if (left && k < other->n && into->atoms[i] == other->atoms[k])
            k++;
        atoms[n++] = left ? into->atoms[i++] : other->atoms[k++];
    }
    into->atoms = atoms;
    into->n = n;
    return 0;
}

static bool same_atoms(const struct kf_mask *a, const struct kf_mask *b)
{
    return a->n == b->n && (!a->n || memcmp(a->atoms, b->atoms, a->n * sizeof(*a->atoms)) == 0);
}

/* A new mask that only this call makes. */
static int make_atom(struct kf_masks *masks, struct kf_mask *out, const json_t *from)
{
    out->atoms = kf_arena_alloc(masks->adapt->model->arena, sizeof(*out->atoms));
    if (!out->atoms)
        return kf_adapt_no_memory(masks->adapt, masks->graph->path);
    out->atoms[0] = masks->at;
    out->n = 1;
    masks->atoms[masks->at].opaque = !kf_ref_get(from, &masks->atoms[masks->at].at);
    return 0;
}

static int make_source(struct kf_masks *masks, struct kf_mask *out, const json_t *from,
                       const struct kf_layer *source)
{
    masks->atoms[masks->at].source = source;
    return make_atom(masks, out, from);
}

struct inputs {
    struct kf_masks *masks;
    struct kf_mask all; /* AND of the masks there are */
    const struct kf_mask *one;
    size_t n, n_masked;
    bool equal, differs;
};

static int note_input(json_t *ref, void *context)
{
    struct inputs *inputs = context;
    const struct kf_mask *mask = mask_of(inputs->masks, ref);

    inputs->n++;
    inputs->differs |= mask->differs;
    if (!mask->n)
        return 0;
    inputs->equal &= inputs->n_masked == 0 || same_atoms(inputs->one, mask);
    inputs->one = mask;
    inputs->n_masked++;
    return join(inputs->masks, &inputs->all, mask);
}

static int look_at_inputs(struct kf_masks *masks, struct inputs *inputs, const struct kf_call *call)
{
    *inputs = (struct inputs){.masks = masks, .equal = true};
    return kf_refs_each(call->args, note_input, inputs);
}

/* Whether Keras 3 gives a merge of these inputs another mask than their AND. */
static bool joins_otherwise(const struct kf_masks *masks, const struct inputs *inputs)
{
    return inputs->n_masked && (inputs->differs || !inputs->equal || inputs->n_masked < inputs->n ||
                                masks->adapt->since < MERGES_MASK_SINCE);
}

/* Keras 3 joins such masks by operations that it calls concatenate, concatenate_1, ..., and refuses
 * a graph in which a layer has one of these names: those layers get another. */
static int free_concatenate(struct kf_masks *masks)
{
    for (size_t i = 0; i < masks->graph->n_layers; i++) {
        struct kf_layer *layer = masks->graph->layers[i];
        const char *rest = layer->name + strlen("concatenate");

        if (!kf_starts(layer->name, "concatenate") || rest[strspn(rest, "_0123456789")] ||
            layer->inner)
            continue;
        KF_TRY(kf_report_add(masks->adapt->rep, KF_LAYER_RENAMED, layer->path,
                             "%s is called layer_%s, because Keras 3 gives that name to an "
                             "operation of its own here",
                             layer->name, layer->name));
        layer->name = kf_arena_printf(masks->adapt->model->arena, "layer_%s", layer->name);
        if (!layer->name)
            return kf_adapt_no_memory(masks->adapt, layer->path);
        KF_TRY(kf_json_set(layer->config, "name", json_string(layer->name), masks->adapt->rep));
    }
    return 0;
}

static bool all_refs(const json_t *list)
{
    struct kf_ref ref;

    for (size_t i = 0; i < json_array_size(list); i++)
        if (!kf_ref_get(json_array_get(list, i), &ref))
            return false;
    return true;
}

/* Masks along the first axis after the batch are joined end to end: an atom made of them. */
static int join_ends(struct kf_masks *masks, struct kf_mask *out, const json_t *list)
{
    size_t n = json_array_size(list);
    struct kf_mask *parts = kf_arena_alloc(masks->adapt->model->arena, n * sizeof(*parts));

    if (!parts)
        return kf_adapt_no_memory(masks->adapt, masks->graph->path);
    for (size_t i = 0; i < n; i++)
        parts[i] = *mask_of(masks, json_array_get(list, i));
    KF_TRY(make_atom(masks, out, NULL));
    masks->atoms[masks->at].opaque = false;
    masks->atoms[masks->at].parts = parts;
    masks->atoms[masks->at].n_parts = n;
    out->differs = true; /* so that it is written out: not every Keras 3 joins them */
    return 0;
}

/* Along the last axis Keras 2 joins the masks by AND; along another they are joined end to end. */
static int concatenate(struct kf_masks *masks, const struct kf_layer *layer,
                       const struct kf_call *call, struct kf_mask *out, const struct inputs *inputs)
{
    json_int_t axis = kf_json_int(layer->config, "axis", -1);
    const json_t *list = json_array_get(call->args, 0);

    if (!inputs->n_masked)
        return 0;
    if (axis == 1 && inputs->n_masked == json_array_size(list) && all_refs(list))
        return join_ends(masks, out, list);
    if (axis == 1 || axis == -2) {
        KF_TRY(make_atom(masks, out, NULL));
        out->differs = inputs->differs;
        return free_concatenate(masks);
    }
    *out = inputs->all;
    out->differs = joins_otherwise(masks, inputs);
    return 0;
}

/* Keras 3 hands the input's mask to a layer only when the call has no other tensors: an RNN that
 * is given its initial state loses it.
 * Source: keras/src/layers/layer.py Layer.__call__ (3.15.1), "Populate mask argument(s)" */
static bool loses_mask(const struct kf_call *call)
{
    const json_t *state = json_object_get(call->kwargs, "initial_state");

    return (state && !json_is_null(state)) || json_array_size(json_array_get(call->args, 0)) > 1;
}

/* A layer that takes a mask: where Keras 3 would give it another one, it is written out. */
static int take(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                const json_t *first, struct kf_mask *out)
{
    const json_t *given = json_object_get(call->kwargs, "mask");

    if (given && !json_is_null(given))
        return make_atom(masks, out, NULL);
    if (!first)
        return 0;
    *out = *mask_of(masks, first);
    if (out->n && loses_mask(call))
        out->differs = true;
    return out->differs ? kf_mask_write(masks, layer, call, out) : 0;
}

/* What a TimeDistributed does with masks depends on the layer inside, otherwise in each version. */
static bool masks_inside(struct kf_masks *masks, const struct kf_layer *layer)
{
    enum kf_mask_effect inside = layer->n_parts && strcmp(layer->class_name, "TimeDistributed") == 0
                                     ? kf_mask_effect(layer->parts[0], masks->adapt->rep)
                                     : LOSE;

    return inside == SOURCE_EMBEDDING || inside == SOURCE_MASKING || inside == SEQUENCE ||
           inside == END;
}

static int time_distributed(struct kf_masks *masks, struct kf_layer *layer, struct kf_mask *out)
{
    bool sources = kf_mask_made_by(layer->parts[0]);

    if (!sources && !out->n)
        return 0;
    if (!sources)
        return kf_mask_refuse(masks, layer);
    KF_TRY(make_atom(masks, out, NULL));
    out->differs = true;
    return 0;
}

static int run_class(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                     struct kf_mask *out)
{
    enum kf_mask_effect what = kf_mask_effect(layer, masks->adapt->rep);
    json_t *first = json_array_get(call->args, 0);
    struct inputs inputs;

    if (json_is_array(first) && (what == SEQUENCE || what == QUERY))
        first = json_array_get(first, 0);
    first = kf_ref_get(first, &(struct kf_ref){0}) ? first : NULL;
    KF_TRY(look_at_inputs(masks, &inputs, call));
    switch (what) {
    case SOURCE_EMBEDDING:
        return kf_json_bool(layer->config, "mask_zero", false)
                   ? make_source(masks, out, first, layer)
                   : 0;
    case SOURCE_MASKING:
        return make_source(masks, out, first, layer);
    case PASS:
    case LEAK:
        if (first)
            *out = *mask_of(masks, first);
        if (what == LEAK && out->n)
            *out = (struct kf_mask){.differs = true};
        return 0;
    case TAKE:
    case SEQUENCE:
    case END:
        if (masks_inside(masks, layer)) {
            if (first)
                *out = *mask_of(masks, first);
            return time_distributed(masks, layer, out);
        }
        KF_TRY(take(masks, layer, call, first, out));
        if (what == END || (what == SEQUENCE && !kf_mask_is_sequence(layer)))
            *out = (struct kf_mask){0};
        return 0;
    case QUERY:
        if (inputs.differs ||
            (inputs.n_masked && masks->adapt->since < ATTENTION_TAKES_MASKS_SINCE))
            KF_TRY(kf_mask_refuse(masks, layer));
        if (first)
            *out = *mask_of(masks, first);
        return 0;
    case MERGE:
        *out = inputs.all;
        out->differs = joins_otherwise(masks, &inputs);
        return 0;
    case CONCAT:
        return concatenate(masks, layer, call, out, &inputs);
    default:
        return 0;
    }
}

/* What is known of the mask that leaves a graph by its only output. */
struct leaving {
    bool differs;
    bool none;                     /* no mask leaves it, in either version */
    const struct kf_layer *source; /* it is that layer's, of an input as it came; or NULL */
    size_t input;                  /* which input */
};

static int run_graph(struct kf_adapt *adapt, struct kf_graph *graph, bool masked_inputs,
                     struct leaving *leaving);

/* A model used as a layer: masks go in and come out. What makes one of an input of the model's can
 * be written out here as well; of all else nothing is known. */
static int run_inner(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                     struct kf_mask *out)
{
    struct inputs inputs;
    struct leaving leaving = {0};
    json_t *from = json_array_get(call->args, 0);

    KF_TRY(look_at_inputs(masks, &inputs, call));
    if (!inputs.n_masked && !inputs.differs && !kf_mask_made_by(layer))
        return 0;
    KF_TRY(run_graph(masks->adapt, layer->inner, inputs.n_masked > 0, &leaving));
    if (inputs.differs)
        return kf_mask_refuse(masks, layer);
    if (leaving.none)
        return 0;
    if (json_is_array(from))
        from = json_array_get(from, leaving.input);
    KF_TRY(leaving.source ? make_source(masks, out, from, leaving.source)
                          : make_atom(masks, out, NULL));
    out->differs = leaving.differs;
    return 0;
}

static int run_call(struct kf_masks *masks, struct kf_layer *layer, size_t k, bool masked_inputs)
{
    struct kf_mask *out = &masks->of[masks->at];

    if (!layer->n_calls)
        return masked_inputs ? make_atom(masks, out, NULL) : 0;
    if (layer->inner)
        return run_inner(masks, layer, &layer->calls[k], out);
    return run_class(masks, layer, &layer->calls[k], out);
}

static int note_difference(json_t *ref, void *context)
{
    struct inputs *inputs = context;

    inputs->differs |= mask_of(inputs->masks, ref)->differs;
    return 0;
}

/* Number of the graph's input that a ref is; false where it is none. */
static bool find_input(const struct kf_graph *graph, struct kf_ref at, size_t *number)
{
    size_t n = json_is_array(graph->inputs) ? json_array_size(graph->inputs) : 1;
    struct kf_ref ref;

    for (*number = 0; *number < n; ++*number)
        if (kf_ref_get(json_is_array(graph->inputs) ? json_array_get(graph->inputs, *number)
                                                    : graph->inputs,
                       &ref) &&
            ref.layer == at.layer && ref.call == at.call)
            return true;
    return false;
}

/* The mask of the only output, where one layer makes it of an input. */
static void find_source(const struct kf_masks *masks, struct leaving *leaving)
{
    const json_t *end = masks->graph->outputs;
    const struct kf_mask *mask;
    struct kf_ref ref;
    size_t atom;

    if (json_is_array(end) && json_array_size(end) == 1)
        end = json_array_get(end, 0);
    if (!kf_ref_get(end, &ref))
        return;
    mask = mask_of(masks, end);
    leaving->none = mask->n == 0 && !mask->differs;
    if (mask->n != 1)
        return;
    atom = mask->atoms[0];
    if (!masks->atoms[atom].opaque && masks->atoms[atom].source &&
        find_input(masks->graph, masks->atoms[atom].at, &leaving->input))
        leaving->source = masks->atoms[atom].source;
}

static int run_order(struct kf_masks *masks, const struct kf_call_at *order, size_t n,
                     bool masked_inputs, struct leaving *leaving)
{
    struct inputs ends = {.masks = masks};

    for (size_t i = 0; i < n; i++) {
        masks->at = masks->first[order[i].layer] + order[i].call;
        KF_TRY(run_call(masks, masks->graph->layers[order[i].layer], order[i].call, masked_inputs));
    }
    KF_TRY(kf_refs_each(masks->graph->outputs, note_difference, &ends));
    leaving->differs = ends.differs;
    find_source(masks, leaving);
    return 0;
}

static int run_functional(struct kf_adapt *adapt, struct kf_graph *graph, bool masked_inputs,
                          struct leaving *leaving)
{
    struct kf_masks masks = {.adapt = adapt, .graph = graph};
    struct kf_arena *arena = adapt->model->arena;
    struct kf_call_at *order = NULL;
    size_t n = 0, at = 0;
    int r = kf_graph_order(graph, &order, &n, adapt->rep);

    if (r >= 0) {
        masks.of = kf_arena_alloc(arena, n * sizeof(*masks.of));
        masks.atoms = kf_arena_alloc(arena, n * sizeof(*masks.atoms));
        masks.first = kf_arena_alloc(arena, (graph->n_layers + 1) * sizeof(*masks.first));
        if (!masks.of || !masks.atoms || !masks.first)
            r = kf_adapt_no_memory(adapt, graph->path);
    }
    for (size_t i = 0; r >= 0 && i < graph->n_layers; i++) {
        masks.first[i] = at;
        at += graph->layers[i]->n_calls ? graph->layers[i]->n_calls : 1;
    }
    if (r >= 0)
        r = run_order(&masks, order, n, masked_inputs, leaving);
    kf_free(order);
    return r;
}

/* Whether a layer of a chain hands on the mask that it is given, or makes the chain's first. */
static const struct kf_layer *hand_on(const struct kf_graph *graph, size_t index,
                                      enum kf_mask_effect what, const struct kf_layer *source)
{
    const struct kf_layer *layer = graph->layers[index];
    bool starts =
        index == 0 || (index == 1 && strcmp(graph->layers[0]->class_name, "InputLayer") == 0);

    if (layer->inner || layer->n_parts)
        return NULL;
    if (kf_mask_made_by(layer))
        return starts ? layer : NULL;
    return what == PASS || what == TAKE || (what == SEQUENCE && kf_mask_is_sequence(layer)) ? source
                                                                                            : NULL;
}

/* A chain merges nothing; only a layer that loses the mask in Keras 2 alone can matter. */
static int run_sequential(struct kf_adapt *adapt, struct kf_graph *graph, bool masked,
                          struct leaving *leaving)
{
    struct kf_masks masks = {.adapt = adapt, .graph = graph};
    struct leaving inner = {0};
    bool leaked = false;

    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];
        enum kf_mask_effect what = kf_mask_effect(layer, masks.adapt->rep);

        leaving->source = hand_on(graph, i, what, leaving->source);
        if (layer->inner && (masked || kf_mask_made_by(layer)))
            KF_TRY(run_graph(adapt, layer->inner, masked, &inner));
        leaving->differs |= inner.differs;
        if (leaked && (what == TAKE || what == SEQUENCE || what == END))
            KF_TRY(kf_mask_refuse(&masks, layer));
        masked |= kf_mask_made_by(layer);
        leaked |= masked && what == LEAK;
        if (what == LOSE || what == END || (what == SEQUENCE && !kf_mask_is_sequence(layer))) {
            masked = layer->inner != NULL && masked;
            leaked = masked && !adapt->models_pass;
        }
    }
    return 0;
}

static int run_graph(struct kf_adapt *adapt, struct kf_graph *graph, bool masked_inputs,
                     struct leaving *leaving)
{
    return graph->topology == KF_SEQUENTIAL ? run_sequential(adapt, graph, masked_inputs, leaving)
                                            : run_functional(adapt, graph, masked_inputs, leaving);
}

int kf_adapt_masks(struct kf_adapt *adapt, struct kf_graph *graph)
{
    struct leaving leaving = {0};

    return kf_mask_made_in(graph) ? run_graph(adapt, graph, false, &leaving) : 0;
}
