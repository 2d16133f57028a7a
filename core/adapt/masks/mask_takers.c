/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "masks.h"

/* Layers that take masks. */

/* Keras 3 hands the input's mask to a layer only when the call has no other tensors: an RNN that
 * is given its initial state loses it.
 * Source: keras/src/layers/layer.py Layer.__call__ (3.15.1), "Populate mask argument(s)" */
static bool loses_mask(const struct kf_call *call)
{
    const json_t *state = json_object_get(call->kwargs, "initial_state");

    return (state && !json_is_null(state)) || json_array_size(json_array_get(call->args, 0)) > 1;
}

int kf_mask_take(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                 const json_t *first, struct kf_mask *out)
{
    const json_t *given = json_object_get(call->kwargs, "mask");
    json_t *list = json_array_get(call->args, 0);

    if (given && !json_is_null(given))
        return kf_mask_new(masks, out, NULL);
    if (!first)
        return 0;
    *out = *kf_mask_of(masks, first);
    if (out->n && (out->differs || loses_mask(call)))
        return kf_mask_write(masks, layer, call, "mask", out);
    if (!out->differs)
        return 0;
    out->differs = false;
    return kf_mask_cut(masks, layer, json_is_array(list) ? list : call->args, 0, NULL);
}

/* Whose mask is one too many loses it. True in `write` where one must be written out. */
static int settle(struct kf_masks *masks, const struct kf_layer *layer, json_t *holder,
                  size_t index, const char *key, bool *write)
{
    const struct kf_mask *mask =
        kf_mask_of(masks, key ? json_object_get(holder, key) : json_array_get(holder, index));

    *write |= mask && mask->n && mask->differs;
    return mask && !mask->n && mask->differs ? kf_mask_cut(masks, layer, holder, index, key) : 0;
}

/* The masks of a list of inputs, null for one without. */
static int write_list(struct kf_masks *masks, const struct kf_layer *layer, struct kf_call *call,
                      const json_t *list)
{
    json_auto_t *written = json_array();

    if (!written)
        return kf_adapt_no_memory(masks->adapt, layer->path);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct kf_mask *mask = kf_mask_of(masks, json_array_get(list, i));
        json_t *node = json_null();

        if (mask && mask->n && !kf_mask_known(masks, mask))
            return kf_mask_refuse(masks, layer);
        if (mask && mask->n)
            KF_TRY(kf_mask_node(masks, mask, &node));
        KF_TRY(kf_json_append(written, node, masks->adapt->rep));
    }
    KF_TRY(kf_json_set(call->kwargs, "mask", json_incref(written), masks->adapt->rep));
    return kf_report_add(masks->adapt->rep, KF_MASK_WRITTEN, layer->path,
                         "the masks are written out: Keras 3 would compute others");
}

int kf_mask_take_list(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                      struct kf_mask *out)
{
    json_t *list = json_array_get(call->args, 0), *given = json_object_get(call->kwargs, "mask");
    const struct kf_mask *query = kf_mask_of(masks, json_array_get(list, 0));
    bool write = false;

    if (query)
        *out = (struct kf_mask){.atoms = query->atoms, .n = query->n};
    if (given && !json_is_null(given))
        return 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        KF_TRY(settle(masks, layer, list, i, NULL, &write));
    return write ? write_list(masks, layer, call, list) : 0;
}

/* One input that has a mask of its own; a mask that was cut off is none. */
static int take_name(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                     size_t index)
{
    static const struct {
        const char *input, *mask;
    } names[] = {{"query", "query_mask"}, {"value", "value_mask"}, {"key", "key_mask"}};
    bool named = index >= json_array_size(call->args), write = false;
    json_t *holder = named ? call->kwargs : call->args;
    const char *key = named ? names[index].input : NULL;
    struct kf_mask mask;

    KF_TRY(settle(masks, layer, holder, index, key, &write));
    if (!write)
        return 0;
    mask = *kf_mask_of(masks, key ? json_object_get(holder, key) : json_array_get(holder, index));
    return kf_mask_write(masks, layer, call, names[index].mask, &mask);
}

int kf_mask_take_names(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                       struct kf_mask *out)
{
    const struct kf_mask *query = kf_mask_of(masks, json_array_get(call->args, 0));

    if (query) {
        *out = *query; /* what it hands on is what the query carries, whatever was written out */
        out->differs &= out->n > 0;
    }
    for (size_t i = 0; i < 3; i++)
        KF_TRY(take_name(masks, layer, call, i));
    return 0;
}
