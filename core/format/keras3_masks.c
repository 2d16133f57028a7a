/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/json.h"
#include "keras3_rebuild.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Masks in Layer.__call__ of Keras 3, on symbolic tensors. What changed with the releases:
 *
 *   3.4   masks of a list of inputs are seen (before, merging layers lost every mask)
 *   3.5   floats of another dtype go through a Cast (keras3_rebuild.c)
 *   3.10  a mask that was filled in stands in the node only when the arguments were not copied;
 *         before, always, and the node had the cast tensors
 *   3.11  an explicit mask goes on to the layers behind
 *   3.12  Concatenate widens masks by LogicalOr and ZerosLike, before by BroadcastTo
 *
 * Source: keras/src/layers/layer.py, Layer.__call__, CallSpec, _set_mask_metadata (3.0.5-3.15.1)
 */
enum rule { NONE, PASS, FIRST, STEPS, BOTH, MERGE, JOIN, ZERO, VALUE };

static const struct mask_row {
    const char *class_name;
    enum rule rule;
    const char *arguments;
} mask_rows[] = {
#define KF_MASK(class_name, rule, arguments) {class_name, rule, arguments},
#include "keras3_masks.def"
#undef KF_MASK
};

/* The masks of an argument's tensors: KF_NO_NODE where there is none. */
struct masks {
    size_t *of;
    size_t n;
    bool one; /* of a tensor, not of a structure */
};

struct call {
    struct kf_rebuilt *rebuilt;
    const struct kf_layer *layer;
    size_t node;
    struct kf_rebuilt_argument *arguments;
    size_t n, n_given;                       /* with and without the masks that were filled in */
    const struct kf_rebuilt_argument *first; /* first_arg of CallSpec, NULL when there is none */
    bool copied;
};

static int no_memory(const struct call *call)
{
    return kf_report_add(call->rebuilt->rep, KF_NO_MEMORY, call->layer->path, "out of memory");
}

static const struct mask_row *row_of(const struct kf_layer *layer)
{
    static const struct mask_row other = {"", NONE, ""};
    static const struct mask_row model = {"", NONE, "inputs training mask"};

    if (layer->inner)
        return &model;
    for (size_t i = 0; i < sizeof(mask_rows) / sizeof(mask_rows[0]); i++)
        if (!layer->operation && strcmp(mask_rows[i].class_name, layer->class_name) == 0)
            return &mask_rows[i];
    return &other;
}

/* Word number `index` of a list of words, in `word`; false past the end. */
static bool word_at(const char *list, size_t index, char word[32])
{
    for (; index; index--) {
        list = strchr(list, ' ');
        if (!list)
            return false;
        list++;
    }
    snprintf(word, 32, "%.*s", (int)strcspn(list, " "), list);
    return *word != '\0';
}

/* The argument called `name`, given by its place or by its key. */
static struct kf_rebuilt_argument *find(const struct call *call, const char *list, const char *name)
{
    char word[32];

    for (size_t i = 0; i < call->n; i++) {
        const char *key = call->arguments[i].key;

        if (key ? strcmp(key, name) == 0 : word_at(list, i, word) && strcmp(word, name) == 0)
            return &call->arguments[i];
    }
    return NULL;
}

/* All leaves tensors, or nothing from 3.4 on; no empty structure. */
static bool is_tensors(const struct call *call, json_t *value)
{
    bool nothing = call->rebuilt->keras >= KF_KERAS(3, 4, 0);
    struct kf_ref ref;
    const char *key;
    json_t *one;
    size_t i;

    if (kf_ref_get(value, &ref))
        return true;
    if (json_array_size(value) + json_object_size(value) == 0)
        return false;
    json_array_foreach(value, i, one) if (!(nothing && json_is_null(one)) &&
                                          !is_tensors(call, one)) return false;
    json_object_foreach(value, key, one) if (!(nothing && json_is_null(one)) &&
                                             !is_tensors(call, one)) return false;
    return true;
}

static int masks_of(const struct call *call, const struct kf_rebuilt_argument *argument,
                    struct masks *out)
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

/* Put the masks of `of` behind the arguments as the one called `key`. */
static int fill_in(struct call *call, const char *key, const struct kf_rebuilt_argument *of)
{
    struct kf_rebuilt_argument *argument = &call->arguments[call->n];
    struct masks masks;

    KF_TRY(masks_of(call, of, &masks));
    argument->key = kf_arena_strdup(call->rebuilt->scratch, key);
    argument->value = NULL;
    argument->n = masks.n;
    argument->one = masks.one;
    argument->given =
        kf_arena_alloc(call->rebuilt->scratch, (masks.n + 1) * sizeof(*argument->given));
    if (!argument->key || !argument->given)
        return no_memory(call);
    for (size_t i = 0; i < masks.n; i++)
        argument->given[i] = (struct kf_rebuilt_tensor){masks.of[i], 0};
    argument->converted = argument->given;
    call->n++;
    return 0;
}

/* first_arg of CallSpec: what stands at the first name of call(), however it was given. */
static const struct kf_rebuilt_argument *first_argument(const struct call *call, const char *list)
{
    char word[32];

    if (call->n_given && !call->arguments[0].key)
        return &call->arguments[0];
    if (*list && word_at(list, 0, word))
        return find(call, list, word);
    for (size_t i = 0; i < call->n_given; i++)
        if (call->arguments[i].n)
            return &call->arguments[i];
    return NULL;
}

static bool is_missing(const struct call *call, const char *list, const char *name)
{
    const struct kf_rebuilt_argument *argument = find(call, list, name);

    return kf_in_words(list, name) && (!argument || json_is_null(argument->value));
}

/* Give call() the masks that it takes and nobody gave it. */
static int fill_masks(struct call *call, const char *list)
{
    const struct kf_rebuilt_argument *tensors[KF_MASKS_MAX];
    char names[KF_MASKS_MAX][32], name[48];
    size_t n = 0;

    for (size_t i = 0; n < KF_MASKS_MAX && word_at(list, i, names[n]); i++) {
        tensors[n] = find(call, list, names[n]);
        if (tensors[n] && is_tensors(call, tensors[n]->value))
            n++;
    }
    if (n == 1 && is_missing(call, list, "mask"))
        return fill_in(call, "mask", tensors[0]);
    for (size_t i = 0; n > 1 && i < n; i++) {
        snprintf(name, sizeof(name), "%s_mask", names[i]);
        if (is_missing(call, list, name))
            KF_TRY(fill_in(call, name, tensors[i]));
    }
    return 0;
}

/* Positional arguments as they stand, then the others by their sorted keys. */
static int by_key(const void *a, const void *b)
{
    const struct kf_rebuilt_argument *left = a, *right = b;

    if (!left->key || !right->key)
        return (left->key != NULL) - (right->key != NULL);
    return strcmp(left->key, right->key);
}

/* Wire the node: what stands in it depends on the release. */
static int wire(struct call *call)
{
    struct kf_rebuilt *rebuilt = call->rebuilt;
    bool late = rebuilt->keras >= KF_KERAS(3, 10, 0);
    size_t shown = late && call->copied ? call->n_given : call->n, room = 1, n = 0, *inputs;
    size_t positional = 0;

    for (size_t i = 0; i < shown; i++)
        room += call->arguments[i].n;
    inputs = kf_arena_alloc(rebuilt->scratch, room * sizeof(*inputs));
    if (!inputs)
        return no_memory(call);
    while (positional < shown && !call->arguments[positional].key)
        positional++;
    if (shown > positional)
        qsort(call->arguments + positional, shown - positional, sizeof(*call->arguments), by_key);
    for (size_t i = 0; i < shown; i++)
        for (size_t k = 0; k < call->arguments[i].n; k++) {
            const struct kf_rebuilt_argument *argument = &call->arguments[i];
            size_t from = late ? argument->given[k].node : argument->converted[k].node;

            if (from != KF_NO_NODE)
                inputs[n++] = from;
        }
    return kf_rebuilt_inputs(rebuilt, call->node, inputs, n);
}

/* previous_mask of Layer.__call__. */
static int previous_masks(const struct call *call, const char *list, struct masks *out)
{
    const struct kf_rebuilt_argument *mask = NULL;

    *out = (struct masks){.one = true};
    for (size_t i = 0; i < call->n; i++)
        if (call->arguments[i].key && strcmp(call->arguments[i].key, "mask") == 0)
            mask = &call->arguments[i];
    if (call->rebuilt->keras >= KF_KERAS(3, 11, 0) && kf_in_words(list, "mask") && mask &&
        mask->n) {
        out->n = mask->n;
        out->one = mask->one;
        out->of = kf_arena_alloc(call->rebuilt->scratch, out->n * sizeof(size_t));
        if (!out->of)
            return no_memory(call);
        for (size_t i = 0; i < out->n; i++)
            out->of[i] = mask->given[i].node;
        return 0;
    }
    if (call->first && (call->first->one || call->rebuilt->keras >= KF_KERAS(3, 4, 0)))
        return masks_of(call, call->first, out);
    return 0;
}

/* An operation that Keras adds; its only output. */
static int add(const struct call *call, size_t *out, const size_t *inputs, size_t n)
{
    *out = kf_rebuilt_add(call->rebuilt, inputs, n, KF_DTYPE_BOOL);
    return *out == KF_NO_NODE ? -KF_NO_MEMORY : 0;
}

/* Source: keras/src/layers/merging/base_merge.py, Merge.compute_mask (3.4.0) */
static int merge(const struct call *call, const struct masks *masks)
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
static int widen(const struct call *call, size_t *out, size_t mask, size_t input)
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
static int join(const struct call *call, const struct masks *masks)
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
static int make(const struct call *call, bool over_features)
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
static int steps(const struct call *call, const struct masks *masks, const json_t *config,
                 size_t n_sequences)
{
    size_t both[2];

    if (!masks->n || masks->of[0] == KF_NO_NODE || !kf_json_bool(config, "return_sequences", false))
        return 0;
    both[0] = both[1] = masks->of[0];
    return kf_rebuilt_set_masks(call->rebuilt, call->node, both, n_sequences);
}

static int both_ways(const struct call *call, const struct masks *masks)
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
static int check_attention(const struct call *call)
{
    struct masks masks = {0};
    size_t n = 0;
    int keras = call->rebuilt->keras;

    if (!call->first || call->first->one || keras >= KF_KERAS(3, 7, 0))
        return 0;
    KF_TRY(masks_of(call, call->first, &masks));
    for (size_t i = 0; i < masks.n; i++)
        n += masks.of[i] != KF_NO_NODE;
    if (n == 0 || (keras < KF_KERAS(3, 4, 0) ? n == masks.n : masks.of[0] == KF_NO_NODE))
        return 0;
    return kf_report_add(call->rebuilt->rep, KF_MASK_NO_EQUAL, call->layer->path,
                         "Keras before 3.7 cannot call the layer with these masked inputs");
}

/* Source: keras/src/layers/attention/attention.py, Attention.compute_mask */
static int first(const struct call *call, const struct masks *masks)
{
    size_t mask;

    KF_TRY(check_attention(call));
    if (masks->one || !masks->n || masks->of[0] == KF_NO_NODE)
        return 0;
    KF_TRY(add(call, &mask, masks->of, 1)); /* ConvertToTensor */
    return kf_rebuilt_set_masks(call->rebuilt, call->node, &mask, 1);
}

static int make_masks(const struct call *call, const struct mask_row *row)
{
    const json_t *config = call->layer->config;
    struct masks masks;

    KF_TRY(previous_masks(call, row->arguments, &masks));
    switch (row->rule) {
    case PASS:
        return kf_rebuilt_set_masks(call->rebuilt, call->node, masks.of, masks.n);
    case FIRST:
        return first(call, &masks);
    case STEPS:
        return steps(call, &masks, config, 1);
    case BOTH:
        return both_ways(call, &masks);
    case MERGE:
        return merge(call, &masks);
    case JOIN:
        return join(call, &masks);
    case ZERO:
        return kf_json_bool(config, "mask_zero", false) ? make(call, false) : 0;
    case VALUE:
        return make(call, true);
    default:
        return 0;
    }
}

int kf_rebuilt_call(struct kf_rebuilt *rebuilt, const struct kf_layer *layer, size_t node,
                    struct kf_rebuilt_argument *arguments, size_t n, bool copied)
{
    struct call call = {.rebuilt = rebuilt,
                        .layer = layer,
                        .node = node,
                        .arguments = arguments,
                        .n = n,
                        .n_given = n,
                        .copied = copied};
    const struct mask_row *row = row_of(layer);

    call.first = first_argument(&call, row->arguments);
    if (*row->arguments)
        KF_TRY(fill_masks(&call, row->arguments));
    KF_TRY(make_masks(&call, row));
    return wire(&call);
}
