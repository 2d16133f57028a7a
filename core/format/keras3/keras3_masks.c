/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_masks.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include <string.h>

static const struct kf_mask_row mask_rows[] = {
#define KF_MASK(class_name, rule, arguments) {class_name, KF_MASK_##rule, arguments},
#include "keras3_masks.def"
#undef KF_MASK
};

static int no_memory(const struct kf_rebuilt_call *call)
{
    return kf_report_add(call->rebuilt->rep, KF_NO_MEMORY, call->layer->path, "out of memory");
}

const struct kf_mask_row *kf_mask_row(const struct kf_layer *layer)
{
    static const struct kf_mask_row other = {"", KF_MASK_NONE, ""};
    static const struct kf_mask_row model = {"", KF_MASK_NONE, "inputs training mask"};

    if (layer->inner)
        return &model;
    for (size_t i = 0; i < sizeof(mask_rows) / sizeof(mask_rows[0]); i++)
        if (!layer->operation && strcmp(mask_rows[i].class_name, layer->class_name) == 0)
            return &mask_rows[i];
    return &other;
}

int kf_masks_of(const struct kf_rebuilt_call *call, const struct kf_rebuilt_argument *argument,
                struct kf_masks *out)
{
    struct kf_rebuilt *rebuilt = call->rebuilt;

    out->n = argument->n;
    out->one = argument->one;
    out->of = kf_arena_alloc(rebuilt->scratch, (out->n + 1) * sizeof(size_t));
    if (!out->of)
        return no_memory(call);
    for (size_t i = 0; i < out->n; i++)
        out->of[i] = kf_rebuilt_mask(rebuilt, argument->converted[i]);
    return 0;
}

/* An operation that Keras adds; its only output. */
static int add(const struct kf_rebuilt_call *call, size_t *out, const size_t *inputs, size_t n)
{
    *out = kf_rebuilt_add(call->rebuilt, inputs, n, KF_DTYPE_BOOL);
    return *out == KF_NO_NODE ? -KF_NO_MEMORY : 0;
}

/* Source: keras/src/layers/merging/base_merge.py, Merge.compute_mask (3.4.0) */
static int merge(const struct kf_rebuilt_call *call, const struct kf_masks *masks)
{
    size_t pair[2];

    for (size_t i = 0; i < masks->n; i++)
        if (masks->one || masks->of[i] == KF_NO_NODE)
            return 0;
    if (!masks->n)
        return 0;
    pair[0] = masks->of[0];
    for (size_t i = 1; i < masks->n; i++) {
        pair[1] = masks->of[i];
        KF_TRY(add(call, &pair[0], pair, 2));
    }
    return kf_rebuilt_set_masks(call->rebuilt, call->node, pair, 1);
}

/* The mask of one input of a Concatenate, as wide as the input. */
static int widen(const struct kf_rebuilt_call *call, size_t *out, size_t mask, size_t input)
{
    size_t pair[2];

    if (mask == KF_NO_NODE)
        return add(call, out, &input, 1);  /* OnesLike */
    KF_TRY(add(call, &pair[0], &mask, 1)); /* ExpandDims */
    if (call->rebuilt->keras < KF_KERAS(3, 12, 0))
        return add(call, out, pair, 1);     /* BroadcastTo */
    KF_TRY(add(call, &pair[1], &input, 1)); /* ZerosLike */
    return add(call, out, pair, 2);         /* LogicalOr */
}

/* Source: keras/src/layers/merging/concatenate.py, Concatenate.compute_mask (3.4.0, 3.12.0) */
static int join(const struct kf_rebuilt_call *call, const struct kf_masks *masks)
{
    size_t joined = KF_NO_NODE, *wide;
    bool any = false;

    for (size_t i = 0; i < masks->n; i++)
        any = any || masks->of[i] != KF_NO_NODE;
    if (!any || masks->one)
        return 0;
    wide = kf_arena_alloc(call->rebuilt->scratch, masks->n * sizeof(*wide));
    if (!wide)
        return no_memory(call);
    for (size_t i = 0; i < masks->n; i++)
        KF_TRY(widen(call, &wide[i], masks->of[i], call->first->converted[i].node));
    KF_TRY(add(call, &joined, wide, masks->n)); /* Concatenate */
    KF_TRY(add(call, &joined, &joined, 1));     /* Any */
    return kf_rebuilt_set_masks(call->rebuilt, call->node, &joined, 1);
}

/* The mask that a layer makes from its input: NotEqual, and Any over the features. */
static int make(const struct kf_rebuilt_call *call, bool over_features)
{
    size_t mask;

    if (!call->first || !call->first->n)
        return 0;
    KF_TRY(add(call, &mask, &call->first->converted[0].node, 1));
    if (over_features)
        KF_TRY(add(call, &mask, &mask, 1));
    return kf_rebuilt_set_masks(call->rebuilt, call->node, &mask, 1);
}

/* A recurrent layer: its sequence has the mask of its input, its states have none. */
static int steps(const struct kf_rebuilt_call *call, const struct kf_masks *masks,
                 const json_t *config, size_t n_sequences)
{
    size_t both[2];

    if (!masks->n || masks->of[0] == KF_NO_NODE || !kf_json_bool(config, "return_sequences", false))
        return 0;
    both[0] = both[1] = masks->of[0];
    return kf_rebuilt_set_masks(call->rebuilt, call->node, both, n_sequences);
}

static int both_ways(const struct kf_rebuilt_call *call, const struct kf_masks *masks)
{
    const struct kf_layer *layer = call->layer;
    const json_t *inner = json_object_get(json_object_get(layer->config, "layer"), "config");
    const json_t *mode = json_object_get(layer->config, "merge_mode");

    return steps(call, masks, inner, json_is_null(mode) ? 2 : 1);
}

/*
 * Before 3.4 no list may hold tensors beside nothing; from then until 3.7 the layer cannot hand
 * a mask on when it is symbolic.
 */
static int check_attention(const struct kf_rebuilt_call *call)
{
    struct kf_masks masks = {0};
    size_t n = 0;
    int keras = call->rebuilt->keras;

    if (!call->first || call->first->one || keras >= KF_KERAS(3, 7, 0))
        return 0;
    KF_TRY(kf_masks_of(call, call->first, &masks));
    for (size_t i = 0; i < masks.n; i++)
        n += masks.of[i] != KF_NO_NODE;
    if (n == 0 || (keras < KF_KERAS(3, 4, 0) ? n == masks.n : masks.of[0] == KF_NO_NODE))
        return 0;
    return kf_report_add(call->rebuilt->rep, KF_MASK_NO_EQUAL, call->layer->path,
                         "Keras before 3.7 cannot call the layer with these masked inputs");
}

/* Source: keras/src/layers/attention/attention.py, Attention.compute_mask */
static int first(const struct kf_rebuilt_call *call, const struct kf_masks *masks)
{
    size_t mask;

    KF_TRY(check_attention(call));
    if (masks->one || !masks->n || masks->of[0] == KF_NO_NODE)
        return 0;
    KF_TRY(add(call, &mask, masks->of, 1)); /* ConvertToTensor */
    return kf_rebuilt_set_masks(call->rebuilt, call->node, &mask, 1);
}

int kf_masks_make(const struct kf_rebuilt_call *call, const struct kf_mask_row *row,
                  const struct kf_masks *previous)
{
    const json_t *config = call->layer->config;

    switch (row->rule) {
    case KF_MASK_PASS:
        return kf_rebuilt_set_masks(call->rebuilt, call->node, previous->of, previous->n);
    case KF_MASK_FIRST:
        return first(call, previous);
    case KF_MASK_STEPS:
        return steps(call, previous, config, 1);
    case KF_MASK_BOTH:
        return both_ways(call, previous);
    case KF_MASK_MERGE:
        return merge(call, previous);
    case KF_MASK_JOIN:
        return join(call, previous);
    case KF_MASK_ZERO:
        return kf_json_bool(config, "mask_zero", false) ? make(call, false) : 0;
    case KF_MASK_VALUE:
        return make(call, true);
    default:
        return 0;
    }
}
