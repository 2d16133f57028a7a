/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_KERAS3_MODEL_H
#define KF_KERAS3_MODEL_H

#include "core/base/str.h"
#include "core/io/text/json.h"
#include "core/model/model.h"
#include "core_test.h"

/*
 * A model out of JSON that says what struct kf_graph holds:
 *
 *   graph  {"topology": "functional" | "sequential", "name", "layers": [layer], "inputs",
 * "outputs"} layer  {"name", "class_name", "module", "registered_name", "config", "operation",
 *           "calls": [{"args", "kwargs"}], "inner": graph, "parts": [layer with "attribute",
 *           "config_key", "in_container"]}
 */
static inline struct kf_graph *make_graph(struct kf_model *model, json_t *spec, const char *path,
                                          struct kf_report *rep);

static inline const char *copy_text(struct kf_model *model, json_t *spec, const char *key)
{
    const char *text = kf_json_str(spec, key, NULL);

    return text ? kf_arena_strdup(model->arena, text) : NULL;
}

static inline struct kf_layer *make_layer(struct kf_model *model, json_t *spec, const char *above,
                                          struct kf_report *rep)
{
    struct kf_layer *layer = kf_layer_new(model);
    json_t *one, *inner = json_object_get(spec, "inner"), *parts = json_object_get(spec, "parts");
    size_t i;

    layer->name = copy_text(model, spec, "name");
    layer->class_name = copy_text(model, spec, "class_name");
    layer->module = copy_text(model, spec, "module");
    layer->registered_name = copy_text(model, spec, "registered_name");
    layer->attribute = copy_text(model, spec, "attribute");
    layer->config_key = copy_text(model, spec, "config_key");
    layer->in_container = kf_json_bool(spec, "in_container", false);
    layer->operation = kf_json_bool(spec, "operation", false);
    layer->trainable = true;
    layer->path = kf_arena_printf(model->arena, "%s%s%s", above, *above ? "/" : "", layer->name);
    layer->config = json_incref(json_object_get(spec, "config"));
    json_array_foreach(json_object_get(spec, "calls"), i, one)
        assert_int_equal(kf_layer_add_call(model, layer, json_incref(json_object_get(one, "args")),
                                           json_incref(json_object_get(one, "kwargs")), rep),
                         0);
    layer->inner = inner ? make_graph(model, inner, layer->path, rep) : NULL;
    layer->parts = kf_arena_alloc(model->arena, (json_array_size(parts) + 1) * sizeof(void *));
    json_array_foreach(parts, i, one) layer->parts[layer->n_parts++] =
        make_layer(model, one, layer->path, rep);
    return layer;
}

static inline struct kf_graph *make_graph(struct kf_model *model, json_t *spec, const char *path,
                                          struct kf_report *rep)
{
    struct kf_graph *graph = kf_graph_new(model);
    json_t *one;
    size_t i;

    graph->topology = strcmp(kf_json_str(spec, "topology", "functional"), "sequential") == 0
                          ? KF_SEQUENTIAL
                          : KF_FUNCTIONAL;
    graph->name = copy_text(model, spec, "name");
    graph->class_name = graph->topology == KF_SEQUENTIAL ? "Sequential" : "Functional";
    graph->path = kf_arena_strdup(model->arena, path);
    graph->trainable = true;
    graph->inputs = json_incref(json_object_get(spec, "inputs"));
    graph->outputs = json_incref(json_object_get(spec, "outputs"));
    graph->config = json_incref(json_object_get(spec, "config"));
    json_array_foreach(json_object_get(spec, "layers"), i, one) assert_int_equal(
        kf_graph_insert(model, graph, i, make_layer(model, one, path, rep), rep), 0);
    return graph;
}

/** Takes `spec`. */
static inline struct kf_model *make_model(json_t *spec, struct kf_report *rep)
{
    struct kf_model *model = kf_model_create();

    assert_non_null(spec);
    assert_non_null(model);
    model->dialect = KF_DIALECT_KERAS3;
    model->graph = make_graph(model, spec, "", rep);
    json_decref(spec);
    return model;
}

/** In the texts of tests ' stands for ", and @L.C.O for output O of call C of layer L. */
static inline char *expand(const char *text)
{
    char *copy = calloc(1, 24 * strlen(text) + 1), *to = copy;
    unsigned layer, call, output;
    int n;

    for (; *text; text++)
        if (sscanf(text, "@%u.%u.%u%n", &layer, &call, &output, &n) == 3) {
            to += sprintf(to, "{'$ref':[%u,%u,%u]}", layer, call, output);
            text += n - 1;
        } else {
            *to++ = *text;
        }
    for (to = copy; *to; to++)
        *to = *to == '\'' ? '"' : *to;
    return copy;
}

static inline json_t *json_of(const char *text)
{
    char *copy = expand(text);
    json_t *value = json_loads(copy, JSON_DECODE_ANY, NULL);

    free(copy);
    assert_non_null(value);
    return value;
}

#endif
