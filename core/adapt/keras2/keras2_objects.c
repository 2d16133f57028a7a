/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../curves.h"
#include <string.h>

static const struct {
    const char *text;
    int since;
    const char *name;
} activations[] = {
#define KF_ACTIVATION(text, since) {text, since, "keras2:activation:" text},
#include "keras2_values.def"
};

/* Those that only Keras 3 has. */
static const struct {
    const char *text;
    int since;
} newer[] = {
#define KF_ACTIVATION3(text, since) {text, since},
#include "../values.def"
};

static const struct {
    const char *class_name, *key, *allowed;
    int before;
    const char *name;
} values[] = {
#define KF_VALUES(class_name, key, allowed, before)                                                \
    {class_name, key, allowed, before, "keras2:values:" class_name "." key},
#include "keras2_values.def"
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Where an object stands says what it is. */
static const char *module_at(const char *key)
{
    return kf_ends(key, "_initializer")   ? "keras.initializers"
           : kf_ends(key, "_regularizer") ? "keras.regularizers"
           : kf_ends(key, "_constraint")  ? "keras.constraints"
           : kf_ends(key, "activation")   ? "keras.layers"
                                          : NULL;
}

static int custom(struct kf_adapt *adapt, struct kf_layer *layer, const char *key, const char *name,
                  const char *what)
{
    if (adapt->options->custom == KF_CUSTOM_KEEP)
        return kf_report_add(adapt->rep, KF_CUSTOM_KEPT, layer->path, "%s of %s", name, key);
    kf_report_add(adapt->rep, KF_CUSTOM_CLASS, layer->path,
                  "%s is %s %s, which Keras does not have", key, what, name);
    return 0;
}

static int report_newer(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                        const char *text, int since)
{
    kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, key,
                     json_object_get(layer->config, key), NULL,
                     "the activation %s came with Keras %d.%d", text, since / 100, since % 100);
    return 0;
}

/* An activation by name, "relu" or {"class_name": "function", "config": "relu"}. */
static int fit_function(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                        const char *text)
{
    if (kf_adapt_late_function(adapt, layer, key, text))
        return 0;
    for (size_t i = 0; i < N_ROWS(activations); i++) {
        if (strcmp(activations[i].text, text) != 0)
            continue;
        kf_report_rule(adapt->rep, activations[i].name);
        if (strcmp(text, "silu") == 0 && adapt->since < activations[i].since)
            return kf_json_set(layer->config, key, json_string("swish"), adapt->rep);
        if (adapt->since < activations[i].since)
            return report_newer(adapt, layer, key, text, activations[i].since);
        return 0;
    }
    for (size_t i = 0; i < N_ROWS(newer); i++)
        if (strcmp(newer[i].text, text) == 0)
            return report_newer(adapt, layer, key, text, newer[i].since);
    return custom(adapt, layer, key, text, "the function");
}

/* An initializer that nobody knows has no effect on weights that are loaded. */
static int drop_initializer(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                            const json_t *value, const char *name)
{
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_DROPPED, layer->path, key, value, NULL,
                            "%s is not a class of Keras, and weights that are loaded need no "
                            "initializer",
                            name));
    json_object_del(layer->config, key);
    return 0;
}

static int fit_object(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                      json_t *value, const char *module)
{
    const char *given = kf_json_str(value, "class_name", ""),
               *name =
                   kf_class_unversioned(adapt->model->arena, kf_keras2_class_find, module, given);
    const struct kf_class *found = kf_keras2_class_find(module, name);

    if (!found && strcmp(module, "keras.initializers") == 0 &&
        adapt->options->custom != KF_CUSTOM_KEEP)
        return drop_initializer(adapt, layer, key, value, name);
    if (!found)
        return custom(adapt, layer, key, name, "an object of");
    if (adapt->since < found->since)
        kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, key, value, NULL,
                         "%s came with Keras %d.%d", name, found->since / 100, found->since % 100);
    return strcmp(name, given) == 0
               ? 0
               : kf_json_set(value, "class_name", json_string(name), adapt->rep);
}

static int fit_text(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                    const json_t *value)
{
    for (size_t i = 0; i < N_ROWS(values); i++) {
        if (strcmp(values[i].key, key) != 0 ||
            strcmp(values[i].class_name, layer->class_name) != 0 ||
            adapt->since >= values[i].before ||
            kf_in_words(values[i].allowed, json_string_value(value)))
            continue;
        kf_report_rule(adapt->rep, values[i].name);
        kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, key, value, NULL,
                         "%s of %s may be in the target Keras: %s", key, layer->class_name,
                         values[i].allowed);
    }
    return 0;
}

/* A class that stands where a layer may: {"class_name", "config"}; a function is one too. */
static int fit_value(struct kf_adapt *adapt, struct kf_layer *layer, const char *key, json_t *value)
{
    const char *module = module_at(key);
    bool activation = module && strcmp(module, "keras.layers") == 0;

    if (!module && json_is_string(value))
        return fit_text(adapt, layer, key, value);
    if (!module || json_is_null(value))
        return 0;
    if (activation && json_is_string(value))
        return fit_function(adapt, layer, key, json_string_value(value));
    if (activation && kf_streq(kf_json_str(value, "class_name", NULL), "function"))
        return fit_function(adapt, layer, key, kf_json_str(value, "config", ""));
    if (adapt->since < KF_ACTIVATION_LAYERS_SINCE_2 && activation && kf_curve_is_softmax(value))
        return kf_curve_softmax(adapt, layer, key);
    if (activation && kf_json_is_object_of_class(value) &&
        adapt->since < KF_ACTIVATION_LAYERS_SINCE_2)
        kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, key, value, NULL,
                         "Keras reads a layer as an activation only from 2.6 on");
    return kf_json_is_object_of_class(value) ? fit_object(adapt, layer, key, value, module) : 0;
}

int kf_keras2_objects_fit(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(layer->config, next, key, value)
        KF_TRY(fit_value(adapt, layer, key, value));
    return 0;
}
