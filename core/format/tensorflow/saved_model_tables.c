/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../vocabulary.h"
#include "saved_model.h"
#include <stdlib.h>
#include <string.h>

/* DataType of tensorflow/core/framework/types.proto */
enum { TF_INT32 = 3, TF_STRING = 7, TF_INT64 = 9 };

#define WORDS_MAX 50000000

struct table {
    const struct kf_saved_model *saved;
    struct kf_layer *layer;
    struct kf_report *rep;
    const Kf__Tf__Tensor *constants[2]; /* keys and values */
    size_t n_constants;
    const char *asset;
};

/* A word and its number in the table. */
struct word {
    const Kf__Tf__Tensor *of;
    size_t at;
    int64_t number;
};

static int no_table(const struct table *table, const char *what)
{
    return kf_report_add(table->rep, KF_WEIGHTS_MISSING, table->layer->path,
                         "the layer's vocabulary is not in the SavedModel: %s", what);
}

/* Elements of a constant; 0 for a shape that is none. */
static size_t count(const Kf__Tf__Tensor *tensor)
{
    uint64_t n = 1;

    for (size_t i = 0; tensor->tensor_shape && i < tensor->tensor_shape->n_dim; i++)
        if (tensor->tensor_shape->dim[i]->size < 0 ||
            !kf_mul(n, (uint64_t)tensor->tensor_shape->dim[i]->size, &n) || n > WORDS_MAX)
            return 0;
    return (size_t)n;
}

/* Elements that its bytes and lists are enough for. */
static size_t has(const Kf__Tf__Tensor *tensor)
{
    size_t bytes = tensor->tensor_content.len;

    if (tensor->dtype == TF_STRING)
        return tensor->n_string_val;
    if (tensor->dtype == TF_INT32)
        return bytes ? bytes / 4 : tensor->n_int_val;
    return bytes ? bytes / 8 : tensor->n_int64_val;
}

static int64_t load(const uint8_t *p, size_t size)
{
    uint64_t value = 0;

    for (size_t i = size; i-- > 0;)
        value = value << 8 | p[i];
    return size == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
}

/* A list short of its shape repeats its last element, which no two entries of a table are. */
static bool get_number(const Kf__Tf__Tensor *tensor, size_t i, int64_t *out)
{
    size_t size = tensor->dtype == TF_INT32 ? 4 : 8;
    size_t n = size == 4 ? tensor->n_int_val : tensor->n_int64_val;

    if (tensor->tensor_content.len) {
        if ((i + 1) * size > tensor->tensor_content.len)
            return false;
        *out = load(tensor->tensor_content.data + i * size, size);
        return true;
    }
    if (i < n)
        *out = size == 4 ? tensor->int_val[i] : tensor->int64_val[i];
    return i < n;
}

static bool get_text(const Kf__Tf__Tensor *tensor, size_t i, ProtobufCBinaryData *out)
{
    if (i < tensor->n_string_val)
        *out = tensor->string_val[i];
    return i < tensor->n_string_val;
}

static const Kf__Tf__Tensor *find_constant(const struct table *table, const char *name)
{
    const Kf__Tf__Graph *graph = table->saved->meta->graph;

    for (size_t i = 0; graph && i < graph->n_node; i++) {
        if (strcmp(graph->node[i]->name, name) != 0)
            continue;
        for (size_t k = 0; k < graph->node[i]->n_attr; k++)
            if (strcmp(graph->node[i]->attr[k]->key, "value") == 0 &&
                graph->node[i]->attr[k]->value)
                return graph->node[i]->attr[k]->value->tensor;
    }
    return NULL;
}

/* What the function that fills the table was given. */
static void take_bound(struct table *table, int object)
{
    const Kf__Tf__SavedObject *node = table->saved->objects->nodes[object];
    const Kf__Tf__MetaGraph *meta = table->saved->meta;

    if (node->constant && table->n_constants < 2) {
        const Kf__Tf__Tensor *tensor = find_constant(table, node->constant->operation);

        if (tensor)
            table->constants[table->n_constants++] = tensor;
    }
    if (node->asset && node->asset->asset_file_def_index >= 0 &&
        (size_t)node->asset->asset_file_def_index < meta->n_asset_files)
        table->asset = meta->asset_files[node->asset->asset_file_def_index]->filename;
}

static int find_bound(struct table *table, int lookup)
{
    const struct kf_saved_model *saved = table->saved;
    int filled = kf_saved_model_child(saved, kf_saved_model_child(saved, lookup, "lookup_table"),
                                      "_initialize");
    const Kf__Tf__FunctionObject *function =
        filled < 0 ? NULL : saved->objects->nodes[filled]->function;

    if (!function || !function->n_concrete_functions)
        return no_table(table, "its object has no table");
    for (size_t i = 0; i < saved->objects->n_concrete_functions; i++) {
        const Kf__Tf__SavedObjectGraph__Entry *entry = saved->objects->concrete_functions[i];

        if (strcmp(entry->key, function->concrete_functions[0]) != 0 || !entry->value)
            continue;
        for (size_t k = 0; k < entry->value->n_bound_inputs; k++)
            if (entry->value->bound_inputs[k] >= 0 &&
                (size_t)entry->value->bound_inputs[k] < saved->objects->n_nodes)
                take_bound(table, entry->value->bound_inputs[k]);
    }
    return table->asset || table->n_constants == 2
               ? 0
               : no_table(table, "its table was made of no constants and no file");
}

static int compare_words(const void *a, const void *b)
{
    const struct word *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static json_t *word_json(const struct word *word)
{
    ProtobufCBinaryData text;
    int64_t number;

    if (word->of->dtype == TF_STRING)
        return get_text(word->of, word->at, &text) ? json_stringn((const char *)text.data, text.len)
                                                   : NULL;
    return get_number(word->of, word->at, &number) ? json_integer(number) : NULL;
}

/* The words in the order of their numbers, without the one that stands for masks. */
static int list_words(struct table *table, struct word *words, size_t n, json_t *list)
{
    const json_t *mask = json_object_get(table->layer->config, "mask_token");

    if (n)
        qsort(words, n, sizeof(*words), compare_words);
    for (size_t i = 0; i < n; i++) {
        json_t *word = word_json(&words[i]);
        bool masks = word && i == 0 && words[0].number == 0 && mask && json_equal(word, mask);

        if (!word)
            return kf_report_add(table->rep, KF_CORRUPT, table->layer->path,
                                 "word %zu of the vocabulary is no text in UTF-8", i);
        if (masks)
            json_decref(word);
        else
            KF_TRY(kf_json_append(list, word, table->rep));
    }
    return 0;
}

/* Which of both constants has the words: an inverted layer looks numbers up. */
static int read_constants(struct table *table, json_t *list)
{
    bool invert = kf_json_bool(table->layer->config, "invert", false);
    const Kf__Tf__Tensor *words = table->constants[invert], *numbers = table->constants[!invert];
    size_t n = count(words);
    struct word *sorted;
    bool fine =
        n == count(numbers) && n <= has(words) && n <= has(numbers) && numbers->dtype != TF_STRING;
    int r;

    n = fine ? n : 0;
    sorted = kf_alloc((n + 1) * sizeof(*sorted));
    if (!sorted)
        return kf_report_add(table->rep, KF_NO_MEMORY, "", "out of memory");
    for (size_t i = 0; fine && i < n; i++) {
        sorted[i] = (struct word){.of = words, .at = i};
        fine = get_number(numbers, i, &sorted[i].number);
    }
    r = fine ? list_words(table, sorted, n, list)
             : kf_report_add(table->rep, KF_CORRUPT, table->layer->path,
                             "the constants of the layer's table do not fit each other");
    kf_free(sorted);
    return r;
}

static int pull_source(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    return kf_source_read(payload->state, at, to, n, rep);
}

/* The words as lines of a file in assets/. */
static int read_asset(struct table *table, json_t **list)
{
    struct kf_arena *arena = table->saved->model->arena;
    const char *path = kf_arena_printf(arena, "assets/%s", table->asset);
    const struct kf_input *in = path ? kf_saved_model_file(table->saved->model, path) : NULL;
    struct kf_source source;
    struct kf_payload text;
    struct kf_asset lines = {0};

    if (!in)
        return no_table(table, path ? path : table->asset);
    KF_TRY(kf_source_init(&source, in, table->rep));
    table->rep->source.size = table->saved->model->source.size;
    text = (struct kf_payload){.dtype = KF_DTYPE_UINT8,
                               .rank = 1,
                               .dims = {source.size},
                               .pull = pull_source,
                               .file_at = KF_NOWHERE,
                               .state = &source};
    KF_TRY(kf_vocabulary_check(table->layer, &text, &lines, table->rep));
    return kf_vocabulary_list(list, table->layer, &text, table->saved->options->limits.json_bytes,
                              table->rep);
}

static int read_table(struct table *table, json_t **list)
{
    if (table->n_constants != 2)
        return read_asset(table, list);
    *list = json_array();
    return *list ? read_constants(table, *list)
                 : kf_report_add(table->rep, KF_NO_MEMORY, "", "out of memory");
}

/*
 * Beside a vocabulary in the config its weights must stand there too; the variable has those of
 * the unknown words in front.
 */
static int take_weights(struct table *table, size_t n_words)
{
    const struct kf_layer *layer = table->layer;
    const struct kf_payload *payload = layer->n_tensors ? layer->tensors[0].payload : NULL;
    uint64_t n = payload && payload->dtype == KF_DTYPE_FLOAT32 ? kf_payload_elements(payload) : 0;
    json_t *list;
    int r = 0;

    if (!kf_streq(kf_json_str(layer->config, "output_mode", ""), "tf_idf") ||
        json_is_array(json_object_get(layer->config, "idf_weights")))
        return 0;
    if (n < n_words)
        return no_table(table, "its idf_weights are fewer than its words");
    list = json_array();
    for (uint64_t i = n - n_words; r >= 0 && i < n; i++) {
        float value;

        r = payload->pull(payload, i * sizeof(value), &value, sizeof(value), table->rep);
        if (r >= 0)
            r = kf_json_append(list, json_real((double)value), table->rep);
    }
    if (r >= 0)
        return kf_json_set(layer->config, "idf_weights", list, table->rep);
    json_decref(list);
    return r;
}

int kf_saved_model_vocabulary(const struct kf_saved_model *saved, struct kf_layer *layer,
                              const char *path, struct kf_report *rep)
{
    struct table table = {.saved = saved, .layer = layer, .rep = rep};
    int object = kf_saved_model_object(saved, path);
    json_t *list = NULL;
    int r;

    if (!kf_in_words("StringLookup IntegerLookup TextVectorization", layer->class_name) ||
        json_is_array(json_object_get(layer->config, "vocabulary")))
        return 0;
    if (strcmp(layer->class_name, "TextVectorization") == 0)
        object = kf_saved_model_child(saved, object, "_lookup_layer");
    KF_TRY(find_bound(&table, object));
    r = read_table(&table, &list);
    if (r >= 0)
        r = kf_json_set(layer->config, "vocabulary", json_incref(list), rep);
    if (r >= 0)
        r = kf_vocabulary_given(layer, rep);
    if (r >= 0)
        r = take_weights(&table, json_array_size(list));
    json_decref(list);
    return r;
}
