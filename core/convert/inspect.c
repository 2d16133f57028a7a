/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect.h"
#include "../io/text/json.h"
#include "graph.h"
#include "loads.h"

static json_t *shape_json(const struct kf_payload *payload)
{
    json_t *shape = json_array();

    for (unsigned i = 0; i < payload->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)payload->dims[i]));
    return shape;
}

struct lists {
    json_t *layers, *tensors;
    json_int_t parameters;
};

static int list_tensor(struct lists *lists, const struct kf_layer *layer,
                       const struct kf_tensor *tensor)
{
    json_t *row =
        json_pack("{s:s, s:s, s:s, s:o, s:s, s:b}", "layer", layer->path, "name",
                  tensor->source ? tensor->source : tensor->variable, "variable", tensor->variable,
                  "shape", shape_json(tensor->payload), "dtype",
                  kf_dtype_name(tensor->payload->dtype), "trainable", (int)tensor->trainable);

    lists->parameters += (json_int_t)kf_payload_elements(tensor->payload);
    return json_array_append_new(lists->tensors, row);
}

static int list_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct lists *lists = context;
    json_int_t before = lists->parameters;

    (void)graph;
    for (size_t i = 0; i < layer->n_tensors; i++)
        if (layer->tensors[i].payload && list_tensor(lists, layer, &layer->tensors[i]) < 0)
            return -1;
    return json_array_append_new(lists->layers,
                                 json_pack("{s:s, s:s, s:s, s:I, s:I}", "path", layer->path, "name",
                                           layer->name, "class_name", layer->class_name, "calls",
                                           (json_int_t)layer->n_calls, "parameters",
                                           lists->parameters - before));
}

/* The sizes of the model's inputs: what its InputLayers say. */
static json_t *inputs_json(const struct kf_graph *graph)
{
    json_t *inputs = json_array();

    for (size_t i = 0; i < graph->n_layers; i++) {
        const struct kf_layer *layer = graph->layers[i];
        json_t *shape = json_object_get(layer->config, "batch_input_shape");

        if (!shape)
            shape = json_object_get(layer->config, "batch_shape");
        if (shape && (graph->topology == KF_FUNCTIONAL ? !layer->n_calls : i == 0))
            json_array_append_new(
                inputs, json_pack("{s:s, s:O, s:s}", "name", layer->name, "shape", shape, "dtype",
                                  kf_json_str(layer->config, "dtype", "float32")));
    }
    return inputs;
}

static int list_loose(struct lists *lists, const struct kf_loose *loose)
{
    const struct kf_layer layer = {.path = loose->layer ? loose->layer : loose->name};

    for (size_t i = 0; i < loose->n_tensors; i++)
        if (list_tensor(lists, &layer, &loose->tensors[i]) < 0)
            return -1;
    for (size_t i = 0; i < loose->n_below; i++)
        if (list_loose(lists, loose->below[i]) < 0)
            return -1;
    return 0;
}

json_t *kf_inspect_facts(struct kf_model *model, const struct kf_options *options,
                         struct kf_report *rep)
{
    struct lists lists = {json_array(), json_array(), 0};
    json_t *facts = NULL, *about = NULL, *graph = NULL;
    int r = 0;

    if (model && model->loose)
        list_loose(&lists, model->loose);
    if (model && model->graph && kf_layers_each(model->graph, list_layer, &lists) >= 0)
        about = json_pack("{s:s, s:s, s:o, s:I, s:b, s:b}", "name", model->graph->name,
                          "class_name", model->graph->class_name, "inputs",
                          inputs_json(model->graph), "parameters", lists.parameters, "compiled",
                          model->training != NULL, "optimizer_state", model->has_optimizer_state);
    if (model && model->graph && !model->made_up)
        r = kf_graph_facts(model, options->limits.json_bytes, rep, &graph);
    facts = json_pack("{s:s?, s:s?, s:s?, s:s?, s:o?, s:o?, s:o, s:o, s:o}", "format",
                      rep->source.format, "title", rep->source.title, "keras_version",
                      rep->source.keras_version, "backend", rep->source.backend, "model", about,
                      "graph", graph, "layers", lists.layers, "tensors", lists.tensors, "loads_in",
                      kf_loads_json(model, rep));
    if (r >= 0)
        return facts;
    json_decref(facts);
    return NULL;
}
