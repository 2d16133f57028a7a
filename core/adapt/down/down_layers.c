/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/operations.h"
#include "../../model/policy.h"
#include "down_encodings.h"
#include <string.h>

/*
 * Layers that are operations to Keras 2. A Sequential with one becomes a graph before masks are
 * looked at; the layer becomes one behind that, since no operation of Keras 2 hands a mask on.
 */

#define LETTERS 26

static const struct row {
    const char *class_name, *when, *operation, *config, *scale, *name;
    bool wide; /* only where Keras 2 encodes fewer axes */
} rows[] = {
#define KF_DOWN_LAYER(class_name, when, operation, config, scale)                                  \
    {class_name, when, operation, config, scale, "down:layer:" class_name, false},
#define KF_DOWN_WIDE(class_name, when, operation, config)                                          \
    {class_name, when, operation, config, NULL, "down:layer:" class_name, true},
#include "down_layers.def"
#undef KF_DOWN_LAYER
#undef KF_DOWN_WIDE
};

static bool is_wide(const struct kf_layer *layer)
{
    struct kf_shape in = {0};

    return layer->n_calls == 1 &&
           kf_down_said_shape(json_array_get(layer->calls[0].args, 0), &in) &&
           kf_down_encodes_more(layer, &in);
}

/* Whether the config has one of the values that Keras 2 does not take. */
static bool is_meant(const struct kf_layer *layer, const struct row *row)
{
    json_auto_t *when = json_loads(row->when, 0, NULL);
    const char *key;
    json_t *value;
    bool meant = !json_object_size(when);

    json_object_foreach(when, key, value) meant |=
        json_equal(json_object_get(layer->config, key), value);
    return meant && (!row->wide || is_wide(layer)) &&
           (row->scale ? layer->n_tensors == 1 && kf_streq(layer->tensors[0].variable, row->scale)
                       : !layer->n_tensors);
}

/* Functions compute with what they are given: no other dtype than the layer's. */
static bool is_single(const struct kf_layer *layer)
{
    return strcmp(kf_policy_name(layer->config, "float32"), "float32") == 0;
}

static const struct row *row_of(const struct kf_layer *layer)
{
    if (layer->operation || layer->custom || layer->inner || !is_single(layer))
        return NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].class_name, layer->class_name) == 0 && is_meant(layer, &rows[i]))
            return &rows[i];
    return NULL;
}

bool kf_down_is_function(const struct kf_layer *layer)
{
    const struct row *row = row_of(layer);

    return (row && (row->scale || layer->n_calls == 1)) ||
           (kf_down_is_split(layer) && layer->n_calls == 1);
}

static int each_graph(struct kf_adapt *adapt, struct kf_graph *graph,
                      int (*one)(struct kf_adapt *adapt, struct kf_graph *graph))
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (graph->layers[i]->inner)
            KF_TRY(one(adapt, graph->layers[i]->inner));
    return 0;
}

int kf_down_chains(struct kf_adapt *adapt, struct kf_graph *graph)
{
    bool found = false, split = false;

    KF_TRY(each_graph(adapt, graph, kf_down_chains));
    for (size_t i = 0; i < graph->n_layers; i++) {
        split |= kf_down_is_split(graph->layers[i]);
        found |= row_of(graph->layers[i]) || kf_down_is_spectrogram(graph->layers[i]);
    }
    return (found || split) && graph->topology == KF_SEQUENTIAL && kf_graph_begins_with_input(graph)
               ? kf_down_unchain(adapt, graph, split ? "an activation needs" : "a layer needs")
               : 0;
}

/* A value of the operation's config: "@axis" is the layer's. */
static json_t *value_of(const struct kf_layer *layer, json_t *value)
{
    const char *text = json_string_value(value);
    json_t *list, *one;
    size_t i;

    if (text && *text == '@')
        value = json_object_get(layer->config, text + 1);
    if (!json_is_array(value))
        return value ? json_deep_copy(value) : json_null();
    list = json_array();
    json_array_foreach(value, i, one) if (json_array_append_new(list, value_of(layer, one)) < 0)
    {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *config_of(const struct kf_layer *layer, const struct row *row)
{
    json_auto_t *pattern = json_loads(row->config, 0, NULL);
    json_t *config = json_object(), *value;
    const char *key;

    json_object_foreach(pattern, key,
                        value) if (json_object_set_new(config, key, value_of(layer, value)) < 0)
    {
        json_decref(config);
        return NULL;
    }
    return config;
}

/* The axes that the scale multiplies are the last ones: "...ab,ab->...ab". */
static json_t *scale_config(struct kf_adapt *adapt, const struct kf_layer *layer)
{
    const struct kf_payload *scale = layer->tensors[0].payload;
    const json_t *axis = json_object_get(layer->config, "axis");
    size_t n = scale ? scale->rank : json_is_array(axis) ? json_array_size(axis) : 1;
    char axes[LETTERS + 1] = "";
    json_t *shape = json_array();

    for (size_t i = 0; i < n && i < LETTERS; i++) {
        axes[i] = (char)('a' + i);
        json_array_append_new(shape,
                              scale ? json_integer((json_int_t)scale->dims[i]) : json_null());
    }
    return json_pack("{s:s, s:b, s:s, s:s*, s:o, s:n, s:{s:s, s:{}}}", "name", layer->name,
                     "trainable", layer->trainable, "dtype", "float32", "equation",
                     kf_arena_printf(adapt->model->arena, "...%s,%s->...%s", axes, axes, axes),
                     "output_shape", shape, "bias_axes", "kernel_initializer", "class_name", "Ones",
                     "config");
}

/* The layer keeps its place, its name and its variable, and gets an operation before each call. */
static int put_before(struct kf_adapt *adapt, struct kf_graph *graph, struct kf_layer *layer,
                      const struct row *row)
{
    json_t *config = scale_config(adapt, layer);

    for (size_t k = 0; config && *row->operation && k < layer->n_calls; k++) {
        json_t *args = layer->calls[k].args;
        struct kf_ref out;

        layer->calls[k].args = json_array();
        if (kf_down_node(adapt, graph, row->operation, config_of(layer, row), args, &out) < 0 ||
            kf_json_append(layer->calls[k].args, kf_ref_new(out.layer, out.call, out.output),
                           adapt->rep) < 0) {
            json_decref(config);
            return kf_adapt_no_memory(adapt, layer->path);
        }
    }
    if (!config)
        return kf_adapt_no_memory(adapt, layer->path);
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = "EinsumDense";
    layer->module = layer->registered_name = NULL;
    layer->tensors[0].variable = "kernel";
    return kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                         *row->operation
                             ? "Keras 2 has no such %s: functions compute it, and an EinsumDense "
                               "behind them holds its %s"
                             : "Keras 2 has no such %s: an EinsumDense holds its %s",
                         row->class_name, row->scale);
}

static int become(struct kf_adapt *adapt, struct kf_layer *layer, const struct row *row)
{
    const struct kf_operation *found = kf_operation_find(row->operation);
    json_t *config = config_of(layer, row);

    if (!config)
        return kf_adapt_no_memory(adapt, layer->path);
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = layer->registered_name = row->operation;
    layer->module = found ? found->module : NULL;
    layer->operation = true;
    layer->trainable = true;
    KF_TRY(kf_json_set(config, "name", json_string(layer->name), adapt->rep));
    return kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "Keras 2 has no such %s: functions compute it", row->class_name);
}

int kf_down_layers(struct kf_adapt *adapt, struct kf_graph *graph)
{
    size_t n = graph->topology == KF_FUNCTIONAL ? graph->n_layers : 0;

    KF_TRY(each_graph(adapt, graph, kf_down_layers));
    for (size_t i = 0; i < n; i++) {
        struct kf_layer *layer = graph->layers[i];
        const struct row *row = row_of(layer);

        if (!row || !kf_down_is_function(layer))
            continue;
        kf_report_rule(adapt->rep, row->name);
        KF_TRY(row->scale ? put_before(adapt, graph, layer, row) : become(adapt, layer, row));
    }
    return 0;
}
