/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "training.h"
#include <string.h>

static const struct {
    const char *function, *class_name, *name;
} metrics[] = {
#define KF_METRIC(function, class_name) {function, class_name, "metric:" function},
#include "training.def"
};

static const struct {
    const char *text, *name;
} words[] = {
#define KF_METRIC_WORD(text) {text, "metric-word:" text},
#include "training.def"
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* The metrics of one output, while they are made. */
struct one_output {
    struct kf_adapt *adapt;
    const char *key;    /* "metrics" or "weighted_metrics" */
    const char *prefix; /* name of the output, which Keras puts in front of each; or NULL */
    json_t *made;       /* list */
};

static const char *class_of(struct kf_adapt *adapt, const char *function)
{
    for (size_t i = 0; i < N_ROWS(metrics); i++)
        if (strcmp(metrics[i].function, function) == 0) {
            kf_report_rule(adapt->rep, metrics[i].name);
            return metrics[i].class_name;
        }
    return NULL;
}

static bool is_word(struct kf_adapt *adapt, const char *text)
{
    for (size_t i = 0; i < N_ROWS(words); i++)
        if (strcmp(words[i].text, text) == 0) {
            kf_report_rule(adapt->rep, words[i].name);
            return true;
        }
    return false;
}

static int lost(struct one_output *one, const char *name)
{
    return kf_training_lost(one->adapt, "compile/metrics",
                            "%s of %s is not a metric of the target Keras, and is left out", name,
                            one->key);
}

static int append(struct one_output *one, json_t *metric)
{
    return kf_json_append(one->made, metric, one->adapt->rep);
}

/* The class that a word stands for: a function's, or its own name as Keras takes it, too: "AUC", or
 * "auc" in Keras 3. Without any the word itself. */
static int find_class(struct one_output *one, const char **out, const char *text)
{
    struct kf_adapt *adapt = one->adapt;
    const struct kf_class *snake = NULL;

    *out = class_of(adapt, kf_loss_name(adapt, text));
    if (!*out && adapt->model->dialect == KF_DIALECT_KERAS3 &&
        !kf_class_of_snake(&snake, adapt->model->arena, "keras.metrics", text, strlen(text)))
        return kf_adapt_no_memory(adapt, "compile/metrics");
    if (!*out)
        *out = snake ? snake->name : text;
    return 0;
}

/* A metric by name; the name stays what the history calls it. */
static int adapt_name(struct one_output *one, const char *text)
{
    const struct kf_class *found;
    const char *class_name;

    if (is_word(one->adapt, text))
        return append(one, json_string(text));
    KF_TRY(find_class(one, &class_name, text));
    found = kf_training_class(one->adapt, "keras.metrics", class_name);
    if (!found)
        return lost(one, text);
    return append(
        one, kf_training_object("keras.metrics", class_name, json_pack("{s:s}", "name", text)));
}

/* "mae" of "out_mae": Keras 3 puts the output's name in front again. */
static const char *without_prefix(const struct one_output *one, const char *name)
{
    size_t n = one->prefix ? strlen(one->prefix) : 0;

    return n && kf_starts(name, one->prefix) && name[n] == '_' ? name + n + 1 : name;
}

/* Keys that have no effect where they are what Keras 3 does. */
static bool is_idle(const char *key, const json_t *value)
{
    return strcmp(key, "fn") == 0 ||
           (strcmp(key, "dtype") == 0 && kf_streq(json_string_value(value), "float32"));
}

static int adapt_keys(struct one_output *one, json_t *config, const json_t *old,
                      const struct kf_class *found, bool *whole)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)old, key, value)
    {
        enum kf_key known;

        if (is_idle(key, value))
            continue;
        if (strcmp(key, "name") == 0 && json_is_string(value)) {
            KF_TRY(kf_json_set(config, key,
                               json_string(without_prefix(one, json_string_value(value))),
                               one->adapt->rep));
            continue;
        }
        known = kf_training_key(one->adapt, found, "compile/metrics", key, value);
        if (known == KF_KEY_TAKEN)
            KF_TRY(kf_json_set(config, key, json_incref(value), one->adapt->rep));
        *whole = *whole && known != KF_KEY_UNKNOWN;
    }
    return 0;
}

static int adapt_object(struct one_output *one, const json_t *object)
{
    const char *class_name = kf_json_str(object, "class_name", "");
    const json_t *old = json_object_get(object, "config");
    const char *function = kf_function_name(json_object_get(old, "fn"));
    const struct kf_class *found;
    json_auto_t *config = json_object();
    bool whole = true;

    if (function && strcmp(class_name, "MeanMetricWrapper") == 0) {
        class_name = class_of(one->adapt, kf_loss_name(one->adapt, function));
        if (!class_name)
            return lost(one, function);
    }
    found = kf_training_class(one->adapt, "keras.metrics", class_name);
    if (!found)
        return lost(one, class_name);
    KF_TRY(adapt_keys(one, config, old, found, &whole));
    if (!whole)
        return lost(one, class_name);
    return append(one, kf_training_object("keras.metrics", class_name, json_incref(config)));
}

static int adapt_one(struct one_output *one, const json_t *metric)
{
    const char *name = kf_function_name(metric);

    if (!metric || json_is_null(metric))
        return 0;
    if (name)
        return adapt_name(one, name);
    if (kf_json_is_object_of_class(metric))
        return adapt_object(one, metric);
    return lost(one, "one of this form");
}

/* All that stands for one output: a metric, or a list of them, lists in it included. */
static int adapt_all(struct one_output *one, json_t *value)
{
    json_t *member, *inner;
    size_t i, k;

    if (!json_is_array(value))
        return adapt_one(one, value);
    json_array_foreach(value, i, member)
    {
        if (!json_is_array(member)) {
            KF_TRY(adapt_one(one, member));
            continue;
        }
        json_array_foreach(member, k, inner) KF_TRY(adapt_one(one, inner));
    }
    return 0;
}

/* A flat list is meant for every output; but not in Keras 3. */
static bool is_flat(const struct one_output *one, const json_t *list)
{
    json_t *member;
    size_t i;

    if (one->adapt->model->dialect == KF_DIALECT_KERAS3)
        return false;
    json_array_foreach(list, i, member) if (json_is_array(member) ||
                                            (json_is_object(member) &&
                                             !kf_json_is_object_of_class(member))) return false;
    return true;
}

static json_t *told_for(const struct one_output *one, json_t *value,
                        const struct kf_outputs *outputs, size_t index)
{
    if (json_is_object(value) && !kf_json_is_object_of_class(value))
        return json_object_get(value, outputs->names[index]);
    if (json_is_array(value) && outputs->n > 1 && !is_flat(one, value))
        return json_array_get(value, index);
    return value;
}

static int adapt_list(struct one_output *one, json_t **out, json_t *value,
                      const struct kf_outputs *outputs)
{
    json_auto_t *list = json_array();

    for (size_t i = 0; i < outputs->n; i++) {
        json_auto_t *made = json_array();

        one->made = made;
        one->prefix = outputs->names[i];
        KF_TRY(adapt_all(one, told_for(one, value, outputs, i)));
        KF_TRY(kf_json_append(list, json_array_size(made) ? json_incref(made) : json_null(),
                              one->adapt->rep));
    }
    *out = json_incref(list);
    return 0;
}

/* A model that gives a dict: its keys stay. */
static int adapt_dict(struct one_output *one, json_t **out, json_t *value)
{
    json_auto_t *dict = json_object();
    const char *key;
    json_t *member;

    json_object_foreach(value, key, member)
    {
        json_auto_t *made = json_array();

        one->made = made;
        one->prefix = key;
        KF_TRY(adapt_all(one, member));
        KF_TRY(kf_json_set(dict, key, json_incref(made), one->adapt->rep));
    }
    *out = json_incref(dict);
    return 0;
}

int kf_adapt_metrics(struct kf_adapt *adapt, json_t **out, const char *key, json_t *value,
                     const struct kf_outputs *outputs)
{
    struct one_output one = {.adapt = adapt, .key = key};
    json_auto_t *made = json_array();

    *out = json_null();
    if (!value || json_is_null(value))
        return 0;
    if (outputs->dict && json_is_object(value) && !kf_json_is_object_of_class(value))
        return adapt_dict(&one, out, value);
    if (outputs->n > 1)
        return adapt_list(&one, out, value, outputs);
    one.made = made;
    KF_TRY(adapt_all(&one, told_for(&one, value, outputs, 0)));
    *out = json_array_size(made) ? json_incref(made) : json_null();
    return 0;
}
