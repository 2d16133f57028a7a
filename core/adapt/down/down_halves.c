/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../model/policy.h"
#include "keras3_keras2.h"

#define POLICIES_OF_16_BITS "float16 bfloat16 mixed_float16 mixed_bfloat16"

static const struct {
    const char *classes, *name;
} rows[] = {
#define KF_HALVES(classes) {classes, "halves:" classes},
#include "down_halves.def"
#undef KF_HALVES
};

static bool computes_in_16_bits(const struct kf_layer *layer)
{
    return kf_in_words(POLICIES_OF_16_BITS, kf_policy_name(layer->config, ""));
}

static const char *rule_of(const struct kf_layer *layer)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!layer->inner && !layer->custom && !layer->operation &&
            kf_in_words(rows[i].classes, layer->class_name) && computes_in_16_bits(layer))
            return rows[i].name;
    return NULL;
}

/* Inside a wrapper nothing can be put in front. */
static int widen_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++) {
        struct kf_layer *part = layer->parts[i];
        const char *rule = rule_of(part);

        if (rule) {
            kf_report_rule(adapt->rep, rule);
            kf_report_add(adapt->rep, KF_VALUE_NO_EQUAL, part->path,
                          "%s of 16 bits is computed in float32 by Keras 3 and not by Keras 2: set "
                          "the policy of the layers in the wrapper to float32 and save again",
                          part->class_name);
        }
        if (part->inner)
            KF_TRY(kf_down_halves(adapt, part->inner));
        KF_TRY(widen_parts(adapt, part));
    }
    return 0;
}

/* The layer in float32, and in its place one that brings the result back to its own policy. */
static int widen(struct kf_adapt *adapt, struct kf_graph *graph, size_t index, const char *rule)
{
    struct kf_layer *layer = graph->layers[index], *before;
    json_t *wide = json_deep_copy(layer->config);
    json_t *config =
        json_pack("{s:s, s:b, s:O?, s:s}", "name", layer->name, "trainable", 1, "dtype",
                  json_object_get(layer->config, "dtype"), "activation", "linear");

    if (!config || json_object_set_new(wide, "dtype", json_string("float32")) < 0) {
        json_decref(config);
        json_decref(wide);
        return kf_adapt_no_memory(adapt, layer->path);
    }
    json_decref(layer->config);
    layer->config = config;
    KF_TRY(kf_insert_before(adapt, graph, index, layer->class_name, wide, &before));
    layer->class_name = "Activation";
    kf_report_rule(adapt->rep, rule);
    return kf_report_add(adapt->rep, KF_LAYER_INSERTED, before->path,
                         "computes in float32, as Keras 3 does, and %s makes 16 bits of it again",
                         layer->name);
}

int kf_down_halves(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];
        const char *rule = rule_of(layer);

        if (layer->inner)
            KF_TRY(kf_down_halves(adapt, layer->inner));
        KF_TRY(widen_parts(adapt, layer));
        if (rule)
            KF_TRY(widen(adapt, graph, i, rule));
        i += graph->layers[i] != layer;
    }
    return 0;
}
