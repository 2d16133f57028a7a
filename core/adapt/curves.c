/* SPDX-License-Identifier: Apache-2.0 */
#include "curves.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include <string.h>

/*
 * A layer that stands in the config of another as its activation. Keras 2 keeps its weights with
 * those of the other, Keras 3 builds it too late to restore them, and before 3.10 does not read it:
 * it is put behind the other, where it computes the same.
 */

static const struct {
    const char *class_name, *name;
} curve_rows[] = {
#define KF_CURVE(class_name) {class_name, "curve:" class_name},
#include "keras2_keras3.def"
};

#define KF_CURVED(classes) static const char owners[] = classes;
#include "keras2_keras3.def"

/* What becomes a layer: a part, or an object of a class without weights. */
struct curve {
    struct kf_adapt *adapt;
    bool all;
    struct kf_graph *graph;
    size_t index;
    struct kf_layer *layer, made;
};

bool kf_curve_is_softmax(const json_t *object)
{
    return kf_streq(kf_json_str(object, "class_name", NULL), "Softmax") &&
           kf_json_int(json_object_get(object, "config"), "axis", -1) == -1;
}

int kf_curve_softmax(struct kf_adapt *adapt, struct kf_layer *layer, const char *key)
{
    json_t *name = json_string("softmax");

    if (!name)
        return kf_adapt_no_memory(adapt, layer->path);
    kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, key,
                     json_object_get(layer->config, key), name,
                     "a Softmax of the last axis is written as the function");
    return kf_json_set(layer->config, key, name, adapt->rep);
}

static const struct kf_layer *part_of(const struct kf_layer *layer)
{
    return layer->n_parts == 1 && kf_streq(layer->parts[0]->config_key, "activation")
               ? layer->parts[0]
               : NULL;
}

static bool has_row(struct kf_adapt *adapt, const char *class_name)
{
    for (size_t i = 0; i < sizeof(curve_rows) / sizeof(curve_rows[0]); i++)
        if (strcmp(curve_rows[i].class_name, class_name) == 0) {
            kf_report_rule(adapt->rep, curve_rows[i].name);
            return true;
        }
    return false;
}

/* The activation as a layer, its config in `config`; false where it may stay. */
static bool take(struct curve *curve, json_t **config)
{
    const struct kf_layer *part = part_of(curve->layer);
    json_t *object = json_object_get(curve->layer->config, "activation");

    if (!kf_json_is_object_of_class(object) || (!part && !curve->all) ||
        !has_row(curve->adapt, kf_json_str(object, "class_name", "")))
        return false;
    if (part)
        curve->made = *part;
    else
        curve->made = (struct kf_layer){.class_name = kf_json_str(object, "class_name", "")};
    curve->made.class_name = kf_arena_strdup(curve->adapt->model->arena, curve->made.class_name);
    curve->made.trainable = curve->layer->trainable && (!part || part->trainable);
    *config = json_deep_copy(json_object_get(object, "config"));
    curve->made.config = *config;
    return true;
}

static void note_regularizer(const struct curve *curve)
{
    const json_t *value = json_object_get(curve->layer->config, "activity_regularizer");

    if (value && !json_is_null(value))
        kf_report_add(curve->adapt->rep, KF_TRAINING_DIFFERS, curve->layer->path,
                      "activity_regularizer acts only in training, and now on what goes into the "
                      "%s",
                      curve->made.class_name);
}

/* The layer goes in front under a new name; in its place, with its name, stands the activation. */
static int put_before(struct curve *curve)
{
    struct kf_adapt *adapt = curve->adapt;
    struct kf_layer *layer = curve->layer, *before;

    KF_TRY(kf_insert_before(adapt, curve->graph, curve->index, layer->class_name,
                            json_copy(layer->config), &before));
    KF_TRY(kf_json_set(before->config, "activation", json_string("linear"), adapt->rep));
    for (size_t k = 0; k < layer->n_calls && k < before->n_calls; k++) {
        json_t *kwargs = before->calls[k].kwargs;

        before->calls[k].kwargs = layer->calls[k].kwargs;
        layer->calls[k].kwargs = kwargs;
    }
    before->trainable = layer->trainable;
    before->tensors = layer->tensors;
    before->n_tensors = layer->n_tensors;
    layer->n_tensors = 0;
    note_regularizer(curve);
    return kf_report_add(adapt->rep, KF_LAYER_INSERTED, before->path,
                         "is the %s, whose activation, a %s, stands behind it as a layer",
                         layer->class_name, curve->made.class_name);
}

static int split(struct curve *curve)
{
    struct kf_adapt *adapt = curve->adapt;
    json_auto_t *config = NULL;
    bool alone = strcmp(curve->layer->class_name, "Activation") == 0;

    if ((!alone && !kf_in_words(owners, curve->layer->class_name)) || !take(curve, &config))
        return 0;
    if (!config || !curve->made.class_name)
        return kf_adapt_no_memory(adapt, curve->layer->path);
    KF_TRY(kf_json_set(config, "name", json_string(curve->layer->name), adapt->rep));
    KF_TRY(kf_json_set(config, "trainable", json_boolean(curve->made.trainable), adapt->rep));
    if (alone)
        KF_TRY(kf_report_add(adapt->rep, KF_CLASS_REPLACED, curve->layer->path,
                             "an Activation of a %s became the %s", curve->made.class_name,
                             curve->made.class_name));
    else
        KF_TRY(put_before(curve));
    kf_layer_become_part(curve->layer, &curve->made);
    return 0;
}

/* What stayed below a layer: nothing can be put behind what a wrapper holds. */
static int refuse_rest(struct kf_adapt *adapt, struct kf_layer *layer, bool all)
{
    const struct kf_layer *part = part_of(layer);

    if (part)
        return kf_report_add(
            adapt->rep, KF_VALUE_NO_EQUAL, layer->path,
            "its activation is a %s with weights of its own, which the target "
            "does not read there, and behind this layer none can be put: save the model "
            "with the %s as a layer of its own",
            part->class_name, part->class_name);
    for (size_t i = 0; i < layer->n_parts; i++) {
        if (layer->parts[i]->inner)
            KF_TRY(kf_adapt_curves(adapt, layer->parts[i]->inner, all));
        else
            refuse_rest(adapt, layer->parts[i], all);
    }
    return 0;
}

int kf_adapt_curves(struct kf_adapt *adapt, struct kf_graph *graph, bool all)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];
        struct curve curve = {
            .adapt = adapt, .all = all, .graph = graph, .layer = layer, .index = i};

        if (layer->inner)
            KF_TRY(kf_adapt_curves(adapt, layer->inner, all));
        else
            KF_TRY(split(&curve));
        refuse_rest(adapt, layer, all);
        while (graph->layers[i] != layer)
            i++;
    }
    return 0;
}
