/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_keras2.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../lambda/lambdas.h"
#include "../ops/ops.h"
#include "../training/training.h"
#include <string.h>

/*
 * From Keras 3 down to Keras 2.15; keras2_fit.c then sees what the target release of Keras 2 has of
 * it. Masks and calls first, while all layers are still those of Keras 3, then the operations, and
 * the layers' configs last.
 */

static int down_layer(struct kf_adapt *adapt, struct kf_layer *layer);

/* Why a class that Keras 3 has is not one of Keras 2. */
static int refuse_class(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const char *rule = NULL, *why = kf_rules_gone(adapt, layer->class_name, &rule);
    const struct kf_class *found = kf_class_find("keras.layers", layer->class_name);

    if (why) {
        kf_report_rule(adapt->rep, rule);
        kf_report_add(adapt->rep, KF_NO_EQUAL, layer->path, "%s: %s", layer->class_name, why);
        return 0;
    }
    why = kf_keras3_foreign(layer->class_name, &rule);
    if (why) {
        kf_report_rule(adapt->rep, rule);
        kf_report_add(adapt->rep, KF_NO_EQUAL, layer->path, "%s: %s", layer->class_name, why);
        return 0;
    }
    if (!found || strcmp(layer->class_name, "Lambda") == 0)
        return kf_adapt_custom(adapt, layer);
    kf_report_add(
        adapt->rep, KF_NO_EQUAL, layer->path,
        "%s came with Keras %d.%d, and no layers of Keras 2 compute the same: call it outside of "
        "the model, or stay with Keras 3",
        layer->class_name, found->since / 100, found->since % 100);
    return 0;
}

/* "forward_lstm" of a Bidirectional is "lstm": Keras 2 puts the word in front again. */
static int strip_direction(struct kf_adapt *adapt, struct kf_layer *part)
{
    const char *prefix = kf_streq(part->attribute, "forward_layer")    ? "forward_"
                         : kf_streq(part->attribute, "backward_layer") ? "backward_"
                                                                       : NULL;

    if (!prefix || !kf_starts(part->name, "forward_"))
        prefix = prefix && kf_starts(part->name, prefix) ? prefix : NULL;
    else
        prefix = "forward_"; /* a backward layer that is made of the forward one has its name */
    if (!prefix)
        return 0;
    part->name += strlen(prefix);
    return kf_json_set(part->config, "name", json_string(part->name), adapt->rep);
}

/* The object of a part in its parent's config, as Keras 2 writes it. */
static int write_part(struct kf_adapt *adapt, struct kf_layer *owner, struct kf_layer *part,
                      size_t index)
{
    json_t *list = part->config_key ? json_object_get(owner->config, part->config_key) : NULL;
    json_t *object = part->in_container ? json_array_get(list, index) : list;

    if (!object || part->inner || part->custom)
        return 0;
    json_object_del(object, "module");
    json_object_del(object, "registered_name");
    json_object_del(object, "build_config");
    json_object_del(object, "shared_object_id");
    return kf_json_set(object, "class_name", json_string(part->class_name), adapt->rep);
}

static int down_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++) {
        KF_TRY(strip_direction(adapt, layer->parts[i]));
        KF_TRY(down_layer(adapt, layer->parts[i]));
        KF_TRY(write_part(adapt, layer, layer->parts[i], i));
    }
    return 0;
}

static int down_class(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const char *rule;

    KF_TRY(kf_rules_apply(adapt, layer));
    if (!kf_keras2_class_find("keras.layers", layer->class_name) ||
        kf_rules_gone(adapt, layer->class_name, &rule) || strcmp(layer->class_name, "Lambda") == 0)
        return refuse_class(adapt, layer);
    layer->module = NULL;
    layer->registered_name = NULL;
    KF_TRY(kf_down_objects(adapt, layer));
    return kf_adapt_gates(adapt, layer);
}

static int down_graph(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(down_layer(adapt, graph->layers[i]));
    return 0;
}

static int down_layer(struct kf_adapt *adapt, struct kf_layer *layer)
{
    if (layer->inner)
        return down_graph(adapt, layer->inner);
    if (layer->custom || layer->operation) /* what stayed an operation was refused */
        return 0;
    KF_TRY(down_class(adapt, layer));
    return layer->custom ? 0 : down_parts(adapt, layer);
}

static bool is_bare_hard_sigmoid(const struct kf_layer *layer)
{
    return !layer->operation && strcmp(layer->class_name, "Activation") == 0 &&
           kf_streq(kf_json_str(layer->config, "activation", NULL), "hard_sigmoid");
}

static int stretch_graph(struct kf_adapt *adapt, struct kf_graph *graph);

static int stretch_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++) {
        struct kf_layer *part = layer->parts[i];

        if (is_bare_hard_sigmoid(part))
            kf_report_add(adapt->rep, KF_VALUE_NO_EQUAL, part->path,
                          "hard_sigmoid has another slope in Keras 2, and inside a wrapper nothing "
                          "can be put in front of it");
        if (part->inner)
            KF_TRY(stretch_graph(adapt, part->inner));
        KF_TRY(stretch_parts(adapt, part));
    }
    return 0;
}

/* A bare hard_sigmoid: its input is shrunk so that the slope of Keras 2 gives that of Keras 3. */
static int stretch_graph(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i], *before;
        json_t *config;

        if (layer->inner)
            KF_TRY(stretch_graph(adapt, layer->inner));
        KF_TRY(stretch_parts(adapt, layer));
        if (!is_bare_hard_sigmoid(layer))
            continue;
        config = json_pack("{s:O?, s:f, s:f}", "dtype", json_object_get(layer->config, "dtype"),
                           "scale", 5.0 / 6.0, "offset", 0.0);
        KF_TRY(kf_insert_before(adapt, graph, i, "Rescaling", config, &before));
        KF_TRY(kf_report_add(adapt->rep, KF_LAYER_INSERTED, before->path,
                             "multiplies by 5/6, because hard_sigmoid has slope 1/6 in Keras 3 and "
                             "0.2 in Keras 2"));
        i += graph->layers[i] != layer;
    }
    return 0;
}

/* Lambdas that are understood become operations of the Keras that wrote the model. */
static int understand_lambdas(struct kf_adapt *adapt, struct kf_graph *graph)
{
    int target = adapt->since;

    KF_TRY(kf_adapt_lambdas(adapt, graph));
    adapt->since = kf_keras3_written(adapt);
    KF_TRY(kf_adapt_ops(adapt, graph));
    adapt->since = target;
    return 0;
}

int kf_adapt_keras3_keras2(struct kf_adapt *adapt)
{
    struct kf_graph *graph = adapt->model->graph;

    KF_TRY(understand_lambdas(adapt, graph));
    adapt->rules = KF_RULES_KERAS3_KERAS2;
    KF_TRY(kf_adapt_training(adapt));
    KF_TRY(kf_down_quantized(adapt, graph));
    KF_TRY(kf_down_unwraps(adapt, graph));
    KF_TRY(kf_down_chains(adapt, graph));
    KF_TRY(stretch_graph(adapt, graph));
    KF_TRY(kf_down_calls(adapt, graph));
    KF_TRY(kf_down_reversible(adapt, graph));
    KF_TRY(kf_down_halves(adapt, graph));
    KF_TRY(kf_down_masks(adapt, graph));
    KF_TRY(kf_down_heads(adapt, graph));
    KF_TRY(kf_down_spectrograms(adapt, graph));
    KF_TRY(kf_down_activations(adapt, graph));
    KF_TRY(kf_down_layers(adapt, graph));
    KF_TRY(kf_down_ops(adapt, graph));
    KF_TRY(kf_down_states(adapt, graph));
    KF_TRY(down_graph(adapt, graph));
    return kf_adapt_names(adapt, graph);
}
