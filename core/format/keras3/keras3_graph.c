/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_graph.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/classes.h"
#include "../../model/operations.h"
#include "../keras2/keras2_config.h"
#include <string.h>

struct nodes {
    struct kf_keras2_parse *parse;
    struct kf_graph *graph;
    json_t *index_of; /* layer's name -> its number in the graph; owned */
};

static int bad(struct nodes *nodes, const char *where, const char *what)
{
    return kf_report_add(nodes->parse->rep, KF_BAD_GRAPH, where, "%s", what);
}

static int no_memory(struct nodes *nodes, const char *where)
{
    return kf_report_add(nodes->parse->rep, KF_NO_MEMORY, where, "out of memory");
}

/* [layer, call, output] */
static bool is_triple(const json_t *value)
{
    return json_array_size(value) == 3 && json_is_string(json_array_get(value, 0)) &&
           json_is_integer(json_array_get(value, 1)) && json_is_integer(json_array_get(value, 2));
}

static int find_layer(struct nodes *nodes, size_t *out, const json_t *triple, const char *where)
{
    const char *name = json_string_value(json_array_get(triple, 0));
    const json_t *index = json_object_get(nodes->index_of, name);

    if (!index)
        return kf_report_add(nodes->parse->rep, KF_BAD_GRAPH, where,
                             "an input comes from layer %s, which the model does not have", name);
    *out = (size_t)json_integer_value(index);
    return 0;
}

/* A ref to a call that there is; calls that are read later are checked with the model. */
static int make_ref(struct nodes *nodes, json_t **out, size_t layer, json_int_t call,
                    const json_t *triple, const char *where)
{
    json_int_t output = json_integer_value(json_array_get(triple, 2));

    if (call < 0 || output < 0)
        return bad(nodes, where, "an input has a negative index");
    *out = kf_ref_new(layer, (size_t)call, (size_t)output);
    return *out ? 0 : no_memory(nodes, where);
}

/* The shape that the file gives a tensor, [] where it gives none. */
static int add_shape(struct nodes *nodes, json_t *ref, const json_t *value)
{
    json_t *shape = json_object_get(json_object_get(value, "config"), "shape");

    return json_array_size(shape) && json_array_size(shape) <= KF_RANK_MAX
               ? kf_json_set(ref, "shape", json_incref(shape), nodes->parse->rep)
               : 0;
}

/* A tensor of a call's arguments: its calls are counted in this graph, from 0. */
static int tensor_ref(struct nodes *nodes, json_t **out, const json_t *value, const char *where)
{
    const json_t *history = json_object_get(json_object_get(value, "config"), "keras_history");
    json_auto_t *ref = NULL;
    size_t layer = 0;

    if (!is_triple(history))
        return bad(nodes, where, "a tensor does not say which layer makes it");
    KF_TRY(find_layer(nodes, &layer, history, where));
    KF_TRY(make_ref(nodes, &ref, layer, json_integer_value(json_array_get(history, 1)), history,
                    where));
    KF_TRY(add_shape(nodes, ref, value));
    *out = json_incref(ref);
    return 0;
}

static size_t calls_of(const struct kf_layer *layer)
{
    return layer->n_calls ? layer->n_calls : 1;
}

/*
 * Which call an end of the model means. All releases write the ends of a Functional that is a
 * layer one too high, and from 3.3 on read them so; what was made for an older one counts from 0.
 */
static int end_call(struct nodes *nodes, json_int_t *out, const struct kf_layer *layer,
                    json_int_t written)
{
    bool functional = layer->inner && layer->inner->topology == KF_FUNCTIONAL;
    bool old = nodes->parse->model->keras && nodes->parse->model->keras < KF_KERAS(3, 3, 0);
    json_int_t n = (json_int_t)calls_of(layer);

    *out = written - functional;
    if (functional && n == 1 && written == 0)
        *out = 0;
    else if (functional && old && written < n)
        return kf_report_add(nodes->parse->rep, KF_MAPPING_AMBIGUOUS, layer->path,
                             "which of the calls of the model is an output, Keras before 3.3 did "
                             "not write clearly");
    if (*out >= 0 && *out < n)
        return 0;
    return kf_report_add(nodes->parse->rep, KF_BAD_GRAPH, layer->path,
                         "call %lld of the layer is used but not described", (long long)*out);
}

/* A leaf of input_layers or output_layers. */
static int end_ref(struct nodes *nodes, json_t **out, const json_t *triple, const char *where)
{
    size_t layer = 0;
    json_int_t call = 0;

    KF_TRY(find_layer(nodes, &layer, triple, where));
    KF_TRY(end_call(nodes, &call, nodes->graph->layers[layer],
                    json_integer_value(json_array_get(triple, 1))));
    return make_ref(nodes, out, layer, call, triple, where);
}

static bool is_tensor(const json_t *value)
{
    return json_is_object(value) &&
           kf_streq(kf_json_str(value, "class_name", NULL), "__keras_tensor__");
}

/* What the leaves of a structure are, and the refs they become. */
struct leaves {
    bool (*is)(const json_t *value);
    int (*ref)(struct nodes *nodes, json_t **out, const json_t *value, const char *where);
};

static const struct leaves tensors = {is_tensor, tensor_ref}, ends = {is_triple, end_ref};

/* A copy of a structure, as a new reference, in which leaves became refs. */
static int convert(struct nodes *nodes, json_t **out, const json_t *value,
                   const struct leaves *leaves, const char *where)
{
    json_auto_t *copy = NULL;
    json_t *member, *made = NULL;
    const char *key;
    size_t i;

    if (leaves->is(value))
        return leaves->ref(nodes, out, value, where);
    copy = json_is_array(value)    ? json_array()
           : json_is_object(value) ? json_object()
                                   : json_deep_copy(value);
    if (!copy)
        return no_memory(nodes, where);
    json_array_foreach(value, i, member)
    {
        KF_TRY(convert(nodes, &made, member, leaves, where));
        KF_TRY(kf_json_append(copy, made, nodes->parse->rep));
    }
    json_object_foreach((json_t *)value, key, member)
    {
        KF_TRY(convert(nodes, &made, member, leaves, where));
        KF_TRY(kf_json_set(copy, key, made, nodes->parse->rep));
    }
    *out = json_incref(copy);
    return 0;
}

/* One call: {"args": [...], "kwargs": {...}}. */
static int read_call(struct nodes *nodes, struct kf_layer *layer, const json_t *node)
{
    const json_t *given = json_object_get(node, "args"), *named = json_object_get(node, "kwargs");
    json_auto_t *args = NULL, *kwargs = NULL;

    if (!json_is_array(given) || !json_is_object(named))
        return bad(nodes, layer->path, "a call of the layer has no args and kwargs");
    KF_TRY(kf_config_no_refs(nodes->parse, node, layer->path));
    KF_TRY(convert(nodes, &args, given, &tensors, layer->path));
    KF_TRY(convert(nodes, &kwargs, named, &tensors, layer->path));
    return kf_layer_add_call(nodes->parse->model, layer, json_incref(args), json_incref(kwargs),
                             nodes->parse->rep);
}

static int read_calls(struct nodes *nodes, json_t *list)
{
    json_t *object, *node;
    size_t i, k;

    json_array_foreach(list, i, object)
    {
        const json_t *inbound = json_object_get(object, "inbound_nodes");

        json_array_foreach(inbound, k, node)
            KF_TRY(read_call(nodes, nodes->graph->layers[i], node));
    }
    return 0;
}

/*
 * input_layers or output_layers. Before 3.11 one tensor was written as a list of one, and a list
 * of one in the same way.
 */
static int read_ends(struct nodes *nodes, json_t **out, const json_t *config, const char *key)
{
    const json_t *structure = json_object_get(config, key);
    const struct kf_graph *graph = nodes->graph;

    if (!json_is_array(structure) && !json_is_object(structure))
        return kf_report_add(nodes->parse->rep, KF_BAD_GRAPH, graph->path,
                             "the model's config has no %s", key);
    KF_TRY(kf_config_no_refs(nodes->parse, structure, graph->path));
    if (nodes->parse->model->keras < KF_KERAS(3, 11, 0) && json_array_size(structure) == 1 &&
        is_triple(json_array_get(structure, 0)))
        structure = json_array_get(structure, 0);
    return convert(nodes, out, structure, &ends, graph->path);
}

static int read_nodes(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *config)
{
    struct nodes nodes = {.parse = parse, .graph = graph, .index_of = json_object()};
    int r = nodes.index_of ? 0 : no_memory(&nodes, graph->path);

    if (r >= 0)
        r = kf_config_names(parse, graph, nodes.index_of);
    if (r >= 0)
        r = read_calls(&nodes, json_object_get(config, "layers"));
    if (r >= 0)
        r = read_ends(&nodes, &graph->inputs, config, "input_layers");
    if (r >= 0)
        r = read_ends(&nodes, &graph->outputs, config, "output_layers");
    json_decref(nodes.index_of);
    return r;
}

/*
 * An entry of a .keras says its module. One of an .h5 does not, and eleven operations are called
 * what layers are called: those have a config with trainable and dtype, operations have not.
 */
static bool is_operation(struct kf_layer *layer)
{
    const struct kf_operation *found = kf_operation_find(layer->class_name);

    if (layer->module)
        return kf_starts(layer->module, "keras.src.ops.");
    if (!found || (kf_class_find("keras.layers", layer->class_name) &&
                   json_object_get(layer->config, "trainable")))
        return false;
    layer->module = found->module;
    layer->registered_name = found->class_name;
    return true;
}

int kf_keras3_graph(struct kf_model *model, json_t *object, const struct kf_options *options,
                    struct kf_report *rep)
{
    static const struct kf_config_forms forms = {.nodes = read_nodes, .is_operation = is_operation};

    return kf_config_graph(model, object, &forms, options, rep);
}
