/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "keras3_masks.h"
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
static int no_memory(const struct kf_rebuilt_call *call)
{
    return kf_report_add(call->rebuilt->rep, KF_NO_MEMORY, call->layer->path, "out of memory");
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
static struct kf_rebuilt_argument *find(const struct kf_rebuilt_call *call, const char *list,
                                        const char *name)
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
static bool is_tensors(const struct kf_rebuilt_call *call, json_t *value)
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

/* Put the masks of `of` behind the arguments as the one called `key`. */
static int fill_in(struct kf_rebuilt_call *call, const char *key,
                   const struct kf_rebuilt_argument *of)
{
    struct kf_rebuilt_argument *argument = &call->arguments[call->n];
    struct kf_masks masks;

    KF_TRY(kf_masks_of(call, of, &masks));
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
static const struct kf_rebuilt_argument *first_argument(const struct kf_rebuilt_call *call,
                                                        const char *list)
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

static bool is_missing(const struct kf_rebuilt_call *call, const char *list, const char *name)
{
    const struct kf_rebuilt_argument *argument = find(call, list, name);

    return kf_in_words(list, name) && (!argument || json_is_null(argument->value));
}

/* Give call() the masks that it takes and nobody gave it. */
static int fill_masks(struct kf_rebuilt_call *call, const char *list)
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
        snprintf(name, sizeof(name), "%.31s_mask", names[i]);
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
static int wire(struct kf_rebuilt_call *call)
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
static int previous_masks(const struct kf_rebuilt_call *call, const char *list,
                          struct kf_masks *out)
{
    const struct kf_rebuilt_argument *mask = NULL;

    *out = (struct kf_masks){.one = true};
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
        return kf_masks_of(call, call->first, out);
    return 0;
}

int kf_rebuilt_call(struct kf_rebuilt *rebuilt, const struct kf_layer *layer, size_t node,
                    struct kf_rebuilt_argument *arguments, size_t n, bool copied)
{
    struct kf_rebuilt_call call = {.rebuilt = rebuilt,
                                   .layer = layer,
                                   .node = node,
                                   .arguments = arguments,
                                   .n = n,
                                   .n_given = n,
                                   .copied = copied};
    const struct kf_mask_row *row = kf_mask_row(layer);
    struct kf_masks masks;

    call.first = first_argument(&call, row->arguments);
    if (*row->arguments)
        KF_TRY(fill_masks(&call, row->arguments));
    KF_TRY(previous_masks(&call, row->arguments, &masks));
    KF_TRY(kf_masks_make(&call, row, &masks));
    return wire(&call);
}
