/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/order.h"
#include "shapes.h"
#include <stdio.h>
#include <string.h>

/*
 * Biases of channels_first convolutions that go astray, see astray.c: where the output is as wide
 * as it has channels. The widths are followed from the inputs as far as they are known.
 */
enum how { KEEP, WINDOW, SPREAD, TIMES, ADD, CUT };

static const struct width_row {
    const char *classes;
    enum how how;
    const char *size, *stride;
} width_rows[] = {
#define KF_WIDTH(classes, how, size, stride) {classes, how, size, stride},
#include "widths.def"
#undef KF_WIDTH
};

#define BIASED                                                                                     \
    "Conv1D Conv2D Conv3D SeparableConv1D SeparableConv2D DepthwiseConv1D DepthwiseConv2D "        \
    "Conv1DTranspose Conv2DTranspose Conv3DTranspose"

/* The last number of a config key: of a list of pairs their sum, where they are added. */
static json_int_t last_of(const json_t *value)
{
    while (json_is_array(value) && json_array_size(value)) {
        const json_t *last = json_array_get(value, json_array_size(value) - 1);

        if (json_is_array(last) && json_array_size(last) == 2 &&
            json_is_integer(json_array_get(last, 0)))
            return json_integer_value(json_array_get(last, 0)) +
                   json_integer_value(json_array_get(last, 1));
        value = last;
    }
    return json_is_integer(value) ? json_integer_value(value) : 0;
}

static json_int_t number(const struct kf_layer *layer, const char *key, json_int_t fallback)
{
    json_int_t found = last_of(json_object_get(layer->config, key));

    return found > 0 ? found : fallback;
}

static json_int_t window(const struct kf_layer *layer, const struct width_row *row,
                         json_int_t width)
{
    json_int_t size = number(layer, row->size, 1), dilation = number(layer, "dilation_rate", 1);
    json_int_t stride = number(layer, row->stride, strcmp(row->size, "pool_size") ? 1 : size);

    if (kf_streq(kf_json_str(layer->config, "padding", "valid"), "same"))
        return (width + stride - 1) / stride;
    width -= (size - 1) * dilation + 1;
    return width < 0 ? 0 : width / stride + 1;
}

static json_int_t spread(const struct kf_layer *layer, const struct width_row *row,
                         json_int_t width)
{
    json_int_t size = number(layer, row->size, 1), stride = number(layer, row->stride, 1);

    if (kf_streq(kf_json_str(layer->config, "padding", "valid"), "same"))
        return width * stride;
    return width * stride + (size > stride ? size - stride : 0);
}

/* The width of a layer's output from that of its input; 0 is unknown. */
static json_int_t change(const struct kf_layer *layer, json_int_t width)
{
    for (size_t i = 0; width && i < sizeof(width_rows) / sizeof(width_rows[0]); i++) {
        const struct width_row *row = &width_rows[i];

        if (!kf_in_words(row->classes, layer->class_name))
            continue;
        switch (row->how) {
        case KEEP:
            return width;
        case WINDOW:
            return window(layer, row, width);
        case SPREAD:
            return spread(layer, row, width);
        case TIMES:
            return width * number(layer, row->size, 1);
        case ADD:
            return width + number(layer, row->size, 0);
        default:
            return width - number(layer, row->size, 0);
        }
    }
    return 0;
}

static json_t *input_shape(const struct kf_layer *layer)
{
    json_t *shape = json_object_get(layer->config, "batch_input_shape");

    return shape ? shape : json_object_get(layer->config, "batch_shape");
}

/* A Permute right behind an input: the axis that becomes the last one. */
static json_int_t permuted(const struct kf_layer *layer, const struct kf_layer *before)
{
    json_int_t last = last_of(json_object_get(layer->config, "dims"));

    return last > 0 ? json_integer_value(json_array_get(input_shape(before), (size_t)last)) : 0;
}

/* How many values the bias has; of an architecture alone only where the config says it. */
static json_int_t channels_of(const struct kf_layer *layer)
{
    const struct kf_payload *bias = layer->tensors[layer->n_tensors - 1].payload;

    return bias ? (json_int_t)bias->dims[0] : kf_json_int(layer->config, "filters", 0);
}

static int check_layer(struct kf_adapt *adapt, const struct kf_layer *layer, json_int_t width)
{
    json_int_t channels;
    char what[160];

    if (!width || layer->operation || !kf_in_words(BIASED, layer->class_name) ||
        !layer->n_tensors ||
        !kf_streq(kf_json_str(layer->config, "data_format", NULL), "channels_first") ||
        !kf_json_bool(layer->config, "use_bias", true))
        return 0;
    channels = channels_of(layer);
    if (channels && channels != width)
        return 0;
    if (channels)
        kf_report_rule(adapt->rep, "width:bias");
    snprintf(what, sizeof(what),
             "channels_first, %s a bias of as many values as the output is wide (%lld)",
             channels ? "with" : "maybe with", (long long)width);
    return kf_adapt_report_astray(adapt, layer, what, channels);
}

static json_int_t width_of(const struct kf_layer *layer, const struct kf_layer *before,
                           json_int_t width)
{
    if (kf_layer_is_input(layer))
        return last_of(input_shape(layer));
    if (before && strcmp(layer->class_name, "Permute") == 0 && input_shape(before))
        return permuted(layer, before);
    return change(layer, width);
}

static int follow_sequential(struct kf_adapt *adapt, struct kf_graph *graph)
{
    const struct kf_layer *before = NULL;
    json_int_t width = 0;

    for (size_t i = 0; i < graph->n_layers; i++) {
        width = width_of(graph->layers[i], before, width);
        KF_TRY(check_layer(adapt, graph->layers[i], width));
        before = graph->layers[i];
    }
    return 0;
}

/* The first tensor of a call. */
static bool first_ref(const json_t *args, struct kf_ref *out)
{
    const json_t *first = json_array_get(args, 0);

    return kf_ref_get(json_is_array(first) ? json_array_get(first, 0) : first, out);
}

static int follow_call(struct kf_adapt *adapt, struct kf_graph *graph, struct kf_call_at at,
                       json_int_t *widths)
{
    struct kf_layer *layer = graph->layers[at.layer];
    const struct kf_layer *before = NULL;
    struct kf_ref ref;
    json_int_t width = 0;

    if (at.call < layer->n_calls && first_ref(layer->calls[at.call].args, &ref)) {
        before = graph->layers[ref.layer];
        width = widths[ref.layer];
    }
    widths[at.layer] = width_of(layer, before, width);
    return check_layer(adapt, layer, widths[at.layer]);
}

static int follow_functional(struct kf_adapt *adapt, struct kf_graph *graph)
{
    json_int_t *widths = kf_arena_alloc(adapt->model->arena, graph->n_layers * sizeof(*widths));
    struct kf_call_at *order = NULL;
    size_t n = 0;
    int r;

    if (!widths)
        return kf_adapt_no_memory(adapt, graph->path);
    r = kf_graph_order(graph, &order, &n, adapt->rep);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = follow_call(adapt, graph, order[i], widths);
    kf_free(order);
    return r;
}

int kf_adapt_widths(struct kf_adapt *adapt, struct kf_graph *graph)
{
    KF_TRY(graph->topology == KF_SEQUENTIAL ? follow_sequential(adapt, graph)
                                            : follow_functional(adapt, graph));
    for (size_t i = 0; i < graph->n_layers; i++)
        if (graph->layers[i]->inner)
            KF_TRY(kf_adapt_widths(adapt, graph->layers[i]->inner));
    return 0;
}
