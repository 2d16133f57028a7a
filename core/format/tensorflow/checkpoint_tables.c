/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_tables.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../vocabulary.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TF_INT64 9 /* DataType of TensorFlow */

/* A word of the vocabulary, and its place. */
struct word {
    const json_t *word;
    int64_t at;
};

struct table {
    struct kf_checkpoint *cp;
    struct kf_layer *layer;
    struct kf_report *rep;
    const char *key;       /* of the table in the bundle */
    json_t *keys, *values; /* owned */
};

/* The name of the table below a lookup layer's object; NULL where it has none that is saved. */
static const char *key_of(const struct kf_checkpoint *cp, int node)
{
    static const char *const edges[] = {"_table", "lookup_table"};

    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        int table = kf_checkpoint_child(cp, node, edges[i]);

        for (size_t k = 0; table >= 0 && k < cp->graph->nodes[table]->n_attributes; k++)
            if (strcmp(cp->graph->nodes[table]->attributes[k]->name, "table") == 0)
                return cp->graph->nodes[table]->attributes[k]->checkpoint_key;
    }
    return NULL;
}

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static int read_numbers(struct table *table, const struct kf_bundle_entry *entry, json_t *list)
{
    const struct kf_payload *payload;
    uint64_t n;

    KF_TRY(kf_checkpoint_payload(table->cp, entry, &payload, table->rep));
    n = kf_payload_elements(payload);
    if (n > table->cp->bundle->limits->json_bytes / 8)
        return kf_report_add(table->rep, KF_TOO_LARGE, table->layer->path,
                             "a vocabulary of %" PRIu64 " words", n);
    for (uint64_t i = 0; i < n; i++) {
        int64_t value;

        KF_TRY(payload->pull(payload, i * sizeof(value), &value, sizeof(value), table->rep));
        KF_TRY(kf_json_append(list, json_integer(value), table->rep));
    }
    return 0;
}

/* One column of the table as a list. */
static int read_column(struct table *table, const char *which, json_t **out)
{
    struct kf_arena *arena = table->cp->bundle->arena;
    const char *key = kf_arena_printf(arena, "%s-%s", table->key, which);
    const struct kf_bundle_entry *entry =
        key ? kf_tensor_bundle_find(table->cp->bundle, key) : NULL;

    if (!key)
        return no_memory(table->rep);
    if (!entry || (entry->type != TF_INT64 && entry->type != KF_TF_STRING))
        return kf_report_add(table->rep, KF_WEIGHTS_MISSING, table->layer->path,
                             "the %s of the layer's vocabulary are not in the checkpoint", which);
    if (entry->type == KF_TF_STRING)
        return kf_tensor_bundle_strings(table->cp->bundle, entry, out, table->rep);
    *out = json_array();
    return *out ? read_numbers(table, entry, *out) : no_memory(table->rep);
}

static int compare(const void *a, const void *b)
{
    const struct word *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

/* Names that a key has had. Source: keras/layers/preprocessing/integer_lookup.py (2.4) */
static const json_t *either(const struct kf_layer *layer, const char *key, const char *old)
{
    const json_t *value = json_object_get(layer->config, key);

    return value ? value : json_object_get(layer->config, old);
}

/*
 * The words from the first on that is neither the mask nor stands for others: places in front are
 * theirs, and all behind them are taken.
 */
static int list_words(struct table *table, const struct word *words, size_t n, json_t *list)
{
    const struct kf_layer *layer = table->layer;
    bool numbers = kf_streq(kf_json_str(layer->config, "output_mode", "int"), "int");
    bool texts = json_is_string(n ? words[0].word : NULL);
    const json_t *mask = either(layer, "mask_token", "mask_value");
    json_int_t others = 1;
    int64_t first, next;

    if (json_object_get(layer->config, "num_oov_indices"))
        others = json_integer_value(json_object_get(layer->config, "num_oov_indices"));
    if (others < 0 || (uint64_t)others > n)
        return kf_report_add(table->rep, KF_CORRUPT, layer->path,
                             "the vocabulary has fewer words than places for others");
    first = (numbers && (mask ? !json_is_null(mask) : texts)) + others;
    next = first;
    for (size_t i = 0; i < n; i++) {
        if (words[i].at < first)
            continue;
        if (words[i].at != next++)
            return kf_report_add(table->rep, KF_CORRUPT, layer->path,
                                 "the places of the vocabulary are not one after another");
        KF_TRY(kf_json_append(list, json_deep_copy(words[i].word), table->rep));
    }
    return json_array_size(list) ? 0
                                 : kf_report_add(table->rep, KF_WEIGHTS_MISSING, layer->path,
                                                 "the vocabulary in the checkpoint is empty");
}

/* Which column has the words: an inverted layer looks numbers up. */
static int sort_words(struct table *table, json_t *list)
{
    bool invert = kf_json_bool(table->layer->config, "invert", false);
    json_t *texts = invert ? table->values : table->keys, *one;
    const json_t *places = invert ? table->keys : table->values;
    size_t n = json_array_size(texts), i;
    struct word *words = kf_alloc((n + 1) * sizeof(*words));
    bool fine = n == json_array_size(places);
    int r;

    if (!words)
        return no_memory(table->rep);
    json_array_foreach(texts, i, one)
    {
        const json_t *at = json_array_get(places, i);

        fine = fine && json_is_integer(at);
        words[i] = (struct word){.word = one, .at = json_integer_value(at)};
    }
    if (n)
        qsort(words, n, sizeof(*words), compare);
    r = fine ? list_words(table, words, n, list)
             : kf_report_add(table->rep, KF_CORRUPT, table->layer->path,
                             "the layer's table does not have a place for each word");
    kf_free(words);
    return r;
}

static int take(struct table *table)
{
    json_t *list = json_array();
    int r = list ? read_column(table, "keys", &table->keys) : no_memory(table->rep);

    if (r >= 0)
        r = read_column(table, "values", &table->values);
    if (r >= 0)
        r = sort_words(table, list);
    if (r >= 0)
        r = kf_json_set(table->layer->config, "vocabulary", json_incref(list), table->rep);
    json_decref(list);
    return r < 0 ? r : kf_vocabulary_given(table->layer, table->rep);
}

int kf_checkpoint_vocabulary(struct kf_checkpoint *cp, struct kf_layer *layer, int node,
                             struct kf_report *rep)
{
    struct table table = {.cp = cp, .layer = layer, .rep = rep};
    int r;

    if (!kf_in_words("StringLookup IntegerLookup TextVectorization", layer->class_name) ||
        !kf_in_words("int binary multi_hot count",
                     kf_json_str(layer->config, "output_mode", "int")) ||
        json_is_array(json_object_get(layer->config, "vocabulary")))
        return 0;
    if (strcmp(layer->class_name, "TextVectorization") == 0) {
        int inner = kf_checkpoint_child(cp, node, "_index_lookup_layer");

        node = inner >= 0 ? inner : kf_checkpoint_child(cp, node, "_lookup_layer");
    }
    table.key = key_of(cp, node);
    if (!table.key)
        return 0;
    r = take(&table);
    json_decref(table.keys);
    json_decref(table.values);
    return r;
}
