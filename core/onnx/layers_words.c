/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "lookup.h"
#include "operation.h"
#include "words.h"
#include <string.h>

/* Layers that take texts apart, or make numbers of them by a hash. */

/* So many are whole numbers in what counts them. */
#define BINS_MAX (INT64_C(1) << 53)

/* Punctuation, as Keras takes it away. */
#define PUNCTUATION "[!\"#$%&()\\*\\+,-\\./:;<=>?@\\[\\\\\\]^_`{|}~\\']"

static struct kf_onnx_tensor *standardized(struct kf_onnx_call *call, struct kf_onnx_tensor *x)
{
    static const struct {
        const char *name;
        bool lower, strip;
    } ways[] = {{"lower_and_strip_punctuation", true, true},
                {"lower", true, false},
                {"strip_punctuation", false, true}};
    const json_t *how = json_object_get(call->layer->config, "standardize");
    struct kf_onnx_node *node;

    if (json_is_null(how))
        return x;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (!kf_streq(json_string_value(how), ways[i].name))
            continue;
        if (ways[i].lower)
            x = kf_onnx_unary(call->onnx, "StringLower", x);
        if (!ways[i].strip || !x)
            return x;
        node = kf_onnx_node_new(call->onnx, "StaticRegexReplace", &x, 1);
        kf_onnx_set_text(call->onnx, node, "pattern", PUNCTUATION);
        return kf_onnx_output(call->onnx, node, KF_DTYPE_STRING, x->rank, x->dims);
    }
    kf_onnx_refuse(call, "how it standardizes texts is not known");
    return NULL;
}

/* The widths that groups of words have: 1 to a number, or as they are listed; how many. */
static size_t group_widths(struct kf_onnx_call *call, int64_t *widths)
{
    json_t *given = json_object_get(call->layer->config, "ngrams");
    size_t n;

    if (!given || json_is_null(given))
        return 0;
    n = kf_onnx_numbers(call, given, widths);
    if (json_is_integer(given) && n == 1 && widths[0] >= 1 && widths[0] <= KF_ONNX_RANK_MAX) {
        n = (size_t)widths[0];
        for (size_t i = 0; i < n; i++)
            widths[i] = (int64_t)i + 1;
    }
    for (size_t i = 0; i < n; i++)
        if (widths[i] < 1)
            n = 0;
    if (!n)
        kf_onnx_refuse(call, "how many words it puts together is no number or list");
    return n;
}

/*
 * Words or letters (batch, length or the most of the batch), with empty texts behind them: which
 * stand for nothing in the vocabulary.
 */
static struct kf_onnx_tensor *split(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                    int64_t length)
{
    static const int64_t last = -1;
    struct kf_onnx *onnx = call->onnx;
    const char *how = kf_onnx_text(call, "split", "");
    int64_t widths[KF_ONNX_RANK_MAX], dims[2];
    size_t n = group_widths(call, widths);
    struct kf_onnx_node *node;

    if (x->rank > 1 && x->dims[x->rank - 1] == 1)
        x = kf_onnx_squeeze(onnx, x, &last, 1);
    if (!x || x->rank != 1 || (!kf_streq(how, "whitespace") && !kf_streq(how, "character"))) {
        kf_onnx_refuse(call, "it is given other than one text a row, or splits otherwise");
        return NULL;
    }
    node = kf_onnx_node_new(onnx, "StringTokens", &x, 1);
    kf_onnx_set_text(onnx, node, "split", how);
    kf_onnx_set_int(onnx, node, "length", length);
    if (n)
        kf_onnx_set_ints(onnx, node, "ngrams", widths, n);
    dims[0] = x->dims[0];
    dims[1] = length > 0 ? length : KF_ONNX_FREE;
    return kf_onnx_output(onnx, node, KF_DTYPE_STRING, 2, dims);
}

/* What was not split, as long as it is wanted. */
static struct kf_onnx_tensor *cut(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                  int64_t length)
{
    int64_t pads[2 * KF_ONNX_RANK_MAX] = {0}, size = x && x->rank ? x->dims[x->rank - 1] : 0;

    if (!x || length < 1 || size == length)
        return x;
    if (size == KF_ONNX_FREE || x->rank < 1) {
        kf_onnx_refuse(call, "how long its input is is not known");
        return NULL;
    }
    if (size > length)
        return kf_onnx_slice(call->onnx, x, -1, 0, length, 1);
    pads[2 * x->rank - 1] = length - size;
    return kf_onnx_pad(call->onnx, x, pads, "constant", NULL);
}

static void vectorize(struct kf_onnx_call *call, struct kf_onnx_lookup *lookup)
{
    const json_t *config = call->layer->config;
    bool whole = json_is_null(json_object_get(config, "split"));
    int64_t length = json_is_integer(json_object_get(config, "output_sequence_length"))
                         ? kf_onnx_number(call, "output_sequence_length", 0)
                         : 0;
    struct kf_onnx_tensor *x = standardized(call, kf_onnx_texts(call));

    if (!x)
        return;
    if (kf_onnx_flag(call, "ragged", false) ||
        (whole && !json_is_null(json_object_get(config, "ngrams")))) {
        kf_onnx_refuse(call, "it gives rows of their own lengths, or groups what is not split");
        return;
    }
    if (!kf_onnx_lookup_read(call, lookup))
        return;
    length = kf_streq(lookup->mode, "int") ? length : 0;
    x = kf_onnx_looked(call, lookup, whole ? x : split(call, x, length));
    kf_onnx_give(call, whole ? cut(call, x, length) : x);
}

/* Source: keras/src/layers/preprocessing/text_vectorization.py, __init__, call (3.15.1) */
void kf_onnx_form_text_vectorization(struct kf_onnx_call *call)
{
    json_auto_t *mask = json_string(""), *other = json_string("[UNK]");
    struct kf_onnx_lookup lookup = {.words = true, .n_others = 1, .mask = mask, .other = other};

    if (!kf_onnx_has_letters(call))
        return;
    if (mask && other)
        vectorize(call, &lookup);
    else
        kf_onnx_no_memory(call->onnx);
    json_decref(lookup.tokens);
}

/* What a layer with "num_bins" makes of bins. */
static void give_bins(struct kf_onnx_call *call, struct kf_onnx_tensor *x)
{
    const char *mode = kf_onnx_text(call, "output_mode", "int");

    if (kf_streq(mode, "int"))
        x = kf_onnx_cast(call->onnx, x, call->dtype ? call->dtype : KF_DTYPE_INT64);
    kf_onnx_give(call, kf_onnx_encoded(call, x, mode, kf_onnx_number(call, "num_bins", 0), NULL));
}

static bool has_hash(struct kf_onnx_call *call)
{
    int64_t n = kf_onnx_number(call, "num_bins", 0);

    if (!call->onnx->runtime->letters)
        kf_onnx_refuse(call, "the operators that are written have no such hash");
    else if (n < 1 || n > BINS_MAX)
        kf_onnx_refuse(call, "its num_bins is no number of bins");
    else
        return true;
    return false;
}

/* Source: keras/src/layers/preprocessing/hashing.py, call, _hash_values_to_bins (3.15.1) */
void kf_onnx_form_hashing(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    const json_t *given = json_object_get(call->layer->config, "mask_value");
    struct kf_onnx_tensor *x = kf_onnx_input(call), *bins, *mask = NULL;
    int64_t n = kf_onnx_number(call, "num_bins", 0);

    if (!x || !has_hash(call))
        return;
    if (x->dtype == KF_DTYPE_UINT64) {
        kf_onnx_refuse(call, "the texts of uint64 are not those of int64");
        return;
    }
    if (n > 1 && given && !json_is_null(given)) {
        mask = x->dtype == KF_DTYPE_STRING ? kf_onnx_word(call, given)
                                           : kf_onnx_operand(call, given, x->dtype);
        mask = kf_onnx_compare(onnx, "Equal", x, mask);
        if (!mask)
            return;
    }
    if (x->dtype != KF_DTYPE_STRING && x->dtype != KF_DTYPE_BOOL)
        x = kf_onnx_cast(onnx, x, KF_DTYPE_INT64);
    bins = kf_onnx_hash(call, x, mask ? n - 1 : n);
    if (mask)
        bins = kf_onnx_where(onnx, mask, kf_onnx_scalar(onnx, KF_DTYPE_INT64, 0),
                             kf_onnx_binary_with(onnx, "Add", bins, 1));
    give_bins(call, bins);
}

/* Source: keras/src/layers/preprocessing/hashed_crossing.py, call (3.15.1) */
void kf_onnx_form_hashed_crossing(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor **in = kf_onnx_alloc(onnx, (call->n_in + 1) * sizeof(*in));
    struct kf_onnx_node *node;

    if (!in || !has_hash(call))
        return;
    for (size_t i = 0; i < call->n_in; i++) {
        in[i] = kf_onnx_plain(onnx, call->in[i]);
        if (!in[i] || in[i]->rank < 1 || in[i]->rank > 2 || in[i]->rank != in[0]->rank) {
            kf_onnx_refuse(call, "its inputs are not one value a row each");
            return;
        }
        if (in[i]->dtype != KF_DTYPE_STRING)
            in[i] = kf_onnx_cast(onnx, in[i], KF_DTYPE_INT64);
    }
    node = kf_onnx_node_new(onnx, "SparseCross", in, call->n_in);
    kf_onnx_set_int(onnx, node, "num_buckets", kf_onnx_number(call, "num_bins", 0));
    give_bins(call,
              node ? kf_onnx_output(onnx, node, KF_DTYPE_INT64, in[0]->rank, in[0]->dims) : NULL);
}
