/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/lambda.h"
#include "../model/packages.h"
#include "adapt.h"
#include <string.h>

/* A sentence about a Lambda, of code that may be long. */
#define ABOUT_MAX 700

static int adapt_layer(struct kf_adapt *adapt, struct kf_layer *layer);

/* A key that neither a row nor the class of Keras 3 knows would make the load fail. */
int kf_adapt_keys(struct kf_adapt *adapt, struct kf_layer *layer, const struct kf_class *found)
{
    const char *key;
    json_t *value;

    json_object_foreach(layer->config, key, value)
    {
        if (kf_class_takes(found, key) || kf_rules_leave(adapt, layer->class_name, key))
            continue;
        kf_report_change(adapt->rep, KF_UNKNOWN_KEY, layer->path, key, value, NULL,
                         "%s of Keras 3 takes no %s, and what it does is not known",
                         layer->class_name, key);
    }
    return 0;
}

/* "Package>Class" of a class that was registered, else the class itself. */
static int keep_custom(struct kf_adapt *adapt, struct kf_layer *layer, const char *what,
                       const char *hint)
{
    kf_report_rule(adapt->rep, "custom:keep");
    layer->custom = true;
    if (!layer->registered_name)
        layer->registered_name = layer->class_name;
    return kf_report_add(adapt->rep, KF_CUSTOM_KEPT, layer->path, "%s %s%s", what,
                         layer->class_name, hint);
}

/* The code is read, never run. */
static int lambda(struct kf_adapt *adapt, struct kf_layer *layer)
{
    struct kf_buf about = {.max = ABOUT_MAX};
    const char *text;

    kf_lambda_describe(layer->config, "function", &about);
    text = about.n > 0 ? about.data : "a function that the file does not hold";
    kf_report_add(adapt->rep, KF_CARRIES_CODE, layer->path,
                  "the Lambda holds Python code, which was not run: %s", text);
    if (adapt->options->custom != KF_CUSTOM_KEEP)
        kf_report_add(adapt->rep, KF_LAMBDA, layer->path,
                      "a Lambda is Python code of the version that wrote it: %s", text);
    kf_buf_finish(&about);
    return adapt->options->custom == KF_CUSTOM_KEEP ? keep_custom(adapt, layer, "a", "") : 0;
}

int kf_adapt_custom(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const char *rule = NULL, *foreign = kf_keras3_foreign(layer->class_name, &rule);
    const char *hint, *handle;
    char text[KF_PACKAGE_TEXT];

    if (foreign) {
        kf_report_rule(adapt->rep, rule);
        kf_report_add(adapt->rep, KF_NO_EQUAL, layer->path, "%s: %s", layer->class_name, foreign);
        return 0;
    }
    if (strcmp(layer->class_name, "Lambda") == 0)
        return lambda(adapt, layer);
    hint = kf_package_hint(layer, text);
    if (adapt->options->custom == KF_CUSTOM_KEEP)
        return keep_custom(adapt, layer, "the custom class", hint);
    handle = kf_json_str(layer->config, "handle", NULL);
    kf_report_add(
        adapt->rep, KF_CUSTOM_CLASS, layer->path, "%s is not %s%s%s%s%s", layer->class_name,
        layer->users ? "the layer of Keras of that name, " : "a layer of Keras",
        layer->users ? layer->users : "", hint, handle ? "; it loads " : "", handle ? handle : "");
    return 0;
}

static int refuse_class(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const char *rule = NULL, *why = kf_rules_gone(adapt, layer->class_name, &rule);

    if (!why)
        return kf_adapt_custom(adapt, layer);
    kf_report_rule(adapt->rep, rule);
    kf_report_add(adapt->rep, KF_NO_EQUAL, layer->path, "%s: %s", layer->class_name, why);
    return 0;
}

int kf_adapt_age(struct kf_adapt *adapt, struct kf_layer *layer, const struct kf_class *found)
{
    if (adapt->since < found->since)
        kf_report_add(adapt->rep, KF_NO_EQUAL, layer->path, "%s came with Keras %d.%d",
                      layer->class_name, found->since / 100, found->since % 100);
    return 0;
}

const struct kf_class *kf_adapt_class(const struct kf_layer *layer)
{
    return layer->users ? NULL : kf_class_find("keras.layers", layer->class_name);
}

/* The object of a part in its parent's config, as Keras 3 writes it. */
int kf_adapt_write_part(struct kf_adapt *adapt, struct kf_layer *owner, struct kf_layer *part,
                        size_t index)
{
    json_t *list = part->config_key ? json_object_get(owner->config, part->config_key) : NULL;
    json_t *object = part->in_container ? json_array_get(list, index) : list;

    if (!object || part->inner)
        return 0;
    KF_TRY(kf_json_set(object, "module", part->module ? json_string(part->module) : json_null(),
                       adapt->rep));
    KF_TRY(kf_json_set(object, "class_name", json_string(part->class_name), adapt->rep));
    json_object_del(object, "shared_object_id");
    json_object_del(object, "build_config");
    return kf_json_set(object, "registered_name",
                       part->registered_name ? json_string(part->registered_name) : json_null(),
                       adapt->rep);
}

static int adapt_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++) {
        KF_TRY(adapt_layer(adapt, layer->parts[i]));
        KF_TRY(kf_adapt_write_part(adapt, layer, layer->parts[i], i));
    }
    return 0;
}

static int adapt_class(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const struct kf_class *found;
    const char *rule;

    KF_TRY(kf_adapt_tensors(adapt, layer));
    KF_TRY(kf_rules_apply(adapt, layer));
    KF_TRY(kf_adapt_lookup(adapt, layer));
    found = kf_adapt_class(layer);
    if (!found || kf_rules_gone(adapt, layer->class_name, &rule) ||
        strcmp(layer->class_name, "Lambda") == 0)
        return refuse_class(adapt, layer);
    layer->module = found->module;
    layer->registered_name = NULL;
    KF_TRY(kf_adapt_age(adapt, layer, found));
    KF_TRY(kf_objects_apply(adapt, layer));
    KF_TRY(kf_adapt_gates(adapt, layer));
    return kf_adapt_keys(adapt, layer, found);
}

static int adapt_layer(struct kf_adapt *adapt, struct kf_layer *layer)
{
    if (layer->inner)
        return kf_adapt_layers(adapt, layer->inner);
    if (layer->operation)
        return 0;
    KF_TRY(adapt_class(adapt, layer));
    return layer->custom ? 0 : adapt_parts(adapt, layer);
}

int kf_adapt_layers(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(adapt_layer(adapt, graph->layers[i]));
    return 0;
}
