/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "masks.h"
#include <string.h>

/* Layers that join the masks of their inputs. */

/* Source: layers/merging/base_merge.py compute_mask, as it was before this release: a merge lost
 * every mask. */
#define MERGES_MASK_SINCE 304

/* Whether Keras 3 gives a merge of these inputs another mask than their AND. */
static bool joins_otherwise(const struct kf_masks *masks, const struct kf_mask_inputs *inputs)
{
    return inputs->differs ||
           (inputs->n_masked && (!inputs->equal || inputs->n_masked < inputs->n ||
                                 masks->adapt->since < MERGES_MASK_SINCE));
}

int kf_mask_merge(struct kf_masks *masks, struct kf_mask *out, const struct kf_mask_inputs *inputs)
{
    *out = inputs->all;
    out->differs = joins_otherwise(masks, inputs);
    return 0;
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
        parts[i] = *kf_mask_of(masks, json_array_get(list, i));
    KF_TRY(kf_mask_of_parts(masks, out, parts, n, false));
    out->differs = true; /* so that it is written out: not every Keras 3 joins them */
    return 0;
}

/* Along the last axis Keras 2 joins the masks by AND; along another they are joined end to end. */
int kf_mask_concatenate(struct kf_masks *masks, const struct kf_layer *layer,
                        const struct kf_call *call, struct kf_mask *out,
                        const struct kf_mask_inputs *inputs)
{
    json_int_t axis = kf_json_int(layer->config, "axis", -1);
    const json_t *list = json_array_get(call->args, 0);

    if (inputs->n_masked && axis == 1 && inputs->n_masked == json_array_size(list) &&
        all_refs(list))
        return join_ends(masks, out, list);
    if (inputs->n_masked && (axis == 1 || axis == -2)) {
        KF_TRY(kf_mask_new(masks, out, NULL));
        out->differs = inputs->differs;
        return free_concatenate(masks);
    }
    return kf_mask_merge(masks, out, inputs);
}
