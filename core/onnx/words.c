/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"
#include "ops.h"
#include <string.h>

/* Entries of a vocabulary. */
#define ENTRIES_MAX 1000000

bool kf_onnx_has_letters(struct kf_onnx_call *call)
{
    if (!call->onnx->runtime->letters)
        kf_onnx_refuse(call, "the operators that are written take no texts apart");
    return call->onnx->runtime->letters;
}

struct kf_onnx_tensor *kf_onnx_texts(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_input(call);

    if (!x || x->dtype == KF_DTYPE_STRING)
        return x;
    kf_onnx_refuse(call, "it takes texts, and is given numbers");
    return NULL;
}

/* Texts end with their first NUL here; those that go on behind it are not taken. */
static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);

    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

struct kf_onnx_tensor *kf_onnx_word(struct kf_onnx_call *call, const json_t *value)
{
    const char *text = text_of(value);
    struct kf_onnx_node *node;

    if (!text) {
        kf_onnx_refuse(call, "a token of it is no text");
        return NULL;
    }
    node = kf_onnx_node_new(call->onnx, "Constant", NULL, 0);
    kf_onnx_set_text(call->onnx, node, "value_string", kf_arena_strdup(call->onnx->arena, text));
    return kf_onnx_output(call->onnx, node, KF_DTYPE_STRING, 0, NULL);
}

/* The tokens in the arena; NULL (reported) when they are no texts, or one is there twice. */
static const char **texts_of(struct kf_onnx_call *call, const json_t *tokens)
{
    size_t n = json_array_size(tokens);
    const char **texts = kf_onnx_alloc(call->onnx, (n + 1) * sizeof(*texts));
    json_auto_t *seen = json_object();
    bool good = n >= 1 && n <= ENTRIES_MAX;

    for (size_t i = 0; texts && seen && good && i < n; i++) {
        const char *text = text_of(json_array_get(tokens, i));

        good = text && !json_object_get(seen, text);
        if (!good)
            break;
        texts[i] = kf_arena_strdup(call->onnx->arena, text);
        if (!texts[i] || json_object_set_new(seen, text, json_true()) < 0)
            return kf_onnx_no_memory(call->onnx);
    }
    if (texts && seen && good)
        return texts;
    if (!texts || !seen)
        return kf_onnx_no_memory(call->onnx);
    kf_onnx_refuse(call, "its vocabulary is no list of 1 to %d texts, each once", ENTRIES_MAX);
    return NULL;
}

static int64_t *places_of(struct kf_onnx *onnx, int64_t first, size_t n)
{
    int64_t *places = kf_onnx_alloc(onnx, (n + 1) * sizeof(*places));

    for (size_t i = 0; places && i < n; i++)
        places[i] = first + (int64_t)i;
    return places;
}

struct kf_onnx_tensor *kf_onnx_table(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                     const json_t *tokens, int64_t first, bool invert,
                                     struct kf_onnx_tensor *other)
{
    struct kf_onnx *onnx = call->onnx;
    size_t n = json_array_size(tokens);
    const char **texts = texts_of(call, tokens);
    int64_t *places = texts ? places_of(onnx, first, n) : NULL;
    struct kf_onnx_tensor *in[] = {x, other};
    struct kf_onnx_node *node;

    if (!texts || !places || !other)
        return NULL;
    node = kf_onnx_node_new(onnx, "LabelEncoder", in, 2);
    kf_onnx_set_texts(onnx, node, invert ? "values_strings" : "keys_strings", texts, n);
    kf_onnx_set_ints(onnx, node, invert ? "keys_int64s" : "values_int64s", places, n);
    return kf_onnx_output(onnx, node, invert ? KF_DTYPE_STRING : KF_DTYPE_INT64, x->rank, x->dims);
}

/* The tokens with the mask in front of them; NULL when memory ran out. */
static json_t *with_mask(const struct kf_onnx_lookup *lookup)
{
    json_t *all = json_copy(lookup->tokens);

    if (all && lookup->mask && json_array_insert(all, 0, lookup->mask) < 0) {
        json_decref(all);
        return NULL;
    }
    return all;
}

struct kf_onnx_tensor *kf_onnx_labels(struct kf_onnx_call *call,
                                      const struct kf_onnx_lookup *lookup, struct kf_onnx_tensor *x)
{
    struct kf_onnx *onnx = call->onnx;
    json_auto_t *tokens = with_mask(lookup);
    size_t n = json_array_size(tokens);
    const char *other = lookup->invert ? text_of(lookup->other) : "";
    const char **texts = tokens ? texts_of(call, tokens) : kf_onnx_no_memory(onnx);
    int64_t *places = texts ? places_of(onnx, lookup->n_masks + lookup->n_others, n) : NULL;
    struct kf_onnx_node *node;

    if (!texts || !places)
        return NULL;
    if (!other) {
        kf_onnx_refuse(call, "its oov_token is no text");
        return NULL;
    }
    for (size_t i = n; lookup->mask && i-- > 1;)
        places[i] = places[i - 1];
    if (lookup->mask)
        places[0] = kf_onnx_masked_place(lookup);
    node = kf_onnx_node_new(onnx, "LabelEncoder", &x, 1);
    if (!node)
        return NULL;
    node->domain = KF_ONNX_ML;
    kf_onnx_set_texts(onnx, node, lookup->invert ? "values_strings" : "keys_strings", texts, n);
    kf_onnx_set_ints(onnx, node, lookup->invert ? "keys_int64s" : "values_int64s", places, n);
    if (lookup->invert)
        kf_onnx_set_text(onnx, node, "default_string", kf_arena_strdup(onnx->arena, other));
    else
        kf_onnx_set_int(onnx, node, "default_int64", lookup->n_masks);
    return kf_onnx_output(onnx, node, lookup->invert ? KF_DTYPE_STRING : KF_DTYPE_INT64, x->rank,
                          x->dims);
}

struct kf_onnx_tensor *kf_onnx_hash(struct kf_onnx_call *call, struct kf_onnx_tensor *x, int64_t n)
{
    struct kf_onnx *onnx = call->onnx;
    int64_t salt[KF_ONNX_RANK_MAX];
    const json_t *given = json_object_get(call->layer->config, "salt");
    size_t n_salt = json_is_null(given) ? 0 : kf_onnx_numbers(call, given, salt);
    struct kf_onnx_node *node;

    if (given && !json_is_null(given) && n_salt != 1 && n_salt != 2) {
        kf_onnx_refuse(call, "its salt is neither one number nor two");
        return NULL;
    }
    if (n_salt == 1)
        salt[n_salt++] = salt[0];
    if (x && x->dtype != KF_DTYPE_STRING) {
        node = kf_onnx_node_new(onnx, "AsString", &x, 1);
        x = kf_onnx_output(onnx, node, KF_DTYPE_STRING, x->rank, x->dims);
    }
    node = kf_onnx_node_new(onnx, "StringToHashBucket", &x, 1);
    kf_onnx_set_int(onnx, node, "num_buckets", n);
    if (n_salt)
        kf_onnx_set_ints(onnx, node, "key", salt, n_salt);
    return x ? kf_onnx_output(onnx, node, KF_DTYPE_INT64, x->rank, x->dims) : NULL;
}
