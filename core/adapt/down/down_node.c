/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "../../model/operations.h"
#include "keras3_keras2.h"

static int fill(struct kf_adapt *adapt, struct kf_graph *graph, struct kf_layer *layer,
                const char *class_name)
{
    struct kf_arena *arena = adapt->model->arena;
    const struct kf_operation *found = kf_operation_find(class_name);

    layer->name = kf_free_name(adapt, graph, "down", class_name);
    layer->path = layer->name && *graph->path
                      ? kf_arena_printf(arena, "%s/%s", graph->path, layer->name)
                      : layer->name;
    layer->class_name = layer->registered_name = class_name;
    layer->module = found ? found->module : NULL;
    layer->operation = true;
    layer->trainable = true;
    if (!layer->path)
        return kf_adapt_no_memory(adapt, graph->path);
    return kf_json_set(layer->config, "name", json_string(layer->name), adapt->rep);
}

int kf_down_node(struct kf_adapt *adapt, struct kf_graph *graph, const char *class_name,
                 json_t *config, json_t *args, struct kf_ref *out)
{
    struct kf_layer *layer = kf_layer_new(adapt->model);
    json_t *kwargs = json_object();

    if (!layer || !config || !args || !kwargs) {
        json_decref(config);
        json_decref(args);
        json_decref(kwargs);
        return kf_adapt_no_memory(adapt, graph->path);
    }
    layer->config = config;
    KF_TRY(kf_layer_add_call(adapt->model, layer, args, kwargs, adapt->rep));
    KF_TRY(fill(adapt, graph, layer, class_name));
    *out = (struct kf_ref){graph->n_layers, 0, 0};
    return kf_graph_insert(adapt->model, graph, graph->n_layers, layer, adapt->rep);
}

int kf_down_operate(struct kf_adapt *adapt, struct kf_graph *graph, const char *class_name,
                    json_t *config, json_t *args, json_t **out)
{
    struct kf_ref at;

    KF_TRY(kf_down_node(adapt, graph, class_name, config, args, &at));
    *out = kf_ref_new(at.layer, at.call, at.output);
    return *out ? 0 : kf_adapt_no_memory(adapt, graph->path);
}

int kf_down_add_layer(struct kf_adapt *adapt, struct kf_graph *graph, const struct kf_layer *owner,
                      const char *suffix, const char *class_name, json_t *config,
                      struct kf_layer **out)
{
    struct kf_layer *layer = kf_layer_new(adapt->model);

    *out = layer;
    if (!layer || !config) {
        json_decref(config);
        return kf_adapt_no_memory(adapt, owner->path);
    }
    layer->config = config;
    layer->class_name = class_name;
    layer->trainable = owner->trainable;
    layer->name = kf_free_name(adapt, graph, owner->name, suffix);
    layer->path = layer->name && *graph->path
                      ? kf_arena_printf(adapt->model->arena, "%s/%s", graph->path, layer->name)
                      : layer->name;
    if (!layer->path)
        return kf_adapt_no_memory(adapt, owner->path);
    KF_TRY(kf_json_set(config, "name", json_string(layer->name), adapt->rep));
    KF_TRY(kf_json_set(config, "trainable", json_boolean(layer->trainable), adapt->rep));
    KF_TRY(kf_json_set(config, "dtype", json_string("float32"), adapt->rep));
    return kf_graph_insert(adapt->model, graph, graph->n_layers, layer, adapt->rep);
}
