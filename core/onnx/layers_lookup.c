/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../format/vocabulary.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "lookup.h"
#include "operation.h"
#include "words.h"
#include <string.h>

/* Layers that make places in a list of numbers, and what is counted of these. */

/* Entries of a vocabulary and bounds of a Discretization: each number is compared with all. */
#define ENTRIES_MAX 1000000

/* The dtype of what is counted. */
static enum kf_dtype counted(const struct kf_onnx_call *call)
{
    return call->dtype && kf_number_is_float(call->dtype) ? call->dtype : KF_DTYPE_FLOAT32;
}

struct kf_onnx_tensor *kf_onnx_encoded(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                       const char *mode, int64_t n, struct kf_onnx_tensor *weights)
{
    static const int64_t last = -1, second = 1;
    struct kf_onnx *onnx = call->onnx;
    bool one = kf_streq(mode, "one_hot"), all = kf_streq(mode, "multi_hot");

    if (!x || kf_streq(mode, "int"))
        return x;
    if (n < 1 || (!one && x->rank < 2)) {
        kf_onnx_refuse(call, "it has no list to count");
        return NULL;
    }
    if (one && x->rank > 1 && x->dims[x->rank - 1] == 1)
        x = kf_onnx_squeeze(onnx, x, &last, 1);
    x = kf_onnx_cast(onnx, kf_onnx_hot(onnx, x, n), counted(call));
    if (one)
        return x;
    if (weights)
        x = kf_onnx_binary(
            onnx, "Mul", x,
            kf_onnx_cast(onnx, kf_onnx_unsqueeze(onnx, weights, &last, 1), counted(call)));
    return kf_onnx_reduce(onnx, all ? "ReduceMax" : "ReduceSum", x, &second, 1, false);
}

/* Source: keras/src/layers/preprocessing/category_encoding.py, call (3.15.1) */
void kf_onnx_form_category_encoding(struct kf_onnx_call *call)
{
    struct kf_onnx_value *given = kf_onnx_argument_value(call, 1, "count_weights");
    const char *mode = kf_onnx_text(call, "output_mode", "multi_hot");

    if (kf_onnx_argument(call, 1, "count_weights") && !given)
        return;
    if (given && !kf_streq(mode, "count")) {
        kf_onnx_refuse(call, "it has weights for what it does not count");
        return;
    }
    kf_onnx_give(call, kf_onnx_encoded(call, kf_onnx_input(call), mode,
                                       kf_onnx_number(call, "num_tokens", 0),
                                       kf_onnx_plain(call->onnx, given)));
}

/* A list of the config as a constant along the last axis; NULL (reported) when it is none. */
static struct kf_onnx_tensor *list_of(struct kf_onnx_call *call, const json_t *list,
                                      enum kf_dtype dtype)
{
    if (json_is_array(list) && json_array_size(list) <= ENTRIES_MAX)
        return kf_onnx_operand(call, list, dtype);
    kf_onnx_refuse(call, "it has no list of up to %d numbers", ENTRIES_MAX);
    return NULL;
}

/*
 * How many bounds are no larger; of what is no number, all.
 *
 * Source: keras/src/backend/tensorflow/numpy.py, digitize (3.15.1)
 */
void kf_onnx_form_discretization(struct kf_onnx_call *call)
{
    static const int64_t last = -1;
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_input(call), KF_DTYPE_FLOAT32), *bounds;
    const json_t *list = json_object_get(call->layer->config, "bin_boundaries");

    if (!(bounds = list_of(call, list, KF_DTYPE_FLOAT32)))
        return;
    x = kf_onnx_compare(onnx, "Less", kf_onnx_unsqueeze(onnx, x, &last, 1), bounds);
    x = kf_onnx_cast(onnx, kf_onnx_test(onnx, "Not", x), KF_DTYPE_INT32);
    kf_onnx_give(call, kf_onnx_encoded(call, kf_onnx_reduce(onnx, "ReduceSum", x, &last, 1, false),
                                       kf_onnx_text(call, "output_mode", "int"),
                                       bounds->dims[0] + 1, NULL));
}

/* The whole vocabulary: of the config, else of the file beside the weights. */
static json_t *vocabulary(struct kf_onnx_call *call)
{
    json_t *given = json_object_get(call->layer->config, "vocabulary"), *list = NULL;

    if (json_is_array(given))
        return json_deep_copy(given);
    for (size_t i = 0; i < call->layer->n_assets; i++)
        if (kf_streq(call->layer->assets[i].file, "vocabulary.txt") &&
            kf_vocabulary_list(&list, call->layer, call->layer->assets[i].payload,
                               call->onnx->options->limits.json_bytes, call->onnx->rep) < 0)
            return NULL;
    if (!list)
        kf_onnx_refuse(call, "its vocabulary is neither in the config nor in the file");
    return list;
}

/* Take away what stands in front of the tokens, where all of it does. */
static void strip(struct kf_onnx_lookup *lookup)
{
    int64_t n = lookup->n_masks + lookup->n_others;

    lookup->special = (int64_t)json_array_size(lookup->tokens) >= n;
    for (int64_t i = 0; i < n; i++)
        lookup->special =
            lookup->special && json_equal(json_array_get(lookup->tokens, (size_t)i),
                                          i < lookup->n_masks ? lookup->mask : lookup->other);
    for (int64_t i = 0; lookup->special && i < n; i++)
        json_array_remove(lookup->tokens, 0);
}

bool kf_onnx_lookup_read(struct kf_onnx_call *call, struct kf_onnx_lookup *lookup)
{
    lookup->mode = kf_onnx_text(call, "output_mode", "int");
    lookup->mask = json_is_null(lookup->mask) ? NULL : lookup->mask;
    lookup->n_masks = lookup->mask && kf_streq(lookup->mode, "int");
    lookup->hashes =
        lookup->words || !kf_streq(kf_onnx_text(call, "oov_method", "floormod"), "floormod");
    if (lookup->hashes && lookup->n_others > 1 && !call->onnx->runtime->letters) {
        kf_onnx_refuse(call, "it has a hash for what is not in its vocabulary");
        return false;
    }
    if (lookup->n_others < 1 && !lookup->invert) {
        kf_onnx_refuse(call, "it fails on what is not in its vocabulary, and no operator does");
        return false;
    }
    lookup->tokens = vocabulary(call);
    if (!lookup->tokens)
        return false;
    strip(lookup);
    return true;
}

/* `values` where a number of `x` is one of `keys`, else `other`; both lists are as long. */
static struct kf_onnx_tensor *compared(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                       struct kf_onnx_tensor *keys, struct kf_onnx_tensor *values,
                                       struct kf_onnx_tensor *other)
{
    static const int64_t last = -1;
    struct kf_onnx_tensor *hits, *any;

    hits = kf_onnx_compare(onnx, "Equal", kf_onnx_unsqueeze(onnx, x, &last, 1), keys);
    hits = kf_onnx_cast(onnx, hits, KF_DTYPE_INT64);
    any =
        kf_onnx_cast(onnx, kf_onnx_reduce(onnx, "ReduceSum", hits, &last, 1, false), KF_DTYPE_BOOL);
    hits = kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_binary(onnx, "Mul", hits, values), &last, 1,
                          false);
    return kf_onnx_where(onnx, any, hits, other);
}

/* A token by itself. */
static struct kf_onnx_tensor *one(struct kf_onnx_call *call, const struct kf_onnx_lookup *lookup,
                                  const json_t *value)
{
    return lookup->words ? kf_onnx_word(call, value) : kf_onnx_operand(call, value, KF_DTYPE_INT64);
}

/* The place of each token, or the token of each place; `other` for what has none. */
static struct kf_onnx_tensor *looked_up(struct kf_onnx_call *call,
                                        const struct kf_onnx_lookup *lookup,
                                        struct kf_onnx_tensor *x, struct kf_onnx_tensor *other)
{
    struct kf_onnx *onnx = call->onnx;
    int64_t first = lookup->n_masks + lookup->n_others;
    struct kf_onnx_tensor *tokens, *at;

    if (lookup->words)
        return kf_onnx_table(call, x, lookup->tokens, first, lookup->invert, other);
    tokens = list_of(call, lookup->tokens, KF_DTYPE_INT64);
    at = tokens ? kf_onnx_range(onnx, tokens->dims[0]) : NULL;
    at = kf_onnx_binary_with(onnx, "Add", at, (double)first);
    return lookup->invert ? compared(onnx, x, at, tokens, other)
                          : compared(onnx, x, tokens, at, other);
}

/* Where what is not in the vocabulary goes: the places for it are shared. */
static struct kf_onnx_tensor *shared(struct kf_onnx_call *call, const struct kf_onnx_lookup *lookup,
                                     struct kf_onnx_tensor *x)
{
    struct kf_onnx *onnx = call->onnx;

    if (lookup->n_others == 1)
        return kf_onnx_scalar(onnx, KF_DTYPE_INT64, (double)lookup->n_masks);
    x = lookup->hashes ? kf_onnx_hash(call, x, lookup->n_others)
                       : kf_onnx_binary_with(onnx, "Mod", x, (double)lookup->n_others);
    return kf_onnx_binary_with(onnx, "Add", x, (double)lookup->n_masks);
}

int64_t kf_onnx_masked_place(const struct kf_onnx_lookup *lookup)
{
    return lookup->n_masks || lookup->invert ? 0 : -1;
}

/* Place by token, or the other way round. */
static struct kf_onnx_tensor *places(struct kf_onnx_call *call, const struct kf_onnx_lookup *lookup,
                                     struct kf_onnx_tensor *x)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *at, *mask, *masked;

    if (lookup->words && !onnx->runtime->letters)
        return kf_onnx_labels(call, lookup, x);
    at = looked_up(call, lookup, x,
                   lookup->invert ? one(call, lookup, lookup->other) : shared(call, lookup, x));
    if (!lookup->mask)
        return at;
    masked = kf_onnx_scalar(onnx, KF_DTYPE_INT64, (double)kf_onnx_masked_place(lookup));
    mask = one(call, lookup, lookup->mask);
    return lookup->invert
               ? kf_onnx_where(onnx, kf_onnx_compare(onnx, "Equal", x, masked), mask, at)
               : kf_onnx_where(onnx, kf_onnx_compare(onnx, "Equal", x, mask), masked, at);
}

/* The weights of tf_idf: a variable, or of the config, which may lack those in front. */
static struct kf_onnx_tensor *frequencies(struct kf_onnx_call *call,
                                          const struct kf_onnx_lookup *lookup)
{
    const json_t *given = json_object_get(call->layer->config, "idf_weights"), *weight;
    json_auto_t *list = NULL;
    double sum = 0;
    size_t i;

    if (kf_onnx_has_weight(call, "idf_weights"))
        return kf_onnx_weight(call, "idf_weights");
    if (!json_array_size(given) || !(list = json_deep_copy(given))) {
        kf_onnx_refuse(call, "its idf_weights are neither in the config nor in the file");
        return NULL;
    }
    json_array_foreach(list, i, weight) sum += json_number_value(weight);
    for (int64_t k = 0; !lookup->special && k < lookup->n_masks + lookup->n_others; k++)
        if (json_array_insert_new(list, 0, json_real(sum / (double)json_array_size(given))) < 0)
            return kf_onnx_no_memory(call->onnx);
    return list_of(call, list, KF_DTYPE_FLOAT32);
}

struct kf_onnx_tensor *kf_onnx_looked(struct kf_onnx_call *call,
                                      const struct kf_onnx_lookup *lookup, struct kf_onnx_tensor *x)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *by = NULL;
    int64_t n = (int64_t)json_array_size(lookup->tokens) + lookup->n_masks + lookup->n_others;
    bool weighted = kf_streq(lookup->mode, "tf_idf");

    if (!x || (weighted && !(by = frequencies(call, lookup))))
        return NULL;
    if (kf_onnx_flag(call, "pad_to_max_tokens", false))
        n = kf_onnx_number(call, "max_tokens", n);
    if (weighted && by->dims[0] != n) {
        kf_onnx_refuse(call, "it has not as many idf_weights as places");
        return NULL;
    }
    x = kf_onnx_encoded(call, places(call, lookup, x), weighted ? "count" : lookup->mode, n, NULL);
    return weighted ? kf_onnx_binary(onnx, "Mul", x, kf_onnx_cast(onnx, by, counted(call))) : x;
}

/* Source: keras/src/layers/preprocessing/index_lookup.py, call, set_vocabulary (3.15.1) */
void kf_onnx_form_lookup(struct kf_onnx_call *call)
{
    const json_t *config = call->layer->config;
    struct kf_onnx_lookup lookup = {.words = *call->op,
                                    .invert = kf_onnx_flag(call, "invert", false),
                                    .n_others = kf_onnx_number(call, "num_oov_indices", 1),
                                    .mask = json_object_get(config, "mask_token"),
                                    .other = json_object_get(config, "oov_token")};
    struct kf_onnx_tensor *x;

    x = lookup.words && !lookup.invert
            ? kf_onnx_texts(call)
            : kf_onnx_cast(call->onnx, kf_onnx_input(call), KF_DTYPE_INT64);
    if (x && kf_onnx_lookup_read(call, &lookup))
        kf_onnx_give(call, kf_onnx_looked(call, &lookup, x));
    json_decref(lookup.tokens);
}
