/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "keras1.h"
#include <string.h>

/*
 * What Theano computes otherwise than TensorFlow. Kernels are turned round by the next step; here
 * are the borders. TensorFlow pads "same" as little as it can, more behind than before; Theano by
 * half the kernel in front, whatever the stride. ZeroPadding in front of a "valid" convolution says
 * that to any backend; a pooling has no such layer, for it does not see its padding as zeros.
 *
 * Source: Keras 1.2.2 keras/backend/theano_backend.py conv2d, conv3d, deconv2d, pool2d
 */
#define AXES_MAX 3

static const char *const paddings[] = {"ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"};

static const struct window_row {
    const char *classes, *size;
    bool pooling, recurrent, transposed;
} window_rows[] = {
    {"Conv1D Conv2D Conv3D", "kernel_size", .pooling = false},
    {"ConvLSTM2D", "kernel_size", .recurrent = true},
    {"Conv2DTranspose", "kernel_size", .transposed = true},
    {"SeparableConv2D", "kernel_size", .recurrent = true},
    {"MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D",
     "pool_size", .pooling = true},
};

/* A window as it slides along its axes. */
struct window {
    const struct window_row *row;
    size_t n; /* axes */
    json_int_t size[AXES_MAX], stride[AXES_MAX];
    bool same, full;
};

/* One number of a key: of a list, or the number itself for all axes. */
static json_int_t number(const struct kf_layer *layer, const char *key, size_t axis,
                         json_int_t fallback)
{
    const json_t *value = json_object_get(layer->config, key);

    if (json_is_array(value))
        value = json_array_get(value, axis);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static bool window_of(const struct kf_layer *layer, struct window *out)
{
    const char *padding = kf_json_str(layer->config, "padding", "valid");

    *out = (struct window){.same = kf_streq(padding, "same"), .full = kf_streq(padding, "full")};
    for (size_t i = 0; i < sizeof(window_rows) / sizeof(window_rows[0]); i++)
        if (kf_in_words(window_rows[i].classes, layer->class_name))
            out->row = &window_rows[i];
    if (!out->row)
        return false;
    out->n = (size_t)(strpbrk(layer->class_name, "123")[0] - '0');
    for (size_t i = 0; i < out->n; i++) {
        json_int_t size = number(layer, out->row->size, i, 1);

        out->stride[i] = number(layer, "strides", i, out->row->pooling ? size : 1);
        out->size[i] = (size - 1) * number(layer, "dilation_rate", i, 1) + 1;
    }
    return true;
}

/* Whether "same" pads an axis otherwise than TensorFlow. */
static bool pads_otherwise(const struct window *window, size_t axis)
{
    json_int_t size = window->size[axis], stride = window->stride[axis];

    if (window->row->pooling)
        return size != 1 && (size != 3 || stride != 1);
    return size % 2 == 0 || (stride > 1 && size > 1);
}

static bool borders_differ(const struct window *window)
{
    bool differ = window->full;

    for (size_t i = 0; i < window->n; i++)
        differ = differ || (pads_otherwise(window, i) && (window->same || window->row->recurrent));
    return differ;
}

/* Whether the backend has any part in what the layer computes: its borders, and its kernel. */
static bool matters(const struct kf_model *model, const struct window *window)
{
    bool any = borders_differ(window);

    for (size_t i = 0; i < window->n; i++)
        any = any || (!window->row->pooling && !model->weightless && window->size[i] > 1);
    return any;
}

/* {"padding": [[before, behind], ...], "data_format"} of a ZeroPadding. */
static json_t *padding_config(const struct kf_layer *layer, const struct window *window)
{
    const char *format = kf_json_str(layer->config, "data_format", NULL);
    json_auto_t *pairs = json_array();

    for (size_t i = 0; i < window->n; i++) {
        json_int_t before = window->full ? window->size[i] - 1 : window->size[i] / 2;
        json_int_t behind = window->full ? before : window->size[i] - 1 - before;

        if (json_array_append_new(pairs, json_pack("[I,I]", before, behind)) < 0)
            return NULL;
    }
    if (window->n == 1)
        return json_pack("{s:b, s:O}", "trainable", 1, "padding", json_array_get(pairs, 0));
    return json_pack("{s:b, s:O, s:s*}", "trainable", 1, "padding", pairs, "data_format", format);
}

static int pad(struct kf_keras1 *keras1, struct kf_graph *graph, size_t at,
               const struct window *window)
{
    struct kf_adapt *adapt = keras1->adapt;
    struct kf_layer *layer = graph->layers[at], *padding;
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): n is 1, 2 or 3, see window_of() */
    const char *class_name = paddings[window->n - 1];

    KF_TRY(kf_insert_before(adapt, graph, at, class_name, padding_config(layer, window), &padding));
    KF_TRY(kf_json_set(layer->config, "padding", json_string("valid"), adapt->rep));
    kf_report_rule(adapt->rep, "keras1-theano:padding");
    return kf_report_add(adapt->rep, KF_LAYER_INSERTED, layer->path,
                         "%s pads in front of %s as Theano did, which TensorFlow does otherwise",
                         class_name, layer->name);
}

static int refuse(struct kf_keras1 *keras1, const struct kf_layer *layer)
{
    kf_report_rule(keras1->adapt->rep, "keras1-theano:refused");
    kf_report_change(keras1->adapt->rep, KF_VALUE_NO_EQUAL, layer->path, "padding",
                     json_object_get(layer->config, "padding"), NULL,
                     "Theano pads a %s of this size and stride otherwise than any backend of later "
                     "Keras",
                     layer->class_name);
    return 0;
}

/* A layer that may get another in front of it, when it stands in a graph. */
static int check(struct kf_keras1 *keras1, struct kf_graph *graph, size_t at,
                 struct kf_layer *layer)
{
    enum kf_backend backend = keras1->adapt->backend;
    struct window window;

    if (!window_of(layer, &window))
        return 0;
    if (backend == KF_BACKEND_FILE && matters(keras1->adapt->model, &window)) {
        kf_report_add(keras1->adapt->rep, KF_BACKEND_UNKNOWN, layer->path,
                      "a %s computes otherwise on Theano, and the file does not say which backend "
                      "wrote it",
                      layer->class_name);
        return 0;
    }
    if (backend == KF_BACKEND_THEANO ? !borders_differ(&window) : !window.full)
        return 0;
    if (backend != KF_BACKEND_THEANO || !graph || window.row->pooling || window.row->recurrent ||
        window.row->transposed)
        return refuse(keras1, layer);
    return pad(keras1, graph, at, &window);
}

static int check_parts(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++) {
        if (layer->parts[i]->inner)
            KF_TRY(kf_keras1_theano(keras1, layer->parts[i]->inner));
        KF_TRY(check(keras1, NULL, 0, layer->parts[i]));
        KF_TRY(check_parts(keras1, layer->parts[i]));
    }
    return 0;
}

int kf_keras1_theano(struct kf_keras1 *keras1, struct kf_graph *graph)
{
    size_t n;

    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(kf_keras1_theano(keras1, layer->inner));
        n = graph->n_layers;
        KF_TRY(check(keras1, graph, i, layer));
        KF_TRY(check_parts(keras1, layer));
        if (graph->topology == KF_SEQUENTIAL)
            i += graph->n_layers - n;
    }
    return 0;
}
