/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../masks/mask_effects.h"
#include "down_masks.h"

/* What becomes of the masks that calls of layers are given and that their inputs carry. */

struct kf_carried *kf_down_mask_carried(struct kf_down_masks *masks, const json_t *value)
{
    struct kf_ref ref;

    return kf_ref_get(value, &ref) ? &masks->of[masks->first[ref.layer] + ref.call] : NULL;
}

int kf_down_mask_refuse(struct kf_down_masks *masks, const struct kf_layer *layer)
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
        return kf_down_mask_refuse(masks, layer);
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

int kf_down_mask_take(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                      struct kf_carried *out)
{
    json_t *given = json_object_get(call->kwargs, "mask"), *first = json_array_get(call->args, 0);
    const struct kf_carried *in = kf_down_mask_carried(masks, first);
    const struct kf_mask_expr *in3 = in && !loses_mask(call) ? in->keras3 : NULL;

    if (given)
        KF_TRY(kf_mask_expr_read(masks, given, &in3));
    KF_TRY(settle(masks, layer, call, "mask", in3, in ? in->keras2 : NULL));
    *out = (struct kf_carried){in3, in3};
    return 0;
}

/* Attention with heads: each input has its mask. */
#define N_NAMED 3
static const char *const mask_keys[N_NAMED] = {"query_mask", "value_mask", "key_mask"};
static const char *const input_keys[N_NAMED] = {NULL, "value", "key"};

/* What an input carries, and the mask that Keras 3 takes for it. */
static int read_named(struct kf_down_masks *masks, const struct kf_call *call, size_t i,
                      struct kf_carried *out)
{
    const json_t *input = input_keys[i] ? json_object_get(call->kwargs, input_keys[i])
                                        : json_array_get(call->args, 0);
    const struct kf_carried *in = input ? kf_down_mask_carried(masks, input) : NULL;
    const json_t *given = json_object_get(call->kwargs, mask_keys[i]);

    *out = in ? *in : (struct kf_carried){0};
    return given ? kf_mask_expr_read(masks, given, &out->keras3) : 0;
}

/* Keras 2 sees only those that the inputs carry. */
int kf_down_mask_named(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                       struct kf_carried *out)
{
    for (size_t i = 0; i < N_NAMED; i++) {
        struct kf_carried in;

        KF_TRY(read_named(masks, call, i, &in));
        if (in.keras3 != in.keras2)
            return kf_down_mask_refuse(masks, layer);
        json_object_del(call->kwargs, mask_keys[i]);
        if (i == 0)
            *out = in;
    }
    return 0;
}

int kf_down_mask_written(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                         struct kf_carried *out)
{
    for (size_t i = 0; i < N_NAMED; i++) {
        struct kf_carried in;
        struct kf_ref node;

        KF_TRY(read_named(masks, call, i, &in));
        if (i == 0)
            out->keras3 = in.keras3;
        if (!in.keras3 || json_object_get(call->kwargs, mask_keys[i]))
            continue;
        if (!kf_mask_expr_node(masks, in.keras3, &node))
            return kf_down_mask_refuse(masks, layer);
        KF_TRY(kf_json_set(call->kwargs, mask_keys[i],
                           kf_ref_new(node.layer, node.call, node.output), masks->adapt->rep));
    }
    return 0;
}

/* Attention: a list of masks, one an input. */
int kf_down_mask_list(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                      struct kf_carried *out)
{
    json_t *given = json_object_get(call->kwargs, "mask"), *list = json_array_get(call->args, 0),
           *one;
    bool same = true;
    size_t i;

    json_array_foreach(list, i, one)
    {
        const struct kf_carried *in = kf_down_mask_carried(masks, one);
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
    return same || given ? 0 : kf_down_mask_refuse(masks, layer);
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
    const struct kf_carried *in = kf_down_mask_carried(merging->masks, ref);

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

int kf_down_mask_merge(struct kf_down_masks *masks, struct kf_layer *layer,
                       const struct kf_call *call, struct kf_carried *out)
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
