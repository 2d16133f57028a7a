/* SPDX-License-Identifier: Apache-2.0 */
#include "keras1_split.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/rewrite.h"
#include <string.h>

int kf_split_no_memory(struct kf_split *split)
{
    return kf_adapt_no_memory(split->adapt, split->layer->path);
}

const struct kf_payload *kf_split_payload(const struct kf_layer *layer, const char *variable)
{
    const struct kf_tensor *tensor = kf_layer_tensor(layer, variable);

    return tensor ? tensor->payload : NULL;
}

/* Constraints of a kernel are along its axes, and what acts on the output acts on another one. */
static int drop_training(struct kf_split *split)
{
    static const char *const keys[] = {"W_constraint", "b_constraint", "activity_regularizer"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const json_t *value = json_object_get(split->layer->config, keys[i]);

        if (value && !json_is_null(value))
            kf_report_add(split->adapt->rep, KF_TRAINING_DIFFERS, split->layer->path,
                          "%s acts only in training and has no equal in the layers in the place "
                          "of a %s",
                          keys[i], split->layer->class_name);
    }
    return 0;
}

/* The config of a Dense of Keras 1 with what this layer's config says of its kernel. */
static json_t *dense_config(const struct kf_split *split, json_int_t units, const char *activation)
{
    static const char *const keys[] = {"init", "bias", "W_regularizer", "b_regularizer"};
    json_t *config = json_pack("{s:b, s:I, s:s}", "trainable", split->layer->trainable,
                               "output_dim", units, "activation", activation);

    for (size_t i = 0; config && i < sizeof(keys) / sizeof(keys[0]); i++) {
        json_t *value = json_object_get(split->layer->config, keys[i]);

        if (value && json_object_set(config, keys[i], value) < 0) {
            json_decref(config);
            config = NULL;
        }
    }
    return config;
}

/* A tensor of this layer, under the name that a Dense has for it. */
static int give(struct kf_split *split, struct kf_layer *dense, const char *from,
                const char *variable, const struct kf_payload *payload)
{
    const struct kf_tensor *tensor = kf_layer_tensor(split->layer, from);

    if (tensor) {
        dense->tensors[dense->n_tensors] = *tensor;
        dense->tensors[dense->n_tensors].variable = variable;
        dense->tensors[dense->n_tensors++].payload = payload;
    }
    return 0;
}

static int kf_split_room(struct kf_split *split, struct kf_layer *dense)
{
    dense->tensors = kf_arena_alloc(split->adapt->model->arena, 2 * sizeof(*dense->tensors));
    return dense->tensors ? 0 : kf_split_no_memory(split);
}

int kf_split_become(struct kf_split *split, const char *class_name, const char *how)
{
    struct kf_layer *layer = split->layer;
    json_t *config = json_pack("{s:s, s:b}", "name", layer->name, "trainable", layer->trainable);

    if (!config)
        return kf_split_no_memory(split);
    KF_TRY(kf_report_add(split->adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "%s became %s, which compute the same", layer->class_name, how));
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = class_name;
    layer->n_tensors = 0;
    return 0;
}

/* The kernel (features, inputs, units) as one of (inputs, features * units), the bias likewise. */
static int give_flat(struct kf_split *split, struct kf_layer *dense)
{
    static const unsigned axes[] = {1, 0, 2};
    struct kf_arena *arena = split->adapt->model->arena;
    const struct kf_payload *kernel = kf_split_payload(split->layer, "W"),
                            *bias = kf_split_payload(split->layer, "b");
    bool fits = true;

    KF_TRY(kf_split_room(split, dense));
    if (kernel)
        kernel = kf_rewrite_transpose(arena, kernel, axes, 3, &fits);
    if (kernel && fits)
        kernel = kf_rewrite_flatten(arena, kernel, &fits);
    if (bias && fits)
        bias = kf_rewrite_flatten(arena, bias, &fits);
    if (!fits)
        return kf_report_add(split->adapt->rep, KF_WEIGHT_SHAPE, split->layer->path,
                             "the weights have not the shape of those of a MaxoutDense");
    if (!split->adapt->model->weightless &&
        (!kernel || (!bias && kf_split_payload(split->layer, "b"))))
        return kf_split_no_memory(split);
    KF_TRY(give(split, dense, "W", "W", kernel));
    return give(split, dense, "b", "b", bias);
}

/* max over k of x W[k] + b[k]: Dense, Reshape to (features, units), GlobalMaxPooling1D. */
static int kf_split_maxout(struct kf_split *split, bool *done)
{
    struct kf_layer *layer = split->layer, *dense, *reshape;
    json_int_t units = kf_json_int(layer->config, "output_dim", 0);
    json_int_t features = kf_json_int(layer->config, "nb_feature", 0);
    size_t index = split->index;

    *done = units > 0 && features > 0 && units <= INT32_MAX && features <= INT32_MAX / units;
    if (!*done)
        return 0;
    KF_TRY(drop_training(split));
    KF_TRY(kf_insert_before(split->adapt, split->graph, index, "Dense",
                            dense_config(split, units * features, "linear"), &dense));
    if (split->graph->topology == KF_SEQUENTIAL)
        index++;
    KF_TRY(give_flat(split, dense));
    KF_TRY(kf_insert_before(
        split->adapt, split->graph, index, "Reshape",
        json_pack("{s:b, s:[I,I]}", "trainable", 1, "target_shape", features, units), &reshape));
    return kf_split_become(split, "GlobalMaxPooling1D", "Dense, Reshape and GlobalMaxPooling1D");
}

/* As wide as the input: the kernel is a square. */
static json_int_t width_of(const struct kf_layer *layer)
{
    const struct kf_payload *kernel = kf_split_payload(layer, "W");

    if (!kernel)
        return kf_json_int(layer->config, "input_dim", 0);
    return kernel->rank == 2 && kernel->dims[0] == kernel->dims[1] ? (json_int_t)kernel->dims[1]
                                                                   : 0;
}

int kf_split_beside(struct kf_split *split, const char *class_name, json_t *config, json_t *args_of,
                    struct kf_layer **out, size_t *at)
{
    struct kf_layer *layer = split->layer;

    *at = split->graph->n_layers;
    KF_TRY(kf_insert_before(split->adapt, split->graph, split->index, class_name, config, out));
    for (size_t k = 0; k < layer->n_calls; k++) {
        struct kf_call *own = &layer->calls[k], *other = &(*out)->calls[k];

        json_decref(own->args);
        own->args = other->args;
        other->args = json_deep_copy(args_of ? json_array_get(args_of, k) : own->args);
        if (!own->args || !other->args)
            return kf_split_no_memory(split);
    }
    return 0;
}

/* For each call of this layer the arguments [[a, b]]: outputs of layers, or its own input. */
static json_t *pairs(const struct kf_split *split, size_t a, size_t b)
{
    json_t *list = json_array();

    for (size_t k = 0; list && k < split->layer->n_calls; k++) {
        json_t *input = json_array_get(split->layer->calls[k].args, 0);
        json_t *first = a == split->index ? json_deep_copy(input) : kf_ref_new(a, k, 0);
        json_t *second = b == split->index ? json_deep_copy(input) : kf_ref_new(b, k, 0);

        if (json_array_append_new(list, json_pack("[[o,o]]", first, second)) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *plain_config(void)
{
    return json_pack("{s:b}", "trainable", 1);
}

static int add_dense(struct kf_split *split, json_int_t width, const char *activation,
                     const char *kernel, const char *bias, size_t *at)
{
    struct kf_layer *dense;

    KF_TRY(
        kf_split_beside(split, "Dense", dense_config(split, width, activation), NULL, &dense, at));
    KF_TRY(kf_split_room(split, dense));
    KF_TRY(give(split, dense, kernel, "W", kf_split_payload(split->layer, kernel)));
    return give(split, dense, bias, "b", kf_split_payload(split->layer, bias));
}

int kf_split_merge(struct kf_split *split, const char *class_name, size_t a, size_t b, size_t *at)
{
    struct kf_layer *layer;
    json_auto_t *args = pairs(split, a, b);

    return args ? kf_split_beside(split, class_name, plain_config(), args, &layer, at)
                : kf_split_no_memory(split);
}

/* The layer itself adds its input and what `part` gives. */
static int add_input(struct kf_split *split, size_t part)
{
    json_auto_t *args = pairs(split, split->index, part);

    for (size_t k = 0; args && k < split->layer->n_calls; k++) {
        json_decref(split->layer->calls[k].args);
        split->layer->calls[k].args = json_incref(json_array_get(args, k));
    }
    return args ? kf_split_become(split, "Add", "two Dense, Subtract, Multiply and Add")
                : kf_split_no_memory(split);
}

/* t h + (1 - t) x as x + t (h - x), where t = sigmoid(x W_carry + b_carry), h = f(x W + b). */
static int kf_split_highway(struct kf_split *split, bool *done)
{
    struct kf_layer *layer = split->layer;
    json_int_t width = width_of(layer);
    const char *activation = kf_json_str(layer->config, "activation", NULL);
    size_t gate, hidden, difference, part;

    *done = width > 0 && activation && split->graph->topology == KF_FUNCTIONAL;
    if (!*done)
        return 0;
    KF_TRY(drop_training(split));
    KF_TRY(add_dense(split, width, "sigmoid", "W_carry", "b_carry", &gate));
    KF_TRY(add_dense(split, width, activation, "W", "b", &hidden));
    KF_TRY(kf_split_merge(split, "Subtract", hidden, split->index, &difference));
    KF_TRY(kf_split_merge(split, "Multiply", gate, difference, &part));
    return add_input(split, part);
}

static const struct split_row {
    const char *class_name;
    int (*apply)(struct kf_split *split, bool *done);
    bool branches; /* its input goes two ways */
    const char *name;
} split_rows[] = {
#define KF1_SPLIT(class_name, function, branches)                                                  \
    {class_name, kf_split_##function, branches, "keras1-split:" class_name},
#include "keras1_keras2.def"
};

static int split_layer(struct kf_keras1 *keras1, struct kf_graph *graph, size_t index)
{
    struct kf_split split = {keras1->adapt, graph, graph->layers[index], index};
    const char *class_name = split.layer->class_name;
    bool done = false;

    for (size_t i = 0; i < sizeof(split_rows) / sizeof(split_rows[0]); i++)
        if (strcmp(split_rows[i].class_name, class_name) == 0) {
            KF_TRY(split_rows[i].apply(&split, &done));
            if (done)
                kf_report_rule(keras1->adapt->rep, split_rows[i].name);
        }
    return 0;
}

/* The first layer whose input goes two ways; NULL: none. */
static const struct kf_layer *find_branches(const struct kf_graph *graph)
{
    for (size_t i = 1; i < graph->n_layers; i++)
        for (size_t k = 0; k < sizeof(split_rows) / sizeof(split_rows[0]); k++)
            if (split_rows[k].branches &&
                strcmp(split_rows[k].class_name, graph->layers[i]->class_name) == 0)
                return graph->layers[i];
    return NULL;
}

/* A chain with such a layer becomes a graph. */
static int unchain(struct kf_adapt *adapt, struct kf_graph *graph)
{
    const struct kf_layer *layer = find_branches(graph);
    const char *class_name = layer ? layer->class_name : NULL;

    if (!layer || graph->topology != KF_SEQUENTIAL || !kf_graph_begins_with_input(graph))
        return 0;
    KF_TRY(kf_graph_unchain(adapt->model, graph, adapt->rep));
    return kf_report_add(adapt->rep, KF_CLASS_REPLACED, graph->path,
                         "a Sequential became a functional model, because the input of a %s goes "
                         "two ways",
                         class_name);
}

int kf_keras1_split(struct kf_keras1 *keras1, struct kf_graph *graph)
{
    KF_TRY(unchain(keras1->adapt, graph));
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(kf_keras1_split(keras1, layer->inner));
        else
            KF_TRY(split_layer(keras1, graph, i));
        while (i < graph->n_layers && graph->layers[i] != layer)
            i++;
    }
    return 0;
}
