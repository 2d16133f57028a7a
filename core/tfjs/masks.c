/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "check.h"
#include "rows.h"

/*
 * Masks in TensorFlow.js, which go through fewer layers than in Keras. Where one has been, all that
 * follows counts as masked: what it ends at there is another layer, now and then.
 */

static bool makes_mask(const struct kf_layer *layer)
{
    return kf_tfjs_mark(layer->class_name) == KF_TFJS_MASK ||
           kf_json_bool(layer->config, "mask_zero", false);
}

static int find_masked(json_t *ref, void *context)
{
    const struct kf_tfjs_look *look = context;
    struct kf_ref at;

    return kf_ref_get(ref, &at) && look->masked[at.layer] ? -1 : 0;
}

bool kf_tfjs_gets_mask(struct kf_tfjs_look *look, size_t index)
{
    const struct kf_layer *layer = look->graph->layers[index];
    bool found = false;

    if (look->graph->topology != KF_FUNCTIONAL)
        return index && look->masked[index - 1];
    for (size_t i = 0; i < layer->n_calls && !found; i++)
        found = kf_refs_each(layer->calls[i].args, find_masked, look) < 0 ||
                kf_refs_each(layer->calls[i].kwargs, find_masked, look) < 0;
    return found;
}

/* Each step of a sequence has no mask of its own, so an RNN would take that of the sequence. */
static bool takes_mask(struct kf_tfjs_look *look, const struct kf_layer *layer,
                       const struct kf_layer *part)
{
    if (!kf_tfjs_takes_masks(layer->class_name, look->rep))
        return false;
    return !part || kf_tfjs_mark(layer->class_name) != KF_TFJS_EACH_STEP ||
           (kf_tfjs_takes_masks(part->class_name, look->rep) &&
            kf_tfjs_mark(part->class_name) != KF_TFJS_TURNED);
}

void kf_tfjs_check_mask(struct kf_tfjs_look *look, size_t index)
{
    const struct kf_layer *layer = look->graph->layers[index];
    const struct kf_layer *part = layer->n_parts ? layer->parts[0] : NULL;
    bool taken = kf_tfjs_gets_mask(look, index), inside = part && makes_mask(part);

    look->masked[index] = taken || inside || makes_mask(layer);
    look->masks = look->masks || look->masked[index];
    if (inside || (taken && !takes_mask(look, layer, part)))
        kf_tfjs_refuse(look, layer, "TensorFlow.js does other things with a mask than Keras");
    if (taken && kf_json_bool((part ? part : layer)->config, "zero_output_for_mask", false))
        kf_tfjs_refuse(look, layer, "TensorFlow.js knows no zero_output_for_mask");
}
