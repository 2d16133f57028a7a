/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "rows.h"
#include "tfjs.h"
#include <stdio.h>

void kf_tfjs_refuse(struct kf_tfjs_look *look, const struct kf_layer *layer, const char *why)
{
    kf_report_add(look->rep, KF_NO_EQUAL, layer->path, "%s: %s", layer->class_name, why);
}

/* What TensorFlow.js has not. */
static void refuse_lack(struct kf_tfjs_look *look, const struct kf_layer *layer, const char *why)
{
    if (!look->made_there)
        kf_tfjs_refuse(look, layer, why);
}

static int check_graph(struct kf_tfjs_look *look, int *rank_out);

static int rank_of(const struct kf_layer *layer, int rank, int in);

/* Of the layer in it, which takes `in` axes. */
static int rank_of_inner(const struct kf_layer *layer, int in)
{
    const struct kf_layer *inner = layer->n_parts ? layer->parts[0] : NULL;
    int rank = 0;

    return inner && kf_tfjs_class(inner->class_name, &rank, NULL) ? rank_of(inner, rank, in) : 0;
}

/* Axes of what a layer gives, by its row in the table; 0 where nobody knows. */
static int rank_of(const struct kf_layer *layer, int rank, int in)
{
    bool sequences = kf_json_bool(layer->config, "return_sequences", false);

    switch (rank) {
    case KF_TFJS_RANK_SAME:
        return in;
    case KF_TFJS_RANK_MORE:
        return in ? in + 1 : 0;
    case KF_TFJS_RANK_TARGET:
        return (int)json_array_size(json_object_get(layer->config, "target_shape")) + 1;
    case KF_TFJS_RANK_STEPS:
        return sequences ? 3 : 2;
    case KF_TFJS_RANK_IMAGES:
        return sequences ? 5 : 4;
    case KF_TFJS_RANK_INNER:
        return rank_of_inner(layer, in);
    case KF_TFJS_RANK_EACH:
        rank = rank_of_inner(layer, in ? in - 1 : 0);
        return rank ? rank + 1 : 0;
    default:
        return rank < 0 ? 0 : rank;
    }
}

static int keep_first(json_t *ref, void *context)
{
    *(json_t **)context = ref;
    return -1;
}

/* Axes of the first of the values in a structure. */
static int rank_of_first(const struct kf_tfjs_look *look, json_t *value)
{
    json_t *ref = NULL;
    struct kf_ref at;

    kf_refs_each(value, keep_first, &ref);
    return ref && kf_ref_get(ref, &at) ? look->ranks[at.layer] : 0;
}

static void check_input(struct kf_tfjs_look *look, const struct kf_layer *layer, int *rank)
{
    const json_t *shape = json_object_get(layer->config, "batch_input_shape");

    *rank = (int)json_array_size(shape);
    for (size_t i = 1; i < json_array_size(shape); i++)
        look->free = look->free || json_is_null(json_array_get(shape, i));
    if (!json_is_array(shape))
        refuse_lack(look, layer, "it has no batch_input_shape");
    if (!kf_in_words("float32 int32", kf_json_str(layer->config, "dtype", "float32")))
        refuse_lack(look, layer, "TensorFlow.js takes inputs of float32 and int32 alone");
}

static void check_activations(struct kf_tfjs_look *look, const struct kf_layer *layer)
{
    const char *key;
    json_t *value;

    json_object_foreach(layer->config, key, value)
    {
        if (look->made_there || !kf_in_words("activation recurrent_activation", key) ||
            json_is_null(value))
            continue;
        if (!json_is_string(value) || !kf_tfjs_activation(json_string_value(value), look->rep))
            kf_report_add(look->rep, KF_VALUE_NO_EQUAL, layer->path,
                          "%s: TensorFlow.js has no %s %s", layer->class_name, key,
                          json_is_string(value) ? json_string_value(value)
                                                : kf_json_str(value, "class_name", "such"));
    }
}

/* Whether the backward layer is what is made of the forward one where the config says none. */
static bool is_mirrored(const struct kf_layer *layer)
{
    static const char *const keys[] = {"units",
                                       "activation",
                                       "recurrent_activation",
                                       "use_bias",
                                       "return_sequences",
                                       "return_state",
                                       "reset_after",
                                       "time_major",
                                       "zero_output_for_mask",
                                       "dropout",
                                       NULL};
    const json_t *there = json_object_get(layer->config, "layer");
    const json_t *back = json_object_get(layer->config, "backward_layer");
    bool same;

    if (!json_is_object(back))
        return true;
    same = kf_streq(kf_json_str(there, "class_name", ""), kf_json_str(back, "class_name", NULL));
    there = json_object_get(there, "config");
    back = json_object_get(back, "config");
    for (const char *const *key = keys; same && *key; key++) {
        const json_t *a = json_object_get(there, *key), *b = json_object_get(back, *key);

        same = a == b || json_equal(a, b);
    }
    return same &&
           kf_json_bool(there, "go_backwards", false) != kf_json_bool(back, "go_backwards", false);
}

static void check_parts(struct kf_tfjs_look *look, const struct kf_layer *layer)
{
    const struct kf_layer *part = layer->n_parts ? layer->parts[0] : NULL;
    enum kf_tfjs_mark mark = kf_tfjs_mark(layer->class_name);

    if (!part)
        return;
    if (mark == KF_TFJS_BOTH_WAYS &&
        (!is_mirrored(layer) || kf_tfjs_mark(part->class_name) != KF_TFJS_TURNED))
        refuse_lack(
            look, layer,
            "TensorFlow.js takes a SimpleRNN, LSTM or GRU in it, and makes the backward layer of "
            "that");
    if (mark == KF_TFJS_EACH_STEP && (part->inner || part->n_parts))
        refuse_lack(look, layer, "TensorFlow.js takes no model and no wrapper in it");
}

/* An axis, which may stand in a list, that is the last of `rank`. */
static bool is_last_axis(const json_t *axis, int rank)
{
    json_int_t value;

    if (json_array_size(axis) == 1)
        axis = json_array_get(axis, 0);
    value = json_is_integer(axis) ? json_integer_value(axis) : rank;
    return value == -1 || (rank && value == rank - 1);
}

/* What a layer takes of axes that it has otherwise. */
static void check_rank(struct kf_tfjs_look *look, const struct kf_layer *layer, int in)
{
    const json_t *target = json_object_get(layer->config, "target_shape");
    enum kf_tfjs_mark mark = kf_tfjs_mark(layer->class_name);

    if (mark == KF_TFJS_LAST_AXIS && in > 4)
        refuse_lack(look, layer, "TensorFlow.js has it for up to four axes");
    if (mark == KF_TFJS_LAST_AXIS && !is_last_axis(json_object_get(layer->config, "axis"), in))
        kf_tfjs_refuse(look, layer,
                       "TensorFlow.js computes it otherwise along another axis than the last");
    for (size_t i = 0; i < json_array_size(target); i++)
        look->free = look->free || json_integer_value(json_array_get(target, i)) < 0;
    if (mark == KF_TFJS_KNOWN_SIZES && in == 2)
        refuse_lack(look, layer, "TensorFlow.js takes three axes or more");
    if (mark == KF_TFJS_KNOWN_SIZES && look->free)
        refuse_lack(look, layer, "TensorFlow.js takes axes whose sizes are known alone");
}

static void check_calls(struct kf_tfjs_look *look, const struct kf_layer *layer)
{
    const char *key;
    json_t *value;

    for (size_t i = 0; i < layer->n_calls; i++)
        json_object_foreach(layer->calls[i].kwargs, key, value)
        {
            if (!look->made_there && !json_is_null(value) && !json_is_false(value))
                kf_report_add(look->rep, KF_NO_EQUAL, layer->path,
                              "%s: it is called with %s, which TensorFlow.js does not pass on",
                              layer->class_name, key);
        }
}

static void check_class(struct kf_tfjs_look *look, const struct kf_layer *layer, int *rank)
{
    const char *why;

    if (kf_tfjs_class(layer->class_name, rank, look->rep))
        return;
    why = kf_tfjs_gone(layer->class_name, look->rep);
    if (!why && look->made_there)
        return; /* a class of the user's */
    kf_report_add(look->rep, KF_NO_EQUAL, layer->path, "%s: %s", layer->class_name,
                  why ? why : "TensorFlow.js has no such layer");
}

/* A layer, or a part of one; `in` are the axes that it takes. */
static void check_layer(struct kf_tfjs_look *look, const struct kf_layer *layer, int in, int *rank)
{
    check_class(look, layer, rank);
    check_calls(look, layer);
    if (kf_tfjs_mark(layer->class_name) == KF_TFJS_INPUT) {
        check_input(look, layer, rank);
        return;
    }
    kf_tfjs_values(layer, look->rep);
    check_activations(look, layer);
    check_parts(look, layer);
    check_rank(look, layer, in);
    for (size_t i = 0; i < layer->n_parts; i++)
        if (!layer->parts[i]->inner) {
            int ignored = 0;

            check_layer(look, layer->parts[i], in ? in - 1 : 0, &ignored);
        }
    *rank = rank_of(layer, *rank, in);
}

static int count_ref(json_t *ref, void *context)
{
    json_t *seen = context;
    char text[80];
    struct kf_ref at;

    if (!kf_ref_get(ref, &at))
        return 0;
    snprintf(text, sizeof(text), "%zu %zu %zu", at.layer, at.call, at.output);
    if (json_object_get(seen, text))
        return -1; /* twice */
    return json_object_set_new(seen, text, json_true());
}

/* Inputs and outputs are lists of tensors, each once. */
static void check_ends(struct kf_tfjs_look *look)
{
    json_t *const ends[] = {look->graph->inputs, look->graph->outputs};

    for (size_t i = 0; i < 2; i++) {
        json_auto_t *seen = json_object();
        struct kf_ref at;
        bool flat = kf_ref_get(ends[i], &at) || json_is_array(ends[i]);

        for (size_t k = 0; flat && k < json_array_size(ends[i]); k++)
            flat = kf_ref_get(json_array_get(ends[i], k), &at);
        if (!flat || kf_refs_each(ends[i], count_ref, seen) < 0)
            kf_report_add(look->rep, KF_GRAPH_NO_EQUAL, look->graph->path,
                          "TensorFlow.js takes and gives tensors in a list, each of them once");
    }
}

/* A model in a model: masks go neither in nor out. */
static int check_inner(struct kf_tfjs_look *look, size_t index, int *rank)
{
    const struct kf_layer *layer = look->graph->layers[index];
    struct kf_tfjs_look inner = {
        .rep = look->rep, .made_there = look->made_there, .graph = layer->inner};

    check_calls(look, layer);
    KF_TRY(check_graph(&inner, rank));
    look->masked[index] = inner.masks || kf_tfjs_gets_mask(look, index);
    look->masks = look->masks || look->masked[index];
    if (look->masked[index])
        kf_tfjs_refuse(look, layer,
                       "TensorFlow.js takes masks into models, and out of them, otherwise than "
                       "Keras");
    return 0;
}

static int check_layers(struct kf_tfjs_look *look, int *rank_out)
{
    const struct kf_graph *graph = look->graph;
    int rank = 0;

    for (size_t i = 0; i < graph->n_layers; i++) {
        const struct kf_layer *layer = graph->layers[i];
        int in = rank;

        if (graph->topology == KF_FUNCTIONAL)
            in = layer->n_calls ? rank_of_first(look, layer->calls[0].args) : 0;
        if (layer->inner) {
            KF_TRY(check_inner(look, i, &rank));
        } else {
            check_layer(look, layer, in, &rank);
            kf_tfjs_check_mask(look, i);
        }
        look->ranks[i] = rank;
    }
    *rank_out = graph->topology == KF_FUNCTIONAL ? rank_of_first(look, graph->outputs) : rank;
    return 0;
}

/* Models in models are not deeper than limits.nesting. */
static int check_graph(struct kf_tfjs_look *look, int *rank_out)
{
    const struct kf_graph *graph = look->graph;
    int r = 0;

    look->ranks = kf_alloc((graph->n_layers + 1) * sizeof(*look->ranks));
    look->masked = kf_alloc((graph->n_layers + 1) * sizeof(*look->masked));
    if (!look->ranks || !look->masked)
        r = kf_report_add(look->rep, KF_NO_MEMORY, "", "out of memory");
    if (graph->topology == KF_FUNCTIONAL && !look->made_there)
        check_ends(look);
    r = r < 0 ? r : check_layers(look, rank_out);
    kf_free(look->ranks);
    kf_free(look->masked);
    return r;
}

int kf_tfjs_check(struct kf_model *model, bool made_there, struct kf_report *rep)
{
    struct kf_tfjs_look look = {.rep = rep, .made_there = made_there, .graph = model->graph};
    int ignored = 0;

    return check_graph(&look, &ignored);
}
