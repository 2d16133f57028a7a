/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "mask_effects.h"
#include "masks.h"
#include <string.h>

/*
 * Models used as layers: masks go in and come out. What makes one of an input of the model's can
 * be written out outside as well, and so can one that goes through; of all else nothing is known.
 */

static int note_difference(json_t *ref, void *context)
{
    struct kf_mask_inputs *inputs = context;
    const struct kf_mask *mask = kf_mask_of(inputs->masks, ref);

    inputs->differs |= mask && mask->differs;
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

/* Number of the input whose own mask an atom is. */
static bool is_of_input(const struct kf_masks *masks, size_t atom, size_t *number)
{
    const struct kf_graph *graph = masks->graph;

    for (size_t i = 0; i < graph->n_layers; i++)
        if (masks->first[i] == atom && !graph->layers[i]->n_calls)
            return find_input(graph, (struct kf_ref){i, 0, 0}, number);
    return false;
}

/* The mask of the only output, where one layer makes it of an input, or it came in. */
static void find_source(const struct kf_masks *masks, struct kf_mask_leaving *leaving)
{
    const json_t *end = masks->graph->outputs;
    const struct kf_mask *mask;
    size_t atom;

    if (json_is_array(end) && json_array_size(end) == 1)
        end = json_array_get(end, 0);
    mask = kf_mask_of(masks, end);
    if (!mask)
        return;
    leaving->none = mask->n == 0;
    if (mask->n != 1)
        return;
    atom = mask->atoms[0];
    leaving->through = is_of_input(masks, atom, &leaving->input);
    if (!masks->atoms[atom].opaque && masks->atoms[atom].source &&
        find_input(masks->graph, masks->atoms[atom].at, &leaving->input))
        leaving->source = masks->atoms[atom].source;
}

int kf_mask_leave(const struct kf_masks *masks, struct kf_mask_leaving *leaving)
{
    struct kf_mask_inputs ends = {.masks = (struct kf_masks *)masks};

    KF_TRY(kf_refs_each(masks->graph->outputs, note_difference, &ends));
    leaving->differs = ends.differs;
    find_source(masks, leaving);
    return 0;
}

/* What comes out of a call of a model, or of the calls that a TimeDistributed makes. */
static int leave(struct kf_masks *masks, const struct kf_mask_leaving *leaving, const json_t *from,
                 struct kf_mask *out)
{
    const struct kf_mask *in = kf_mask_of(masks, from);

    if (leaving->none)
        return 0;
    if (leaving->through && in) {
        *out = *in;
        return 0;
    }
    return leaving->source ? kf_mask_source(masks, out, from, leaving->source)
                           : kf_mask_new(masks, out, NULL);
}

/* The mask of the only input of a model: it takes it as a layer does. */
static int take_only(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call)
{
    const json_t *only = json_array_get(call->args, 0);
    struct kf_mask taken = {0};

    if (json_is_array(only) || json_array_size(call->args) > 1)
        return kf_mask_refuse(masks, layer);
    return kf_mask_take(masks, layer, call, only, &taken);
}

int kf_mask_model(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                  struct kf_mask *out)
{
    struct kf_mask_inputs inputs;
    struct kf_mask_leaving leaving = {0};
    json_t *from = json_array_get(call->args, 0);

    KF_TRY(kf_mask_look(masks, &inputs, call));
    if (!inputs.n_masked && !inputs.differs && !kf_mask_made_by(layer))
        return 0;
    KF_TRY(kf_mask_graph(masks->adapt, layer->inner, inputs.n_masked > 0, &leaving));
    if (json_is_array(from))
        from = json_array_get(from, leaving.input);
    KF_TRY(leave(masks, &leaving, from, out));
    out->differs = leaving.differs;
    return inputs.differs ? take_only(masks, layer, call) : 0;
}

/* A mask of steps in steps becomes one of steps: those in which any is set. */
static int reduce(struct kf_masks *masks, const struct kf_layer *layer, const struct kf_mask *in,
                  struct kf_mask *out)
{
    struct kf_mask *part = kf_arena_alloc(masks->adapt->model->arena, sizeof(*part));
    size_t rank = kf_mask_rank(masks, in);

    if (!part)
        return kf_adapt_no_memory(masks->adapt, layer->path);
    if (!in->n || rank == 2)
        return 0;
    if (rank != 3) {
        KF_TRY(kf_mask_new(masks, out, NULL));
        return kf_mask_refuse(masks, layer);
    }
    *part = *in;
    KF_TRY(kf_mask_of_parts(masks, out, part, 1, true));
    out->differs = true; /* Keras 3 hands on what it was given */
    return 0;
}

/* A model inside: what mask leaves it Keras 3 forgets, and hands on what it was given. */
static int time_model(struct kf_masks *masks, struct kf_layer *layer, const json_t *first,
                      struct kf_mask *out)
{
    struct kf_mask_leaving leaving = {0};
    struct kf_mask in = *out;

    KF_TRY(kf_mask_graph(masks->adapt, layer->parts[0]->inner, in.n > 0, &leaving));
    if (leaving.none)
        return reduce(masks, layer, &in, out);
    KF_TRY(leave(masks, &leaving, first, out));
    out->differs = !leaving.through;
    return 0;
}

int kf_mask_time(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                 const json_t *first, struct kf_mask *out)
{
    struct kf_layer *inside = layer->parts[0];
    enum kf_mask_effect what = kf_mask_effect(inside, masks->adapt->rep);

    if (!inside->inner && what != TIME && kf_mask_made_by(inside)) {
        KF_TRY(kf_mask_source(masks, out, first, inside));
        out->differs = true; /* Keras 3 hands on what it was given, and nothing of its own */
        return 0;
    }
    KF_TRY(kf_mask_take(masks, layer, call, first, out));
    if (inside->inner)
        return time_model(masks, layer, first, out);
    if (what == TIME && (out->n || kf_mask_made_by(inside)))
        return kf_mask_refuse(masks, layer);
    if (what == END || (what == SEQUENCE && !kf_mask_is_sequence(inside)))
        return reduce(masks, layer, &(struct kf_mask){out->atoms, out->n, false}, out);
    return 0;
}
