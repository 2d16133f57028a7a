/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "curves.h"
#include <string.h>

enum custom { REFUSE, DROP };

static const struct position {
    const char *suffix, *module;
    enum custom custom;
    const char *name;
} positions[] = {
#define KF_POSITION(suffix, module, custom) {suffix, module, custom, "position:" suffix},
#include "values.def"
};

static const struct object_row {
    const char *module, *from, *to;
    int since;
    const char *source, *name;
} object_rows[] = {
#define KF_OBJECT(module, from, to, since, source)                                                 \
    {module, from, to, since, source, "object:" from},
#include "values.def"
};

static const struct activation {
    const char *text;
    int since;
    bool keras3; /* means something else, or nothing, in a config of Keras 2 */
    const char *name;
} activations[] = {
#define KF_ACTIVATION(text, since)  {text, since, false, "activation:" text},
#define KF_ACTIVATION3(text, since) {text, since, true, "activation:" text},
#include "values.def"
};

static const struct {
    const char *classes, *key, *allowed;
    int since;
    const char *name;
} value_rows[] = {
#define KF_VALUES(classes, key, allowed, since)                                                    \
    {classes, key, allowed, since, "values:" classes "." key "." #since},
#include "values.def"
};

/* Source: keras/src/dtype_policies/__init__.py get (3.3.3, 3.4.1) */
#define POLICIES_SINCE 304

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct position *position_of(const char *key)
{
    for (size_t i = 0; i < N_ROWS(positions); i++)
        if (kf_ends(key, positions[i].suffix))
            return &positions[i];
    return NULL;
}

static int replace(struct kf_adapt *adapt, struct kf_layer *layer, const char *key, json_t *value,
                   const char *why)
{
    json_t *before = json_object_get(layer->config, key);

    if (!value)
        return kf_adapt_no_memory(adapt, layer->path);
    if (why)
        kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, key, before, value, "%s",
                         why);
    return kf_json_set(layer->config, key, value, adapt->rep);
}

/* A policy's name: Keras 3 takes the string in every release, and Keras 2's object in none; its own
 * one only later. */
static int apply_dtype(struct kf_adapt *adapt, struct kf_layer *layer, json_t *value)
{
    const char *name = kf_json_str(json_object_get(value, "config"), "name", NULL);

    if (kf_streq(json_string_value(value), "infer") || kf_streq(name, "infer"))
        name = "float32";
    else if (!json_is_object(value))
        return 0;
    else if (adapt->native && adapt->since >= POLICIES_SINCE)
        return kf_keras3_policy(adapt, layer, value);
    if (!name) {
        kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, "dtype", value, NULL,
                         "the dtype policy has no name");
        return 0;
    }
    return replace(adapt, layer, "dtype", json_string(name), "a policy is written as its name");
}

/* NumPy scalars of old files: {"type": "ndarray", "value": 0.3} is 0.3. */
static int unwrap_numpy(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                        json_t *value)
{
    json_t *inside = json_object_get(value, "value");

    if (!inside || !kf_streq(kf_json_str(value, "type", NULL), "ndarray"))
        return 0;
    return replace(adapt, layer, key, json_incref(inside), "a NumPy value is written as a number");
}

/* The function of Keras that a file means by a name, or NULL. */
static const struct activation *activation_of(struct kf_adapt *adapt, const char *text)
{
    for (size_t i = 0; i < N_ROWS(activations); i++)
        if (strcmp(activations[i].text, text) == 0 && (adapt->native || !activations[i].keras3)) {
            kf_report_rule(adapt->rep, activations[i].name);
            return &activations[i];
        }
    return NULL;
}

/* What takes the place of a function that no Keras has any more. */
static bool is_told_others(const struct kf_adapt *adapt, const char *text)
{
    return adapt->runner == KF_RUNS_OTHERS && strcmp(text, KF_HARD_SIGMOID2) == 0;
}

/* A function by name, "relu" or {"class_name": "function", "config": "relu"}. */
static int apply_function(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                          json_t *value)
{
    const char *text =
        json_is_string(value) ? json_string_value(value) : kf_json_str(value, "config", NULL);
    const struct activation *found = text ? activation_of(adapt, text) : NULL;

    if (!text || is_told_others(adapt, text) || kf_adapt_late_function(adapt, layer, key, text))
        return 0;
    if (found && adapt->since < found->since) {
        kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, key, value, NULL,
                         "the activation %s came with Keras %d.%d", text, found->since / 100,
                         found->since % 100);
        return 0;
    }
    if (found)
        return json_is_string(value) ? 0
                                     : replace(adapt, layer, key, json_string(text),
                                               "a function of Keras is written as its name");
    if (adapt->options->custom == KF_CUSTOM_KEEP)
        kf_report_add(adapt->rep, KF_CUSTOM_KEPT, layer->path, "the function %s", text);
    else
        kf_report_add(adapt->rep, KF_CUSTOM_CLASS, layer->path,
                      "%s is the function %s, which Keras does not have", key, text);
    return 0;
}

static const struct object_row *object_row(struct kf_adapt *adapt, const char *module,
                                           const char *name)
{
    for (size_t i = 0; i < N_ROWS(object_rows); i++)
        if (strcmp(object_rows[i].module, module) == 0 && strcmp(object_rows[i].from, name) == 0 &&
            (!object_rows[i].since || adapt->since < object_rows[i].since))
            return &object_rows[i];
    return NULL;
}

/* Keys that a helper object of Keras 3 does not take: "dtype" of TensorFlow 1's initializers. */
static int drop_unknown(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                        const struct kf_class *found, json_t *config)
{
    struct kf_layer object = {.class_name = found->name, .path = layer->path, .config = config};
    const char *name;
    json_t *value;
    void *next;

    KF_TRY(kf_keras3_keys(adapt, &object));
    json_object_foreach_safe(config, next, name, value)
    {
        if (kf_class_takes(found, name))
            continue;
        KF_TRY(kf_report_change(adapt->rep, KF_KEY_DROPPED, layer->path, key, value, NULL,
                                "%s of Keras 3 takes no %s", found->name, name));
        json_object_del(config, name);
    }
    return 0;
}

static int drop_object(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                       json_t *value, const char *name)
{
    bool initializer = kf_ends(key, "_initializer");

    if (!initializer)
        kf_report_add(adapt->rep, KF_TRAINING_DIFFERS, layer->path,
                      "%s %s acts only in training and has no equal in Keras 3", key, name);
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_DROPPED, layer->path, key, value, NULL,
                            "%s is not a class of Keras 3, and a loaded model does not need it",
                            name));
    if (initializer) {
        json_object_del(layer->config, key);
        return 0;
    }
    return kf_json_set(layer->config, key, json_null(), adapt->rep);
}

static int custom_object(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                         json_t *value, const struct position *position, const char *name)
{
    if (adapt->options->custom == KF_CUSTOM_KEEP) {
        kf_report_add(adapt->rep, KF_CUSTOM_KEPT, layer->path, "%s of %s", name, key);
        return 0;
    }
    if (position->custom == DROP) {
        KF_TRY(kf_report_change(adapt->rep, KF_KEY_DROPPED, layer->path, key, value, NULL,
                                "%s is not a class of Keras, and weights that are loaded need no "
                                "initializer",
                                name));
        json_object_del(layer->config, key);
        return 0;
    }
    kf_report_add(adapt->rep, KF_CUSTOM_CLASS, layer->path,
                  "%s is an object of %s, which Keras does not have", key, name);
    return 0;
}

/* {"module", "class_name", "config", "registered_name": null}, a new reference. */
static json_t *v3_object(const char *module, const char *name, json_t *config)
{
    return json_pack("{s:s, s:s, s:O, s:n}", "module", module, "class_name", name, "config", config,
                     "registered_name");
}

static int apply_object(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                        json_t *value, const struct position *position)
{
    const char *name = kf_class_unversioned(adapt->model->arena, kf_class_find, position->module,
                                            kf_json_str(value, "class_name", ""));
    const struct object_row *row = object_row(adapt, position->module, name);
    const struct kf_class *found;
    json_t *config = json_object_get(value, "config");

    if (row) {
        kf_report_rule(adapt->rep, row->name);
        if (!row->to)
            return drop_object(adapt, layer, key, value, name);
        name = row->to;
    }
    found = kf_class_find(position->module, name);
    if (!found)
        return custom_object(adapt, layer, key, value, position, name);
    KF_TRY(drop_unknown(adapt, layer, key, found, config));
    return replace(adapt, layer, key, v3_object(position->module, name, config), NULL);
}

/* Of the Keras that wrote the file, or the one that is to read it. */
static bool is_layer(struct kf_adapt *adapt, const char *name)
{
    const char *rule;

    return kf_class_find("keras.layers", name) || kf_rules_gone(adapt, name, &rule) ||
           (!adapt->native && kf_keras2_class_find("keras.layers", name));
}

/* An activation that is a layer: its config is adapted like any layer's. */
static int apply_layer(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                       json_t *value)
{
    struct kf_layer inner = {.class_name = kf_json_str(value, "class_name", ""),
                             .path = layer->path,
                             .config = json_object_get(value, "config")};

    if (adapt->since < KF_ACTIVATION_LAYERS_SINCE && kf_curve_is_softmax(value))
        return kf_curve_softmax(adapt, layer, key);
    if (!is_layer(adapt, inner.class_name))
        return apply_function(adapt, layer, key, json_object_get(value, "class_name"));
    if (adapt->since < KF_ACTIVATION_LAYERS_SINCE)
        kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, key, value, NULL,
                         "Keras reads a layer as an activation only from 3.10 on");
    KF_TRY(kf_rules_apply(adapt, &inner));
    KF_TRY(kf_objects_apply(adapt, &inner));
    return replace(adapt, layer, key, v3_object("keras.layers", inner.class_name, inner.config),
                   NULL);
}

/* What other runtimes take, their own tables say. */
static int check_value(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                       json_t *value)
{
    const char *text = adapt->runner == KF_RUNS_OTHERS ? NULL : json_string_value(value);

    for (size_t i = 0; text && i < N_ROWS(value_rows); i++) {
        if (strcmp(value_rows[i].key, key) != 0 ||
            !kf_in_words(value_rows[i].classes, layer->class_name) ||
            adapt->since < value_rows[i].since)
            continue;
        kf_report_rule(adapt->rep, value_rows[i].name);
        if (!kf_in_words(value_rows[i].allowed, text))
            kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, key, value, NULL,
                             "%s of %s may be in the target Keras: %s", key, layer->class_name,
                             value_rows[i].allowed);
        break;
    }
    return 0;
}

static int apply_value(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                       json_t *value)
{
    const struct position *position = position_of(key);
    bool activation = position && strcmp(position->module, "keras.layers") == 0;

    if (strcmp(key, "dtype") == 0)
        return apply_dtype(adapt, layer, value);
    if (!position)
        return json_is_object(value) ? unwrap_numpy(adapt, layer, key, value)
                                     : check_value(adapt, layer, key, value);
    if (json_is_null(value))
        return 0;
    kf_report_rule(adapt->rep, position->name);
    if (activation &&
        (json_is_string(value) || kf_streq(kf_json_str(value, "class_name", NULL), "function")))
        return apply_function(adapt, layer, key, value);
    if (!kf_json_is_object_of_class(value))
        return 0;
    return activation ? apply_layer(adapt, layer, key, value)
                      : apply_object(adapt, layer, key, value, position);
}

int kf_objects_apply(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(layer->config, next, key, value)
        KF_TRY(apply_value(adapt, layer, key, value));
    return 0;
}
