/* SPDX-License-Identifier: Apache-2.0 */
#include "../format/keras3/keras3_masks.h"
#include "../io/text/json.h"
#include "layer.h"
#include <stdint.h>
#include <string.h>

/*
 * Masks travel with the tensors, as they do when Keras 3 runs a model: a mask is a tensor of truths
 * (batch, steps) beside the value. What a class does with them is the row of keras3_masks.def.
 */

/* One word's place in a list of words, SIZE_MAX when it is not there. */
static size_t place_of(const char *words, const char *word)
{
    size_t n = strlen(word), place = 0;

    for (; *words; place++) {
        size_t length = strcspn(words, " ");

        if (length == n && strncmp(words, word, n) == 0)
            return place;
        words += length + (words[length] == ' ');
    }
    return SIZE_MAX;
}

static void set_mask(struct kf_onnx_call *call, size_t index, struct kf_onnx_tensor *mask)
{
    struct kf_onnx_value *old = index < call->n_out ? call->out[index] : NULL, *value;

    if (!old || old->mask == mask)
        return;
    value = kf_onnx_value_new(call->onnx, old->plain, old->moved); /* it may be an input, too */
    if (!value)
        return;
    value->mask = mask;
    call->out[index] = value;
}

/* Nothing is masked: truths for all steps of a value. */
static struct kf_onnx_tensor *all_steps(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    struct kf_onnx_tensor *sizes[2] = {kf_onnx_size(onnx, x, 0), kf_onnx_size(onnx, x, 1)};

    return kf_onnx_expand(onnx, kf_onnx_scalar(onnx, KF_DTYPE_BOOL, 1),
                          kf_onnx_concat(onnx, sizes, 2, 0), x->dims, 2);
}

/* A mask as soon as all have one: where any of them has a step. */
static struct kf_onnx_tensor *merge(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *mask = call->in[0]->mask;

    for (size_t i = 0; i < call->n_in; i++)
        if (!call->in[i]->mask)
            return NULL;
    for (size_t i = 1; i < call->n_in; i++)
        mask = kf_onnx_compare(call->onnx, "Or", mask, call->in[i]->mask);
    return mask;
}

/* Joined along the features a step is there when any has it; along the steps they are joined. */
static struct kf_onnx_tensor *join(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor **masks = kf_onnx_alloc(call->onnx, (call->n_in + 1) * sizeof(*masks));
    struct kf_onnx_tensor *first = kf_onnx_plain(call->onnx, call->in[0]);
    int64_t axis = kf_json_int(call->layer->config, "axis", -1);
    bool any = false;

    if (!masks || !first)
        return NULL;
    for (size_t i = 0; i < call->n_in; i++)
        any = any || call->in[i]->mask;
    if (!any || first->rank < 3)
        return NULL;
    axis = axis < 0 ? axis + first->rank : axis;
    if (axis != 1)
        return axis == first->rank - 1 ? merge(call) : NULL;
    for (size_t i = 0; i < call->n_in; i++)
        masks[i] = call->in[i]->mask
                       ? call->in[i]->mask
                       : all_steps(call->onnx, kf_onnx_plain(call->onnx, call->in[i]));
    return kf_onnx_concat(call->onnx, masks, call->n_in, 1);
}

/* What a Masking or an Embedding finds in its input. */
static struct kf_onnx_tensor *found(struct kf_onnx_call *call, double value, bool over_features)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_input(call), *mask;
    int64_t last[1] = {x ? (int64_t)x->rank - 1 : 0};

    if (!x)
        return NULL;
    mask = kf_onnx_compare(onnx, "Equal", x, kf_onnx_scalar(onnx, x->dtype, value));
    mask = kf_onnx_test(onnx, "Not", mask);
    if (!over_features)
        return mask;
    mask = kf_onnx_reduce(onnx, "ReduceMax", kf_onnx_cast(onnx, mask, KF_DTYPE_FLOAT32), last, 1,
                          false);
    return kf_onnx_cast(onnx, mask, KF_DTYPE_BOOL);
}

/* A recurrent layer hands the mask on with a sequence. */
static void steps(struct kf_onnx_call *call, struct kf_onnx_tensor *mask)
{
    const json_t *config = call->layer->config, *inner = json_object_get(config, "layer");
    bool both = inner && json_is_null(json_object_get(config, "merge_mode"));

    if (inner)
        config = json_object_get(inner, "config");
    if (!kf_json_bool(config, "return_sequences", false))
        return;
    set_mask(call, 0, mask);
    if (both)
        set_mask(call, 1, mask);
}

void kf_onnx_pass_masks(struct kf_onnx_call *call)
{
    const struct kf_mask_row *row = kf_mask_row(call->layer);
    struct kf_onnx_tensor *mask = kf_onnx_mask(call, place_of(row->arguments, "mask"));

    switch (row->rule) {
    case KF_MASK_PASS:
    case KF_MASK_FIRST:
        set_mask(call, 0, mask);
        break;
    case KF_MASK_STEPS:
    case KF_MASK_BOTH:
        steps(call, mask);
        break;
    case KF_MASK_MERGE:
        set_mask(call, 0, merge(call));
        break;
    case KF_MASK_JOIN:
        set_mask(call, 0, join(call));
        break;
    case KF_MASK_ZERO:
        if (kf_onnx_flag(call, "mask_zero", false))
            set_mask(call, 0, found(call, 0, false));
        break;
    case KF_MASK_VALUE:
        set_mask(call, 0, found(call, kf_onnx_real(call, "mask_value", 0), true));
        break;
    default:
        for (size_t i = 0; i < call->n_out; i++)
            set_mask(call, i, NULL);
    }
}

/* A model passes over a mask that is null, and each input keeps its own. */
static bool has_mask(json_t *given)
{
    const char *key;
    json_t *one;
    size_t i;

    if (!json_is_array(given) && !json_is_object(given))
        return given && !json_is_null(given);
    json_array_foreach(given, i, one) if (has_mask(one)) return true;
    json_object_foreach(given, key, one) if (has_mask(one)) return true;
    return false;
}

void kf_onnx_feed_mask(struct kf_onnx_call *call)
{
    struct kf_onnx_value *old = call->n_in ? call->in[0] : NULL, **in;

    if (!old || !has_mask(kf_onnx_argument(call, 2, "mask")))
        return;
    if (call->n_in > 1) {
        kf_onnx_refuse(call, "a model of several inputs is called with masks");
        return;
    }
    in = kf_onnx_alloc(call->onnx, sizeof(*in));
    if (!in) {
        kf_onnx_no_memory(call->onnx);
        return;
    }
    in[0] = kf_onnx_value_new(call->onnx, old->plain, old->moved);
    if (in[0])
        in[0]->mask = kf_onnx_mask(call, 2);
    call->in = in;
}
