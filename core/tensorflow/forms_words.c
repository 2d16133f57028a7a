/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../io/checksum.h"
#include "../io/tensorflow/tensor_bundle.h"
#include "translate.h"
#include <string.h>

/*
 * Operators of texts. A table is filled before anything else runs, by what saved_model.c names for
 * that; it has the name of its contents, as all models that one process loads share tables of one
 * name.
 *
 * Source: tensorflow/core/ops/lookup_ops.cc, string_ops.cc, sparse_ops.cc, ragged_conversion_ops.cc
 * (2.15)
 */

/* What Keras has UnicodeDecode put in the place of what is no letter. */
#define REPLACEMENT 65533
/* The key of tf.sparse.cross_hashed: tensorflow/python/ops/sparse_ops.py. */
#define CROSS_KEY INT64_C(0xDECAFCAFFE)

void kf_tf_form_text(struct kf_tf_call *call)
{
    const char *text = kf_onnx_get_text(call->tf->arena, call->node, "value_string");
    ProtobufCBinaryData list[1];

    if (!text)
        return;
    list[0] = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
    kf_tf_give(call, 0, kf_tf_texts(call->tf, NULL, list, 0));
}

void kf_tf_form_texts(struct kf_tf_call *call)
{
    const char *in = kf_tf_in_plain(call, 0);
    const char *pattern = kf_onnx_get_text(call->tf->arena, call->node, "pattern");
    struct kf_tf_node node;

    kf_tf_begin(call->tf, &node, call->op);
    kf_tf_in(&node, in);
    if (pattern) {
        kf_tf_set_text(&node, "pattern", pattern);
        kf_tf_set_text(&node, "rewrite", "");
    } else if (kf_tf_input(call, 0)->dtype != KF_DTYPE_STRING) {
        kf_tf_set_type(&node, "T", kf_tf_input(call, 0)->dtype);
    }
    kf_tf_give(call, 0, kf_tf_end(&node));
}

/* Keys and values of a table. */
struct table {
    enum kf_dtype key, value;
    ProtobufCBinaryData *texts;
    const int64_t *numbers;
    size_t n;
};

static bool read_table(struct table *table, const struct kf_onnx_node *node)
{
    size_t n_numbers;
    bool back = node->out[0]->dtype == KF_DTYPE_STRING;

    table->key = back ? KF_DTYPE_INT64 : KF_DTYPE_STRING;
    table->value = back ? KF_DTYPE_STRING : KF_DTYPE_INT64;
    table->texts = kf_onnx_get_texts(node, back ? "values_strings" : "keys_strings", &table->n);
    table->numbers = kf_onnx_get_ints(node, back ? "keys_int64s" : "values_int64s", &n_numbers);
    return table->texts && table->numbers && table->n == n_numbers;
}

static const char *name_of(struct kf_tf *tf, const struct table *table)
{
    struct kf_checksum sum = {0};
    struct kf_hasher hasher;
    const char *name;

    kf_hasher_init(&hasher, KF_CHECKSUM_SHA256);
    kf_hasher_update(&hasher, &table->key, sizeof(table->key));
    kf_hasher_update(&hasher, table->numbers, table->n * sizeof(*table->numbers));
    for (size_t i = 0; i < table->n; i++) {
        kf_hasher_update(&hasher, &table->texts[i].len, sizeof(table->texts[i].len));
        kf_hasher_update(&hasher, table->texts[i].data, table->texts[i].len);
    }
    kf_hasher_finish(&hasher, &sum);
    name = kf_arena_printf(tf->arena, "table_%s", sum.value);
    return name ? name : kf_tf_no_memory(tf);
}

static const char *filled(struct kf_tf *tf, const struct table *table)
{
    int64_t dims[1] = {(int64_t)table->n};
    const char *shared = name_of(tf, table), *made, *texts, *numbers;
    struct kf_tf_node node;

    if (!shared || !kf_grow(&tf->fillers, &tf->fillers_cap, tf->n_fillers + 1, sizeof(char *)))
        return kf_tf_no_memory(tf);
    texts = kf_tf_texts(tf, NULL, table->texts, table->n);
    numbers = kf_tf_constant(tf, KF_DTYPE_INT64, 1, dims, table->numbers,
                             table->n * sizeof(*table->numbers));
    kf_tf_begin(tf, &node, "HashTableV2");
    kf_tf_set_type(&node, "key_dtype", table->key);
    kf_tf_set_type(&node, "value_dtype", table->value);
    kf_tf_set_text(&node, "shared_name", shared);
    made = kf_tf_end(&node);
    kf_tf_begin(tf, &node, "InitializeTableV2");
    kf_tf_in(&node, made);
    kf_tf_in(&node, table->key == KF_DTYPE_STRING ? texts : numbers);
    kf_tf_in(&node, table->key == KF_DTYPE_STRING ? numbers : texts);
    kf_tf_set_type(&node, "Tkey", table->key);
    kf_tf_set_type(&node, "Tval", table->value);
    tf->fillers[tf->n_fillers] = kf_tf_end(&node);
    if (!tf->fillers[tf->n_fillers])
        return NULL;
    tf->n_fillers++;
    return made;
}

/* A table has one value for what is not in it; several are chosen from behind it. */
void kf_tf_form_table(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    const struct kf_onnx_tensor *other = kf_tf_input(call, 1);
    const char *in = kf_tf_in_plain(call, 0), *rest = kf_tf_in_plain(call, 1), *made, *y;
    struct table table;
    struct kf_tf_node node;

    if (!read_table(&table, call->node))
        return;
    made = filled(tf, &table);
    y = other->rank ? kf_tf_scalar(tf, KF_DTYPE_INT64, -1) : rest;
    kf_tf_begin(tf, &node, call->op);
    kf_tf_in(&node, made);
    kf_tf_in(&node, in);
    kf_tf_in(&node, y);
    kf_tf_set_type(&node, "Tin", table.key);
    kf_tf_set_type(&node, "Tout", table.value);
    y = kf_tf_end(&node);
    if (other->rank)
        y = kf_tf_select(tf, table.value, kf_tf_with(tf, "Equal", table.value, y, -1), rest, y);
    kf_tf_give(call, 0, y);
}

void kf_tf_form_hash(struct kf_tf_call *call)
{
    const char *in = kf_tf_in_plain(call, 0);
    size_t n;
    const int64_t *key = kf_onnx_get_ints(call->node, "key", &n);
    struct kf_tf_node node;

    kf_tf_begin(call->tf, &node, key ? "StringToHashBucketStrong" : call->op);
    kf_tf_in(&node, in);
    kf_tf_set_int(&node, "num_buckets", kf_onnx_get_int(call->node, "num_buckets", 1));
    if (key)
        kf_tf_set_ints(&node, "key", (int64_t *)key, n);
    kf_tf_give(call, 0, kf_tf_end(&node));
}

/* Each row has one number, and they come in the order of the rows. */
void kf_tf_form_cross(struct kf_tf_call *call)
{
    static const int64_t column[2] = {-1, 1}, row[1] = {-1};
    struct kf_tf *tf = call->tf;
    size_t n = call->node->n_in;
    const char **in = kf_arena_alloc(tf->arena, n * sizeof(*in)), *y;
    int32_t *types = kf_arena_alloc(tf->arena, n * sizeof(*types));
    enum kf_dtype inner = KF_DTYPE_STRING;
    struct kf_tf_node node;

    if (!in || !types)
        return;
    for (size_t i = 0; i < n; i++) {
        enum kf_dtype dtype = call->node->in[i]->dtype;

        in[i] = kf_tf_reshape(tf, dtype, kf_tf_in_plain(call, i), kf_tf_list(tf, column, 2));
        types[i] = kf_tensorflow_dtype(dtype);
        inner = dtype == KF_DTYPE_STRING ? inner : dtype;
    }
    kf_tf_begin(tf, &node, call->op);
    for (size_t i = 0; i < n; i++)
        kf_tf_in(&node, in[i]);
    kf_tf_set_int(&node, "N", 0);
    kf_tf_set_bool(&node, "hashed_output", true);
    kf_tf_set_int(&node, "num_buckets", kf_onnx_get_int(call->node, "num_buckets", 1));
    kf_tf_set_int(&node, "hash_key", CROSS_KEY);
    kf_tf_set_types(&node, "sparse_types", NULL, 0);
    kf_tf_set_types(&node, "dense_types", types, n);
    kf_tf_set_type(&node, "out_type", KF_DTYPE_INT64);
    kf_tf_set_type(&node, "internal_type", inner);
    y = kf_tf_output(tf, kf_tf_end(&node), 1);
    kf_tf_give(call, 0,
               call->node->out[0]->rank == 2
                   ? kf_tf_reshape(tf, KF_DTYPE_INT64, y, kf_tf_list(tf, column, 2))
                   : kf_tf_reshape(tf, KF_DTYPE_INT64, y, kf_tf_list(tf, row, 1)));
}

/* 0, 1, ... how many there are of `x`, a list of one. */
static const char *count_up(struct kf_tf *tf, const char *x)
{
    const char *zero = kf_tf_scalar(tf, KF_DTYPE_INT64, 0);
    const char *one = kf_tf_scalar(tf, KF_DTYPE_INT64, 1), *end;
    struct kf_tf_node node;

    end = kf_tf_with(tf, "AddV2", KF_DTYPE_INT64,
                     kf_tf_reshape(tf, KF_DTYPE_INT64, x, kf_tf_list(tf, NULL, 0)), 1);
    kf_tf_begin(tf, &node, "Range");
    kf_tf_in(&node, zero);
    kf_tf_in(&node, end);
    kf_tf_in(&node, one);
    kf_tf_set_type(&node, "Tidx", KF_DTYPE_INT64);
    return kf_tf_end(&node);
}

/* Rows one after another: what they hold, and where each begins and the last one ends. */
struct rows {
    const char *values, *splits;
};

static struct rows words(struct kf_tf *tf, const char *x)
{
    static const int64_t row[2] = {1, -1}, flat[1] = {-1};
    static const struct kf_tf_range first[2] = {{.step = 1, .from_start = true, .to_end = true},
                                                {.end = 1, .step = 1}};
    ProtobufCBinaryData none[1] = {{0, NULL}};
    const char *space = kf_tf_texts(tf, NULL, none, 0), *made, *at, *bounds;
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "StringSplitV2");
    kf_tf_in(&node, x);
    kf_tf_in(&node, space);
    made = kf_tf_end(&node);
    at = kf_tf_slice(tf, KF_DTYPE_INT64, made, first, 2);
    at = kf_tf_reshape(tf, KF_DTYPE_INT64, at, kf_tf_list(tf, row, 2));
    bounds = count_up(tf, kf_tf_size(tf, KF_DTYPE_STRING, x, 0));
    bounds = kf_tf_expand(tf, KF_DTYPE_INT64, bounds, 0);
    kf_tf_begin(tf, &node, "LowerBound");
    kf_tf_in(&node, at);
    kf_tf_in(&node, bounds);
    kf_tf_set_type(&node, "T", KF_DTYPE_INT64);
    kf_tf_set_type(&node, "out_type", KF_DTYPE_INT64);
    bounds = kf_tf_end(&node);
    return (struct rows){kf_tf_output(tf, made, 1),
                         kf_tf_reshape(tf, KF_DTYPE_INT64, bounds, kf_tf_list(tf, flat, 1))};
}

static void begin_unicode(struct kf_tf *tf, struct kf_tf_node *node, const char *op,
                          const char *encoding)
{
    kf_tf_begin(tf, node, op);
    kf_tf_set_text(node, encoding, "UTF-8");
    kf_tf_set_text(node, "errors", "replace");
    kf_tf_set_int(node, "replacement_char", REPLACEMENT);
    kf_tf_set_type(node, "Tsplits", KF_DTYPE_INT64);
}

static struct rows letters(struct kf_tf *tf, const char *x)
{
    const char *splits, *codes, *each;
    struct kf_tf_node node;

    begin_unicode(tf, &node, "UnicodeDecode", "input_encoding");
    kf_tf_in(&node, x);
    splits = kf_tf_end(&node);
    codes = kf_tf_output(tf, splits, 1);
    each = count_up(tf, kf_tf_size(tf, KF_DTYPE_INT32, codes, 0));
    begin_unicode(tf, &node, "UnicodeEncode", "output_encoding");
    kf_tf_in(&node, codes);
    kf_tf_in(&node, each);
    return (struct rows){kf_tf_end(&node), splits};
}

static struct rows groups(struct kf_tf *tf, struct rows rows, const int64_t *widths, size_t n)
{
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "StringNGrams");
    kf_tf_in(&node, rows.values);
    kf_tf_in(&node, rows.splits);
    kf_tf_set_text(&node, "separator", " ");
    kf_tf_set_ints(&node, "ngram_widths", (int64_t *)widths, n);
    kf_tf_set_text(&node, "left_pad", "");
    kf_tf_set_text(&node, "right_pad", "");
    kf_tf_set_int(&node, "pad_width", 0);
    kf_tf_set_bool(&node, "preserve_short_sequences", false);
    kf_tf_set_type(&node, "Tsplits", KF_DTYPE_INT64);
    rows.values = kf_tf_end(&node);
    rows.splits = kf_tf_output(tf, rows.values, 1);
    return rows;
}

void kf_tf_form_tokens(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    const char *in = kf_tf_in_plain(call, 0), *shape, *filler;
    bool apart = kf_onnx_is_text(call->node, "split", 0, "character");
    struct rows rows = apart ? letters(tf, in) : words(tf, in);
    ProtobufCBinaryData none[1] = {{0, NULL}}, kind[1] = {{10, (uint8_t *)"ROW_SPLITS"}};
    int64_t dims[2] = {-1, kf_onnx_get_int(call->node, "length", 0)};
    size_t n;
    const int64_t *widths = kf_onnx_get_ints(call->node, "ngrams", &n);
    struct kf_tf_node node;

    if (widths)
        rows = groups(tf, rows, widths, n);
    dims[1] = dims[1] > 0 ? dims[1] : -1;
    shape = kf_tf_list(tf, dims, 2);
    filler = kf_tf_texts(tf, NULL, none, 0);
    kf_tf_begin(tf, &node, call->op);
    kf_tf_in(&node, shape);
    kf_tf_in(&node, rows.values);
    kf_tf_in(&node, filler);
    kf_tf_in(&node, rows.splits);
    kf_tf_set_type(&node, "T", KF_DTYPE_STRING);
    kf_tf_set_type(&node, "Tindex", KF_DTYPE_INT64);
    kf_tf_set_type(&node, "Tshape", KF_DTYPE_INT64);
    kf_tf_set_int(&node, "num_row_partition_tensors", 1);
    kf_tf_set_texts(&node, "row_partition_types", kind, 1);
    kf_tf_give(call, 0, kf_tf_end(&node));
}
