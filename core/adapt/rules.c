/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "adapt.h"
#include <string.h>

enum what { DROP, NEUTRAL, LATE, RENAME, DEFAULT, UNWRAP, WRAP, SET, SPELL, TRAINING, ASKED };

struct rule {
    const char *classes, *key;
    enum what what;
    const char *value;
    int since;
    const char *source, *name;
};

static const struct rule keras3_rules[] = {
#define KF_RULE(classes, key, what, value, since, source)                                          \
    {classes, key, what, value, since, source, "rule:" classes "." key},
#include "keras2_keras3.def"
};

static const struct rule down_rules[] = {
#define KF_RULE(classes, key, what, value, since, source)                                          \
    {classes, key, what, value, since, source, "down:" classes "." key},
#include "down/keras3_keras2.def"
};

static const struct rule keras2_rules[] = {
#define KF_RULE(classes, key, what, value, since, source)                                          \
    {classes, key, what, value, since, source, "keras2:" classes "." key},
#include "keras2.def"
};

struct reclass {
    const char *from, *to, *add, *source, *name;
};

static const struct reclass keras3_reclasses[] = {
#define KF_RECLASS(from, to, add, source) {from, to, add, source, "class:" from},
#include "keras2_keras3.def"
};

static const struct reclass down_reclasses[] = {
#define KF_RECLASS(from, to, add, source) {from, to, add, source, "down:class:" from},
#include "down/keras3_keras2.def"
};

static const struct reclass keras2_reclasses[] = {
#define KF_RECLASS(from, to, add, source) {from, to, add, source, "keras2:class:" from},
#include "keras2.def"
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* The rows of a step. */
static const struct table {
    const char *keras, *dropped, *neutral; /* for people: who takes the config, and not a key */
    const struct rule *rules;
    size_t n_rules;
    const struct reclass *reclasses;
    size_t n_reclasses;
} tables[] = {
    [KF_RULES_KERAS3] = {"Keras 3", "Keras 3 does not take it",
                         "the value that Keras 3 always takes", keras3_rules, N_ROWS(keras3_rules),
                         keras3_reclasses, N_ROWS(keras3_reclasses)},
    [KF_RULES_KERAS3_KERAS2] = {"Keras 2", "Keras 2 does not take it",
                                "the value that Keras 2 always takes", down_rules,
                                N_ROWS(down_rules), down_reclasses, N_ROWS(down_reclasses)},
    [KF_RULES_KERAS2] = {"Keras 2", "Keras 2 does not take it",
                         "the value that older releases always take", keras2_rules,
                         N_ROWS(keras2_rules), keras2_reclasses, N_ROWS(keras2_reclasses)},
};

static const struct table *table_of(const struct kf_adapt *adapt)
{
    return &tables[adapt->rules];
}

static bool applies(const struct rule *rule, const char *class_name)
{
    if (strcmp(rule->classes, "*") == 0)
        return strcmp(class_name, "InputLayer") != 0;
    return kf_in_words(rule->classes, class_name);
}

/* Whether the runtime that is written for takes what Keras does not. */
static bool is_for(const struct kf_adapt *adapt, const struct rule *rule)
{
    return rule->since < 0 && adapt->runner == KF_RUNS_OTHERS;
}

bool kf_rules_leave(const struct kf_adapt *adapt, const char *class_name, const char *key)
{
    const struct table *table = table_of(adapt);

    for (size_t i = 0; i < table->n_rules; i++)
        if (is_for(adapt, &table->rules[i]) && strcmp(table->rules[i].key, key) == 0 &&
            applies(&table->rules[i], class_name))
            return true;
    return false;
}

/* A row's value; rows are written by us, so only memory can be missing. */
static json_t *value_of(const struct rule *rule)
{
    return json_loads(rule->value, JSON_DECODE_ANY, NULL);
}

static int set_value(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                     enum kf_code code, const char *why)
{
    json_t *value = value_of(rule), *before = json_object_get(layer->config, rule->key);
    int r = value ? 0 : kf_adapt_no_memory(adapt, layer->path);

    if (r >= 0 && !(before && json_equal(before, value))) {
        kf_report_rule(adapt->rep, rule->name);
        r = kf_report_change(adapt->rep, code, layer->path, rule->key, before, value, "%s", why);
        if (r >= 0)
            r = kf_json_set(layer->config, rule->key, json_incref(value), adapt->rep);
    }
    json_decref(value);
    return r;
}

static int drop(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                const json_t *value, const char *why)
{
    kf_report_rule(adapt->rep, rule->name);
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_DROPPED, layer->path, rule->key, value, NULL, "%s",
                            why));
    json_object_del(layer->config, rule->key);
    return 0;
}

static int drop_training(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                         const json_t *value)
{
    KF_TRY(kf_report_add(adapt->rep, KF_TRAINING_DIFFERS, layer->path,
                         "the layer predicts the same but no longer changes its input in "
                         "training"));
    return drop(adapt, layer, rule, value, "only training uses it");
}

/* Numbers are the same when they are equal; 0 and 0.0, 1 and true are not told apart by Keras. */
bool kf_rules_same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        double x = json_number_value(a), y = json_number_value(b);

        return !(x < y) && !(x > y);
    }
    return json_equal((json_t *)a, (json_t *)b);
}

static int neutral(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                   const json_t *value)
{
    json_t *wanted = value_of(rule);
    bool is_neutral = wanted && (kf_rules_same(value, wanted) || json_is_null(value));

    json_decref(wanted);
    if (!wanted)
        return kf_adapt_no_memory(adapt, layer->path);
    if (is_neutral)
        return drop(adapt, layer, rule, value, table_of(adapt)->neutral);
    if (rule->since > 0 ? adapt->since >= rule->since : is_for(adapt, rule))
        return 0;
    kf_report_rule(adapt->rep, rule->name);
    kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, rule->key, value, NULL,
                     "%s of the target Keras has no %s other than %s", layer->class_name, rule->key,
                     rule->value);
    json_object_del(layer->config, rule->key);
    return 0;
}

/* A key that the target takes only from a release on. */
static int late(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                const json_t *value)
{
    json_t *wanted = rule->value ? value_of(rule) : NULL;
    bool is_neutral = !rule->value || (wanted && kf_rules_same(value, wanted));

    json_decref(wanted);
    if (rule->value && !wanted)
        return kf_adapt_no_memory(adapt, layer->path);
    if (adapt->since >= rule->since)
        return 0;
    if (is_neutral)
        return drop(adapt, layer, rule, value, table_of(adapt)->neutral);
    kf_report_rule(adapt->rep, rule->name);
    kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, rule->key, value, NULL,
                     "%s of %s came with Keras %d.%d", rule->key, layer->class_name,
                     rule->since / 100, rule->since % 100);
    json_object_del(layer->config, rule->key);
    return 0;
}

static int rename_key(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                      json_t *value)
{
    kf_report_rule(adapt->rep, rule->name);
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_RENAMED, layer->path, rule->key, value, value,
                            "%s calls it %s", table_of(adapt)->keras, rule->value));
    KF_TRY(kf_json_set(layer->config, rule->value, json_incref(value), adapt->rep));
    json_object_del(layer->config, rule->key);
    return 0;
}

static int unwrap(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                  const json_t *value)
{
    json_t *only = json_array_get(value, 0);

    if (!json_is_array(value))
        return 0;
    kf_report_rule(adapt->rep, rule->name);
    if (json_array_size(value) != 1) {
        if (adapt->runner == KF_RUNS_OTHERS)
            return 0;
        kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, rule->key, value, NULL,
                         "%s of %s takes one %s", layer->class_name, table_of(adapt)->keras,
                         rule->key);
        return 0;
    }
    KF_TRY(kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, rule->key, value, only,
                            "%s takes no list", table_of(adapt)->keras));
    return kf_json_set(layer->config, rule->key, json_incref(only), adapt->rep);
}

static int wrap(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                json_t *value)
{
    json_t *list = json_is_integer(value) ? json_pack("[O]", value) : json_incref(value);
    int r = list ? 0 : kf_adapt_no_memory(adapt, layer->path);

    if (r >= 0 && list != value) {
        kf_report_rule(adapt->rep, rule->name);
        r = kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, rule->key, value, list,
                             "%s takes a list", table_of(adapt)->keras);
        if (r >= 0)
            r = kf_json_set(layer->config, rule->key, json_incref(list), adapt->rep);
    }
    json_decref(list);
    return r;
}

/* A value that has another name now. */
static int spell(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule,
                 const json_t *value)
{
    json_t *names = value_of(rule), *name = NULL;
    int r = names ? 0 : kf_adapt_no_memory(adapt, layer->path);

    if (json_is_string(value))
        name = json_object_get(names, json_string_value(value));
    if (name) {
        kf_report_rule(adapt->rep, rule->name);
        r = kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, rule->key, value, name,
                             "%s calls it so", table_of(adapt)->keras);
    }
    if (name && r >= 0)
        r = kf_json_set(layer->config, rule->key, json_incref(name), adapt->rep);
    json_decref(names);
    return r;
}

static int apply_rule(struct kf_adapt *adapt, struct kf_layer *layer, const struct rule *rule)
{
    json_t *value = json_object_get(layer->config, rule->key);

    if (rule->what == SET)
        return set_value(adapt, layer, rule, KF_VALUE_REWRITTEN, "what the old class always did");
    if (rule->what == DEFAULT)
        return value ? 0
                     : set_value(adapt, layer, rule, KF_KEY_DEFAULTED,
                                 "the Keras that wrote the file took this without saying so");
    if (!value)
        return 0;
    switch (rule->what) {
    case DROP:
        return drop(adapt, layer, rule, value, table_of(adapt)->dropped);
    case ASKED:
        return drop(adapt, layer, rule, value,
                    json_is_true(value) ? "the target Keras asks for every input: this one can be "
                                          "left out no longer"
                                        : table_of(adapt)->neutral);
    case TRAINING:
        return drop_training(adapt, layer, rule, value);
    case LATE:
        return late(adapt, layer, rule, value);
    case NEUTRAL:
        return neutral(adapt, layer, rule, value);
    case WRAP:
        return wrap(adapt, layer, rule, value);
    case SPELL:
        return spell(adapt, layer, rule, value);
    case RENAME:
        return rename_key(adapt, layer, rule, value);
    default:
        return unwrap(adapt, layer, rule, value);
    }
}

static int apply_reclass(struct kf_adapt *adapt, struct kf_layer *layer, const struct reclass *row)
{
    json_t *add = json_loads(row->add, 0, NULL);
    int r = add ? 0 : kf_adapt_no_memory(adapt, layer->path);

    kf_report_rule(adapt->rep, row->name);
    if (r >= 0)
        r = kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                          "%s became %s, which computes the same", row->from, row->to);
    if (r >= 0 && json_object_update_missing(layer->config, add) < 0)
        r = kf_adapt_no_memory(adapt, layer->path);
    json_decref(add);
    layer->class_name = row->to;
    return r;
}

int kf_rules_apply(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const struct table *table = table_of(adapt);

    for (size_t i = 0; i < table->n_rules; i++)
        if (applies(&table->rules[i], layer->class_name))
            KF_TRY(apply_rule(adapt, layer, &table->rules[i]));
    for (size_t i = 0; i < table->n_reclasses; i++)
        if (strcmp(table->reclasses[i].from, layer->class_name) == 0)
            return apply_reclass(adapt, layer, &table->reclasses[i]);
    return 0;
}
