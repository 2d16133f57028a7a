/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/rewrite.h"
#include "../adapt.h"
#include <string.h>

/*
 * A locally connected layer is a convolution that has a kernel of its own for each place. A
 * DepthwiseConv of ones and zeros lays the values under the kernel side by side, those of a channel
 * together, and an EinsumDense has a matrix for each place. A bias is kept behind the places even
 * where the channels stand in front; its values are read in the order of the output all the same.
 *
 * Source: keras/src/layers/locally_connected/locally_connected2d.py, keras/src/backend.py
 * local_conv, bias_add (2.15); Keras 1.2.2 keras/layers/local.py
 */

static const struct local_row {
    const char *class_name;
    unsigned axes;
    const char *name;
} local_rows[] = {
#define KF_LOCAL(class_name, axes) {class_name, axes, "local:" class_name},
#include "../keras2_keras3.def"
};

/* Of the kernel of ones and zeros. */
#define ELEMENTS_MAX (1u << 26)

struct local {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_layer *layer;
    size_t index;
    unsigned axes;
    bool first; /* the channels stand in front */
    uint64_t kernel[2], out[2], window, channels, filters;
    struct kf_tensor *weights, *bias;
};

static int no_memory(const struct local *local)
{
    return kf_adapt_no_memory(local->adapt, local->layer->path);
}

/* Sizes of the kernel, as steps of one length alone: TensorFlow has no others for a DepthwiseConv.
 */
static bool read_config(struct local *local)
{
    const json_t *config = local->layer->config, *sizes = json_object_get(config, "kernel_size");
    const json_t *steps = json_object_get(config, "strides");

    if (kf_json_int(config, "implementation", 1) != 1 || json_array_size(sizes) != local->axes ||
        json_array_size(steps) != local->axes ||
        !json_equal(json_array_get(steps, 0), json_array_get(steps, local->axes - 1)) ||
        !kf_streq(kf_json_str(config, "padding", "valid"), "valid"))
        return false;
    local->window = 1;
    for (unsigned i = 0; i < local->axes; i++) {
        json_int_t size = json_integer_value(json_array_get(sizes, i));

        if (size < 1 || size > ELEMENTS_MAX)
            return false;
        local->kernel[i] = (uint64_t)size;
        local->window *= local->kernel[i];
    }
    local->first = kf_streq(kf_json_str(config, "data_format", NULL), "channels_first");
    return local->window <= ELEMENTS_MAX;
}

/* What places there are: a bias has them, and one axis needs none. */
static bool read_places(struct local *local, uint64_t places)
{
    const struct kf_payload *bias = local->bias ? local->bias->payload : NULL;

    local->out[0] = places;
    local->out[1] = 1;
    if (!bias)
        return local->axes == 1;
    if (bias->rank != local->axes + 1 || bias->dims[local->axes] != local->filters)
        return false;
    for (unsigned i = 0; i < local->axes; i++)
        local->out[i] = bias->dims[i];
    return local->out[0] * local->out[1] == places;
}

static bool read_weights(struct local *local)
{
    struct kf_layer *layer = local->layer;
    const struct kf_payload *kernel;

    if (!layer->n_tensors || !layer->tensors[0].payload)
        return false;
    local->weights = &layer->tensors[0];
    local->bias = layer->n_tensors > 1 ? &layer->tensors[1] : NULL;
    kernel = local->weights->payload;
    if (kernel->rank != 3 || kernel->dtype != KF_DTYPE_FLOAT32 || !kernel->dims[0] ||
        !kernel->dims[1] || kernel->dims[1] % local->window ||
        kernel->dims[1] > ELEMENTS_MAX / local->window)
        return false;
    local->channels = kernel->dims[1] / local->window;
    local->filters = kernel->dims[2];
    return read_places(local, kernel->dims[0]);
}

/* (window * channels, window): value k of the window is put where k counts. */
static const struct kf_payload *ones(const struct local *local)
{
    struct kf_arena *arena = local->adapt->model->arena;
    const uint64_t matrix[] = {local->window * local->channels, local->window};
    uint64_t dims[4] = {local->kernel[0]};
    size_t n = (size_t)local->window;
    struct kf_patch *patches = kf_arena_alloc(arena, n * sizeof(*patches));
    const struct kf_payload *payload;
    bool fits;

    for (size_t k = 0; patches && k < n; k++)
        patches[k] = (struct kf_patch){.row = k * local->channels,
                                       .rows = local->channels,
                                       .column = k,
                                       .columns = 1,
                                       .add = 1.0};
    if (local->axes == 2)
        dims[1] = local->kernel[1];
    dims[local->axes] = local->channels;
    dims[local->axes + 1] = local->window;
    payload = patches
                  ? kf_rewrite_patch(arena, local->weights->payload, matrix, 2, patches, n, &fits)
                  : NULL;
    return payload ? kf_rewrite_reshape(arena, payload, dims, local->axes + 2, &fits) : NULL;
}

/* (places, window, channels, filters) with the window behind the channels, the places as axes. */
static const struct kf_payload *matrices(const struct local *local)
{
    static const unsigned axes[] = {0, 2, 1, 3};
    struct kf_arena *arena = local->adapt->model->arena;
    const struct kf_payload *payload = local->weights->payload;
    const uint64_t apart[] = {payload->dims[0], local->window, local->channels, local->filters};
    const uint64_t dims[] = {local->out[0], local->out[1], payload->dims[1], local->filters};
    const uint64_t line[] = {local->out[0], payload->dims[1], local->filters};
    bool fits;

    if (!local->first && local->window > 1 && local->channels > 1) {
        payload = kf_rewrite_reshape(arena, payload, apart, 4, &fits);
        payload = payload ? kf_rewrite_transpose(arena, payload, axes, 4, &fits) : NULL;
    }
    return payload ? kf_rewrite_reshape(arena, payload, local->axes == 2 ? dims : line,
                                        local->axes + 2, &fits)
                   : NULL;
}

static const struct kf_payload *added(const struct local *local)
{
    const uint64_t dims[] = {local->filters, local->out[0], local->out[1]};
    bool fits;

    return local->first ? kf_rewrite_reshape(local->adapt->model->arena, local->bias->payload, dims,
                                             local->axes + 1, &fits)
                        : local->bias->payload;
}

static json_t *dtype_of(const struct local *local)
{
    return json_object_get(local->layer->config, "dtype");
}

/* In front of the layer, which then stands one further in a chain. */
static int put_before(struct local *local, const char *class_name, json_t *config,
                      struct kf_layer **out)
{
    KF_TRY(kf_insert_before(local->adapt, local->graph, local->index, class_name, config, out));
    local->index += local->graph->topology == KF_SEQUENTIAL;
    return 0;
}

static int put_last(struct local *local)
{
    struct kf_layer *before;

    return put_before(local, "Permute",
                      local->axes == 2 ? json_pack("{s:b, s:O?, s:[i,i,i]}", "trainable", 1,
                                                   "dtype", dtype_of(local), "dims", 2, 3, 1)
                                       : json_pack("{s:b, s:O?, s:[i,i]}", "trainable", 1, "dtype",
                                                   dtype_of(local), "dims", 2, 1),
                      &before);
}

static int put_window(struct local *local)
{
    const json_t *config = local->layer->config;
    struct kf_tensor *tensor = kf_arena_alloc(local->adapt->model->arena, sizeof(*tensor));
    struct kf_layer *before;

    if (!tensor)
        return no_memory(local);
    *tensor = (struct kf_tensor){.variable = "depthwise_kernel",
                                 .source = local->weights->source,
                                 .trainable = true,
                                 .payload = ones(local),
                                 .done = "ones and zeros"};
    if (!tensor->payload)
        return no_memory(local);
    KF_TRY(put_before(local, local->axes == 2 ? "DepthwiseConv2D" : "DepthwiseConv1D",
                      json_pack("{s:b, s:O?, s:O, s:O, s:s, s:s, s:I, s:b, s:s}", "trainable", 0,
                                "dtype", dtype_of(local), "kernel_size",
                                json_object_get(config, "kernel_size"), "strides",
                                json_object_get(config, "strides"), "padding", "valid",
                                "data_format", "channels_last", "depth_multiplier",
                                (json_int_t)local->window, "use_bias", 0, "activation", "linear"),
                      &before));
    before->trainable = false;
    before->tensors = tensor;
    before->n_tensors = 1;
    return 0;
}

static json_t *einsum_config(const struct local *local)
{
    static const char *const equations[2][2] = {{"abc,bcd->abd", "abc,bcd->adb"},
                                                {"abcd,bcde->abce", "abcd,bcde->aebc"}};
    static const char *const keys[] = {"dtype",
                                       "activation",
                                       "kernel_initializer",
                                       "bias_initializer",
                                       "kernel_regularizer",
                                       "bias_regularizer",
                                       "activity_regularizer"};
    const char *equation = equations[local->axes - 1][local->first];
    json_auto_t *shape = json_array();
    json_t *config;

    for (unsigned i = 0; i < local->axes; i++)
        json_array_append_new(shape, json_integer((json_int_t)local->out[i]));
    json_array_insert_new(shape, local->first ? 0 : local->axes,
                          json_integer((json_int_t)local->filters));
    if (json_array_size(shape) != local->axes + 1)
        return NULL;
    config = json_pack("{s:s, s:b, s:s, s:O, s:s?}", "name", local->layer->name, "trainable",
                       local->layer->trainable, "equation", equation, "output_shape", shape,
                       "bias_axes", local->bias ? strchr(equation, '>') + 2 : NULL);
    for (size_t i = 0; config && i < sizeof(keys) / sizeof(keys[0]); i++) {
        json_t *value = json_object_get(local->layer->config, keys[i]);

        if (value && json_object_set(config, keys[i], value) < 0) {
            json_decref(config);
            return NULL;
        }
    }
    return config;
}

static void note_constraints(const struct local *local)
{
    static const char *const keys[] = {"kernel_constraint", "bias_constraint"};

    for (size_t i = 0; i < 2; i++) {
        const json_t *value = json_object_get(local->layer->config, keys[i]);

        if (value && !json_is_null(value))
            kf_report_add(local->adapt->rep, KF_TRAINING_DIFFERS, local->layer->path,
                          "%s acts only in training, along axes that the layers in the place of a "
                          "%s do not have",
                          keys[i], local->layer->class_name);
    }
}

static int become_einsum(struct local *local)
{
    struct kf_layer *layer = local->layer;
    json_t *config = einsum_config(local);

    if (!config)
        return no_memory(local);
    note_constraints(local);
    KF_TRY(kf_report_add(local->adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "%s became %sDepthwiseConv%uD and EinsumDense, which compute the same",
                         layer->class_name, local->first ? "Permute, " : "", local->axes));
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = "EinsumDense";
    local->weights->payload = matrices(local);
    if (local->bias)
        local->bias->payload = added(local);
    return local->weights->payload && (!local->bias || local->bias->payload) ? 0 : no_memory(local);
}

static const struct local_row *row_of(const struct kf_layer *layer)
{
    for (size_t i = 0; i < sizeof(local_rows) / sizeof(local_rows[0]); i++)
        if (strcmp(local_rows[i].class_name, layer->class_name) == 0)
            return &local_rows[i];
    return NULL;
}

static int split(struct kf_adapt *adapt, struct kf_graph *graph, size_t index)
{
    struct local local = {
        .adapt = adapt, .graph = graph, .layer = graph->layers[index], .index = index};
    const struct local_row *row = row_of(local.layer);

    if (!row)
        return 0;
    local.axes = row->axes;
    if (!read_config(&local) || !read_weights(&local))
        return 0;
    kf_report_rule(adapt->rep, row->name);
    if (local.first)
        KF_TRY(put_last(&local));
    KF_TRY(put_window(&local));
    return become_einsum(&local);
}

int kf_adapt_local(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(kf_adapt_local(adapt, layer->inner));
        else
            KF_TRY(split(adapt, graph, i));
        while (graph->layers[i] != layer)
            i++;
    }
    return 0;
}
