/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "masks.h"
#include <string.h>

/* Masks as sets of atoms, and what goes into a call. */

struct kf_mask *kf_mask_of(const struct kf_masks *masks, const json_t *value)
{
    struct kf_ref ref;

    return kf_ref_get(value, &ref) && ref.layer < masks->n_layers
               ? &masks->of[masks->first[ref.layer] + ref.call]
               : NULL;
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

int kf_mask_new(struct kf_masks *masks, struct kf_mask *out, const json_t *from)
{
    out->atoms = kf_arena_alloc(masks->adapt->model->arena, sizeof(*out->atoms));
    if (!out->atoms)
        return kf_adapt_no_memory(masks->adapt, masks->graph->path);
    out->atoms[0] = masks->at;
    out->n = 1;
    masks->atoms[masks->at].opaque = !kf_ref_get(from, &masks->atoms[masks->at].at);
    return 0;
}

int kf_mask_source(struct kf_masks *masks, struct kf_mask *out, const json_t *from,
                   const struct kf_layer *source)
{
    masks->atoms[masks->at].source = source;
    return kf_mask_new(masks, out, from);
}

int kf_mask_of_parts(struct kf_masks *masks, struct kf_mask *out, struct kf_mask *parts, size_t n,
                     bool any)
{
    struct kf_atom *atom = &masks->atoms[masks->at];

    KF_TRY(kf_mask_new(masks, out, NULL));
    atom->opaque = false;
    atom->parts = parts;
    atom->n_parts = n;
    atom->any = any;
    return 0;
}

/* The rank of what an input layer gives; 0 for any other layer. */
static size_t input_rank(const struct kf_layer *layer)
{
    const json_t *shape = json_object_get(layer->config, "batch_input_shape");

    if (!json_is_array(shape))
        shape = json_object_get(layer->config, "batch_shape");
    return layer->n_calls ? 0 : json_array_size(shape);
}

size_t kf_mask_rank(const struct kf_masks *masks, const struct kf_mask *mask)
{
    const struct kf_atom *atom = mask->n ? &masks->atoms[mask->atoms[0]] : NULL;
    size_t rank;

    if (!atom || atom->opaque || atom->n_parts)
        return 0;
    rank = input_rank(masks->graph->layers[atom->at.layer]);
    return rank && strcmp(atom->source->class_name, "Masking") == 0 ? rank - 1 : rank;
}

static int note_input(json_t *ref, void *context)
{
    struct kf_mask_inputs *inputs = context;
    const struct kf_mask *mask = kf_mask_of(inputs->masks, ref);

    if (!mask)
        return 0;
    inputs->n++;
    inputs->differs |= mask->differs;
    if (!mask->n)
        return 0;
    inputs->equal &= inputs->n_masked == 0 || same_atoms(inputs->one, mask);
    inputs->one = mask;
    inputs->n_masked++;
    return join(inputs->masks, &inputs->all, mask);
}

int kf_mask_look(struct kf_masks *masks, struct kf_mask_inputs *inputs, const struct kf_call *call)
{
    *inputs = (struct kf_mask_inputs){.masks = masks, .equal = true};
    return kf_refs_each(call->args, note_input, inputs);
}
