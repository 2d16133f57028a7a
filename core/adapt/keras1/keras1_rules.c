/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "keras1.h"
#include <stdlib.h>
#include <string.h>

enum what { DROP, TRAINING, RENAME, LIST, INITIALIZER, HELPER };

static const struct rule {
    const char *classes, *key;
    enum what what;
    const char *value, *name;
} rules[] = {
#define KF1_RULE(classes, key, what, value)                                                        \
    {classes, key, what, value, "keras1-rule:" classes "." key},
#include "keras1_keras2.def"
};

static const struct word {
    const char *key, *word, *value, *name;
} words[] = {
#define KF1_WORD(key, word, value) {key, word, value, "keras1-word:" key "." word},
#include "keras1_keras2.def"
};

static const struct initializer {
    const char *word, *object, *name;
} initializers[] = {
#define KF1_INITIALIZER(word, object) {word, object, "keras1-initializer:" word},
#include "keras1_keras2.def"
};

static const struct helper {
    const char *word, *class_name, *keys, *name;
} helpers[] = {
#define KF1_HELPER(word, class_name, keys) {word, class_name, keys, "keras1-helper:" word},
#include "keras1_keras2.def"
};

static const struct class_row {
    const char *from, *to, *name;
} class_rows[] = {
#define KF1_CLASS(from, to) {from, to, "keras1-class:" from},
#include "keras1_keras2.def"
};

static const struct gone {
    const char *class_name, *why, *name;
} gone_rows[] = {
#define KF1_GONE(class_name, why) {class_name, why, "keras1-gone:" class_name},
#include "keras1_keras2.def"
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Put `value` in place of `rule->key`, under the key that Keras 2 has; takes the reference. */
static int put(struct kf_adapt *adapt, struct kf_layer *layer, const char *key, const char *new_key,
               json_t *value)
{
    json_t *before = json_object_get(layer->config, key);

    if (!value)
        return kf_adapt_no_memory(adapt, layer->path);
    if (kf_report_change(adapt->rep,
                         json_equal(before, value) ? KF_KEY_RENAMED : KF_VALUE_REWRITTEN,
                         layer->path, key, before, value, "later Keras calls it %s", new_key) < 0) {
        json_decref(value);
        return kf_report_status(adapt->rep);
    }
    if (strcmp(key, new_key) != 0)
        json_object_del(layer->config, key);
    return kf_json_set(layer->config, new_key, value, adapt->rep);
}

static int drop(struct kf_adapt *adapt, struct kf_layer *layer, const char *key, const char *why)
{
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_DROPPED, layer->path, key,
                            json_object_get(layer->config, key), NULL, "%s", why));
    json_object_del(layer->config, key);
    return 0;
}

static int drop_training(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                         const json_t *value)
{
    if (json_is_number(value) && json_number_value(value) != strtod(rule->value, NULL))
        kf_report_add(adapt->rep, KF_TRAINING_DIFFERS, layer->path,
                      "%s acts only in training and has no equal in later Keras", rule->key);
    return drop(adapt, layer, rule->key, "later Keras does not take it");
}

/* The value of a renamed key: words of Keras 1 are translated, all else stays. New reference. */
static json_t *translate(struct kf_adapt *adapt, const char *key, json_t *value)
{
    const char *text = json_string_value(value);

    for (size_t i = 0; text && i < N_ROWS(words); i++)
        if (strcmp(words[i].key, key) == 0 &&
            (strcmp(words[i].word, "*") == 0 || strcmp(words[i].word, text) == 0)) {
            kf_report_rule(adapt->rep, words[i].name);
            return json_loads(words[i].value, JSON_DECODE_ANY, NULL);
        }
    return json_incref(value);
}

/* The numbers of one or several keys as a list under a new one. */
static int make_list(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule)
{
    json_auto_t *list = json_array();
    const char *key = rule->key;

    while (*key) {
        size_t n = strcspn(key, " ");
        const char *one = kf_arena_strndup(adapt->model->arena, key, n);
        json_t *value = one ? json_object_get(layer->config, one) : NULL;

        if (!one)
            return kf_adapt_no_memory(adapt, layer->path);
        if (!value)
            return kf_report_add(adapt->rep, KF_BAD_CONFIG, layer->path,
                                 "the config of a %s has no %s", layer->class_name, one);
        KF_TRY(kf_json_append(list, json_incref(value), adapt->rep));
        json_object_del(layer->config, one);
        key += n + (key[n] == ' ');
    }
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_RENAMED, layer->path, rule->value, NULL, list,
                            "what was %s", rule->key));
    return kf_json_set(layer->config, rule->value, json_incref(list), adapt->rep);
}

static int set_initializer(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                           const json_t *value)
{
    const char *text = json_string_value(value);

    for (size_t i = 0; text && i < N_ROWS(initializers); i++)
        if (strcmp(initializers[i].word, text) == 0) {
            kf_report_rule(adapt->rep, initializers[i].name);
            return put(adapt, layer, rule->key, rule->value,
                       json_loads(initializers[i].object, 0, NULL));
        }
    return drop(adapt, layer, rule->key,
                "no function of Keras, and weights that are loaded need no initializer");
}

/* {"class_name", "config"} with the keys of a helper as Keras 2 has them. New reference. */
static json_t *make_helper(struct kf_adapt *adapt, const struct helper *row, const json_t *value)
{
    json_auto_t *config = json_object();
    const char *pair = row->keys;

    while (config && *pair) {
        size_t n = strcspn(pair, " "), n_old = strcspn(pair, "=");
        const char *old = kf_arena_strndup(adapt->model->arena, pair, n_old);
        const char *new = kf_arena_strndup(adapt->model->arena, pair + n_old + 1, n - n_old - 1);
        json_t *one = old ? json_object_get(value, old) : NULL;

        if (!old || !new || (one && json_object_set(config, new, one) < 0))
            return NULL;
        pair += n + (pair[n] == ' ');
    }
    return config ? json_pack("{s:s, s:O}", "class_name", row->class_name, "config", config) : NULL;
}

static int set_helper(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                      json_t *value)
{
    const char *name = kf_json_str(value, "name", NULL);

    if (json_is_null(value))
        return put(adapt, layer, rule->key, rule->value, json_null());
    for (size_t i = 0; name && i < N_ROWS(helpers); i++) {
        if (strcmp(helpers[i].word, name) != 0)
            continue;
        kf_report_rule(adapt->rep, helpers[i].name);
        if (helpers[i].class_name)
            return put(adapt, layer, rule->key, rule->value,
                       make_helper(adapt, &helpers[i], value));
        name = NULL;
    }
    kf_report_add(adapt->rep, KF_TRAINING_DIFFERS, layer->path,
                  "%s acts only in training and has no equal in later Keras", rule->key);
    return drop(adapt, layer, rule->key, "later Keras does not have it");
}

static int apply(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule)
{
    json_t *value = json_object_get(layer->config, rule->key);

    if (rule->what == LIST) {
        kf_report_rule(adapt->rep, rule->name);
        return make_list(adapt, layer, rule);
    }
    if (!value)
        return 0;
    kf_report_rule(adapt->rep, rule->name);
    switch (rule->what) {
    case DROP:
        return drop(adapt, layer, rule->key, "it has no effect on a model whose shapes are known");
    case TRAINING:
        return drop_training(adapt, layer, rule, value);
    case INITIALIZER:
        return set_initializer(adapt, layer, rule, value);
    case HELPER:
        return set_helper(adapt, layer, rule, value);
    default:
        return put(adapt, layer, rule->key, rule->value, translate(adapt, rule->key, value));
    }
}

static int refuse_gone(struct kf_adapt *adapt, const struct kf_layer *layer)
{
    for (size_t i = 0; i < N_ROWS(gone_rows); i++)
        if (strcmp(gone_rows[i].class_name, layer->class_name) == 0) {
            kf_report_rule(adapt->rep, gone_rows[i].name);
            kf_report_add(adapt->rep, KF_NO_EQUAL, layer->path, "%s: %s", layer->class_name,
                          gone_rows[i].why);
        }
    return 0;
}

static int rename_class(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < N_ROWS(class_rows); i++)
        if (strcmp(class_rows[i].from, layer->class_name) == 0) {
            kf_report_rule(adapt->rep, class_rows[i].name);
            layer->class_name = class_rows[i].to;
            return kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                                 "%s became %s, which computes the same", class_rows[i].from,
                                 class_rows[i].to);
        }
    return 0;
}

int kf_keras1_rules(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    struct kf_adapt *adapt = keras1->adapt;

    KF_TRY(refuse_gone(adapt, layer));
    for (size_t i = 0; i < N_ROWS(rules); i++)
        if (kf_in_words(rules[i].classes, layer->class_name))
            KF_TRY(apply(adapt, layer, &rules[i]));
    KF_TRY(kf_keras1_special(keras1, layer));
    return rename_class(adapt, layer);
}
