/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "shapes/shapes.h"
#include <string.h>

/*
 * Differences that are a shape and not a key: how a layer is called, and a layer that becomes
 * two. One function each; the table at the end says for which classes.
 */
/* Keras 2 passes an RNN's state as further inputs, Keras 3 by the keyword. */
static int initial_state(struct kf_adapt *adapt, const struct kf_at *at)
{
    for (size_t k = 0; k < at->layer->n_calls; k++) {
        struct kf_call *call = &at->layer->calls[k];
        json_t *list = json_array_get(call->args, 0), *state;

        if (!json_is_array(list) || json_array_size(list) < 2)
            continue;
        kf_report_rule(adapt->rep, "shape:initial_state");
        state = json_copy(list);
        if (!state || json_array_remove(state, 0) < 0) {
            json_decref(state);
            return kf_adapt_no_memory(adapt, at->layer->path);
        }
        KF_TRY(kf_json_set(call->kwargs, "initial_state", state, adapt->rep));
        KF_TRY(kf_json_set_at(call->args, 0, json_incref(json_array_get(list, 0)), adapt->rep));
        KF_TRY(kf_report_add(adapt->rep, KF_NODES_REWRITTEN, at->layer->path,
                             "the inputs after the first are passed as initial_state"));
    }
    return 0;
}

/* Keras 2 writes constants=None of an RNN's call, Keras 3 does not take the word. */
static int null_constants(struct kf_adapt *adapt, const struct kf_at *at)
{
    for (size_t k = 0; k < at->layer->n_calls; k++) {
        json_t *kwargs = at->layer->calls[k].kwargs,
               *constants = json_object_get(kwargs, "constants");

        if (!constants)
            continue;
        kf_report_rule(adapt->rep, "shape:null_constants");
        if (!json_is_null(constants))
            return kf_report_add(adapt->rep, KF_GRAPH_NO_EQUAL, at->layer->path,
                                 "the layer is called with constants, which no RNN of Keras 3 "
                                 "takes");
        json_object_del(kwargs, "constants");
    }
    return 0;
}

/* The model's own training flag overrides the one in a call in Keras 3: training=True is lost. */
static int training_true(struct kf_adapt *adapt, const struct kf_at *at)
{
    for (size_t k = 0; k < at->layer->n_calls; k++) {
        const json_t *training = json_object_get(at->layer->calls[k].kwargs, "training");

        if (!json_is_true(training) && !(json_is_integer(training) && json_integer_value(training)))
            continue;
        kf_report_rule(adapt->rep, "shape:training_true");
        return kf_report_add(adapt->rep, KF_GRAPH_NO_EQUAL, at->layer->path,
                             "the layer is called with training=True, which %s",
                             adapt->runner == KF_RUNS_OTHERS
                                 ? "asks for what training does: what is written predicts alone"
                                 : "predict() of Keras 3 overrides: it would predict otherwise");
    }
    return 0;
}

int kf_adapt_constant_input(struct kf_adapt *adapt, const struct kf_layer *layer, bool alone,
                            const char *rule, const char *why)
{
    for (size_t k = 0; k < layer->n_calls; k++) {
        json_t *list = json_array_get(layer->calls[k].args, 0), *one;
        struct kf_ref ref;
        size_t i;

        if (alone && !json_is_array(list))
            list = layer->calls[k].args;
        json_array_foreach(list, i, one)
        {
            if (kf_ref_get(one, &ref))
                continue;
            kf_report_rule(adapt->rep, rule);
            return kf_report_add(adapt->rep, KF_GRAPH_NO_EQUAL, layer->path,
                                 "the layer is called with a constant, which %s", why);
        }
    }
    return 0;
}

int kf_adapt_lone_input(struct kf_adapt *adapt, const struct kf_graph *graph, size_t index,
                        const struct kf_layer *layer, const char *rule)
{
    bool alone = graph && graph->topology == KF_SEQUENTIAL && index > 0;
    struct kf_ref ref;

    for (size_t k = 0; k < layer->n_calls && !alone; k++)
        alone = kf_ref_get(json_array_get(layer->calls[k].args, 0), &ref);
    if (!alone)
        return 0;
    kf_report_rule(adapt->rep, rule);
    return kf_report_add(adapt->rep, KF_BAD_GRAPH, layer->path,
                         "%s joins several tensors and is called with one, which no Keras takes; "
                         "a Sequential keeps no branches: save the model as "
                         "keras.Model(inputs, outputs)",
                         layer->class_name);
}

static int lone_input(struct kf_adapt *adapt, const struct kf_at *at)
{
    return kf_adapt_lone_input(adapt, at->graph, at->index, at->layer, "shape:lone_input");
}

/* Keras 3 takes numbers in the place of tensors only in operations. */
static int constant_input(struct kf_adapt *adapt, const struct kf_at *at)
{
    return kf_adapt_constant_input(adapt, at->layer, true, "shape:constant_input",
                                   "a layer of Keras 3 does not take in the place of a tensor");
}

/* A bare hard_sigmoid: its input is stretched so that the slope of Keras 3 gives the old one. */
static int bare_hard_sigmoid(struct kf_adapt *adapt, const struct kf_at *at)
{
    struct kf_layer *before;
    json_t *config;

    if (!kf_streq(kf_json_str(at->layer->config, "activation", NULL), "hard_sigmoid"))
        return 0;
    kf_report_rule(adapt->rep, "shape:bare_hard_sigmoid");
    if (!at->graph && adapt->runner == KF_RUNS_OTHERS)
        return kf_json_set(at->layer->config, "activation", json_string(KF_HARD_SIGMOID2),
                           adapt->rep);
    if (!at->graph)
        return kf_report_add(adapt->rep, KF_VALUE_NO_EQUAL, at->layer->path,
                             "hard_sigmoid has another slope in Keras 3, and inside a wrapper "
                             "nothing can be put in front of it");
    config = json_pack("{s:O?, s:f, s:f}", "dtype", json_object_get(at->layer->config, "dtype"),
                       "scale", 1.2, "offset", 0.0);
    KF_TRY(kf_insert_before(adapt, at->graph, at->index, "Rescaling", config, &before));
    return kf_report_add(adapt->rep, KF_LAYER_INSERTED, before->path,
                         "multiplies by 1.2, because hard_sigmoid has slope 0.2 in Keras 2 and "
                         "1/6 in Keras 3");
}

/* padding="causal" of a SeparableConv1D: zeros in front, then no padding. */
static int causal_separable(struct kf_adapt *adapt, const struct kf_at *at)
{
    json_t *config = at->layer->config, *added;
    json_int_t kernel =
        json_integer_value(json_array_get(json_object_get(config, "kernel_size"), 0));
    json_int_t dilation =
        json_integer_value(json_array_get(json_object_get(config, "dilation_rate"), 0));
    struct kf_layer *before;

    if (!kf_streq(kf_json_str(config, "padding", NULL), "causal"))
        return 0;
    kf_report_rule(adapt->rep, "shape:causal_separable");
    if (!at->graph || kf_streq(kf_json_str(config, "data_format", NULL), "channels_first"))
        return kf_report_add(adapt->rep, KF_VALUE_NO_EQUAL, at->layer->path,
                             "SeparableConv1D of Keras 3 has no padding=causal, and a "
                             "ZeroPadding1D cannot stand in front of it here");
    added = json_pack("{s:O?, s:[I,i]}", "dtype", json_object_get(config, "dtype"), "padding",
                      (kernel - 1) * (dilation ? dilation : 1), 0);
    KF_TRY(kf_insert_before(adapt, at->graph, at->index, "ZeroPadding1D", added, &before));
    KF_TRY(kf_report_add(adapt->rep, KF_LAYER_INSERTED, before->path,
                         "pads as padding=causal did, which Keras 3 has not for this layer"));
    return kf_json_set(config, "padding", json_string("valid"), adapt->rep);
}

/* Keras 3 makes no backward layer from one that goes backwards itself: it is written out. */
static int bidirectional_backwards(struct kf_adapt *adapt, const struct kf_at *at)
{
    json_t *layer = json_object_get(at->layer->config, "layer"), *config;
    json_t *backward = json_object_get(at->layer->config, "backward_layer");
    json_auto_t *copy = NULL;
    const char *name;

    if (!kf_json_bool(json_object_get(layer, "config"), "go_backwards", false) ||
        (backward && !json_is_null(backward)))
        return 0;
    kf_report_rule(adapt->rep, "shape:bidirectional_backwards");
    copy = json_deep_copy(layer);
    config = json_object_get(copy, "config");
    name = kf_arena_printf(adapt->model->arena, "%s_backward", kf_json_str(config, "name", "rnn"));
    if (!copy || !name)
        return kf_adapt_no_memory(adapt, at->layer->path);
    KF_TRY(kf_json_set(config, "go_backwards", json_false(), adapt->rep));
    KF_TRY(kf_json_set(config, "name", json_string(name), adapt->rep));
    for (size_t i = 0; i < at->layer->n_parts; i++) {
        struct kf_layer *part = at->layer->parts[i];

        if (part->config_key)
            continue;
        json_decref(part->config);
        part->config = json_incref(config);
        part->config_key = "backward_layer";
        part->name = name;
    }
    KF_TRY(kf_json_set(at->layer->config, "backward_layer", json_incref(copy), adapt->rep));
    return kf_report_change(adapt->rep, KF_KEY_DEFAULTED, at->layer->path, "backward_layer", NULL,
                            NULL, "written out, because the layer goes backwards itself");
}

/* Bins that adapt() learnt stand in a variable that Keras 3 does not read. */
static int adapted_discretization(struct kf_adapt *adapt, const struct kf_at *at)
{
    if (at->layer->n_tensors)
        kf_report_rule(adapt->rep, "shape:adapted_discretization");
    return kf_adapt_bins(adapt, at->layer);
}

struct kf_layer *kf_adapt_input_of(const struct kf_at *at)
{
    struct kf_layer *input = NULL;
    struct kf_ref ref;

    if (!at->graph)
        return NULL;
    if (at->graph->topology == KF_SEQUENTIAL)
        input = at->index ? at->graph->layers[at->index - 1] : NULL;
    else if (at->layer->n_calls && kf_ref_get(json_array_get(at->layer->calls[0].args, 0), &ref))
        input = at->graph->layers[ref.layer];
    return input && kf_layer_is_input(input) ? input : NULL;
}

static int normalization_input(struct kf_adapt *adapt, const struct kf_at *at)
{
    return kf_adapt_normalization(adapt, at);
}

/* Attention's causal was a key until 2.9 and is an argument of the call since. */
static int causal_attention(struct kf_adapt *adapt, const struct kf_at *at)
{
    bool causal = kf_json_bool(at->layer->config, "causal", false);

    if (!json_object_get(at->layer->config, "causal"))
        return 0;
    kf_report_rule(adapt->rep, "shape:causal_attention");
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_DROPPED, at->layer->path, "causal",
                            json_object_get(at->layer->config, "causal"), NULL,
                            "an argument of the call, use_causal_mask, in Keras 3"));
    json_object_del(at->layer->config, "causal");
    for (size_t k = 0; causal && k < at->layer->n_calls; k++)
        KF_TRY(kf_json_set(at->layer->calls[k].kwargs, "use_causal_mask", json_true(), adapt->rep));
    return 0;
}

static const struct kf_shape_row shapes[] = {
#define KF_SHAPE(name, classes, apply) {classes, apply},
#define KF_SHAPE_OF(name, classes)     {classes, kf_shape_of_##name},
#include "shapes/shapes.def"
#undef KF_SHAPE
#undef KF_SHAPE_OF
};

int kf_apply_shapes(struct kf_adapt *adapt, const struct kf_shape_row *rows, size_t n,
                    const struct kf_at *at)
{
    for (size_t i = 0; i < n; i++) {
        bool all = strcmp(rows[i].classes, "*") == 0;
        int r = all || kf_in_words(rows[i].classes, at->layer->class_name)
                    ? rows[i].apply(adapt, at)
                    : 0;

        if (r < 0 && kf_code_grade((enum kf_code) - r) == KF_GRADE_FATAL)
            return r;
    }
    return 0;
}

static int apply(struct kf_adapt *adapt, const struct kf_at *at)
{
    return kf_apply_shapes(adapt, shapes, sizeof(shapes) / sizeof(shapes[0]), at);
}

static int adapt_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++) {
        struct kf_layer *part = layer->parts[i];

        if (part->inner)
            KF_TRY(kf_adapt_calls(adapt, part->inner));
        KF_TRY(apply(adapt, &(struct kf_at){.layer = part}));
        KF_TRY(adapt_parts(adapt, part));
    }
    return 0;
}

int kf_adapt_calls(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(kf_adapt_calls(adapt, layer->inner));
        KF_TRY(apply(adapt, &(struct kf_at){graph, i, layer}));
        KF_TRY(adapt_parts(adapt, layer));
        while (graph->layers[i] != layer) /* one was put in front */
            i++;
    }
    return 0;
}
