/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "keras2_config.h"
#include <string.h>

/*
 * Node indices. Keras 2 counts the calls of a layer from its first one ever, which for a model
 * used as a layer is its own construction; so the first call in the graph is number 1 there and 0
 * elsewhere. Every call that the config lists leads to an output and is therefore named by some
 * ref: the smallest index that refs of a layer name is its first call.
 */
struct nodes {
    struct kf_keras2_parse *parse;
    struct kf_graph *graph;
    json_t *index_of; /* layer's name -> its number in the graph; owned */
    size_t *first;    /* smallest node index by layer, SIZE_MAX while none was seen */
};

static int bad(struct nodes *nodes, const char *where, const char *what)
{
    return kf_report_add(nodes->parse->rep, KF_BAD_GRAPH, where, "%s", what);
}

int kf_config_no_refs(struct kf_keras2_parse *parse, const json_t *value, const char *where)
{
    const char *key;
    json_t *one;
    size_t i;

    if (json_object_get(value, "$ref"))
        return kf_report_add(parse->rep, KF_BAD_GRAPH, where,
                             "a call has an argument $ref, which no Keras writes");
    json_array_foreach(value, i, one) KF_TRY(kf_config_no_refs(parse, one, where));
    json_object_foreach((json_t *)value, key, one) KF_TRY(kf_config_no_refs(parse, one, where));
    return 0;
}

int kf_config_names(struct kf_keras2_parse *parse, const struct kf_graph *graph, json_t *index_of)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        const char *name = graph->layers[i]->name;

        if (json_object_get(index_of, name))
            return kf_report_add(parse->rep, KF_BAD_GRAPH, graph->path, "two layers are called %s",
                                 name);
        KF_TRY(kf_json_set(index_of, name, json_integer((json_int_t)i), parse->rep));
    }
    return 0;
}

/* [layer, node, tensor] or [layer, node, tensor, kwargs]; "_CONSTANT_VALUE" included. */
static bool is_spec(const json_t *value)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 0;

    return (n == 3 || n == 4) && json_is_string(json_array_get(value, 0)) &&
           json_is_integer(json_array_get(value, 1));
}

static bool is_constant(const json_t *spec)
{
    return strcmp(json_string_value(json_array_get(spec, 0)), "_CONSTANT_VALUE") == 0;
}

/* The ref of a spec with the file's node index. */
static int spec_ref(struct nodes *nodes, json_t **out, const json_t *spec, const char *where)
{
    const char *name = json_string_value(json_array_get(spec, 0));
    const json_t *index = json_object_get(nodes->index_of, name);
    json_int_t node = json_integer_value(json_array_get(spec, 1));
    json_int_t tensor = json_integer_value(json_array_get(spec, 2));
    size_t layer;

    if (!index)
        return kf_report_add(nodes->parse->rep, KF_BAD_GRAPH, where,
                             "an input comes from layer %s, which the model does not have", name);
    if (node < 0 || tensor < 0)
        return bad(nodes, where, "an input has a negative index");
    layer = (size_t)json_integer_value(index);
    if ((size_t)node < nodes->first[layer])
        nodes->first[layer] = (size_t)node;
    *out = kf_ref_new(layer, (size_t)node, (size_t)tensor);
    return *out ? 0 : kf_report_add(nodes->parse->rep, KF_NO_MEMORY, where, "out of memory");
}

/* A structure in which specs became refs, as a new reference; kwargs of the specs go to `kwargs`.
 */
static int convert(struct nodes *nodes, json_t **out, const json_t *value, json_t *kwargs,
                   const char *where);

static int convert_spec(struct nodes *nodes, json_t **out, const json_t *spec, json_t *kwargs,
                        const char *where)
{
    const json_t *given = json_array_get(spec, 3);
    const char *key;
    json_t *one;

    if (json_is_object(given) && kwargs)
        json_object_foreach((json_t *)given, key, one)
        {
            json_t *converted = NULL;

            KF_TRY(convert(nodes, &converted, one, NULL, where));
            KF_TRY(kf_json_set(kwargs, key, converted, nodes->parse->rep));
        }
    if (is_constant(spec)) {
        *out = json_deep_copy(json_array_get(spec, 2));
        return *out ? 0 : kf_report_add(nodes->parse->rep, KF_NO_MEMORY, where, "out of memory");
    }
    return spec_ref(nodes, out, spec, where);
}

static int convert_list(struct nodes *nodes, json_t **out, const json_t *list, json_t *kwargs,
                        const char *where)
{
    json_auto_t *copy = json_array();
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        json_t *converted = NULL;

        KF_TRY(convert(nodes, &converted, one, kwargs, where));
        KF_TRY(kf_json_append(copy, converted, nodes->parse->rep));
    }
    *out = json_incref(copy);
    return copy ? 0 : kf_report_add(nodes->parse->rep, KF_NO_MEMORY, where, "out of memory");
}

static int convert_dict(struct nodes *nodes, json_t **out, const json_t *dict, json_t *kwargs,
                        const char *where)
{
    json_auto_t *copy = json_object();
    json_t *one;
    const char *key;

    json_object_foreach((json_t *)dict, key, one)
    {
        json_t *converted = NULL;

        KF_TRY(convert(nodes, &converted, one, kwargs, where));
        KF_TRY(kf_json_set(copy, key, converted, nodes->parse->rep));
    }
    *out = json_incref(copy);
    return copy ? 0 : kf_report_add(nodes->parse->rep, KF_NO_MEMORY, where, "out of memory");
}

static int convert(struct nodes *nodes, json_t **out, const json_t *value, json_t *kwargs,
                   const char *where)
{
    if (is_spec(value) &&
        (is_constant(value) ||
         json_object_get(nodes->index_of, json_string_value(json_array_get(value, 0))) || kwargs))
        return convert_spec(nodes, out, value, kwargs, where);
    if (json_is_array(value))
        return convert_list(nodes, out, value, kwargs, where);
    if (json_is_object(value))
        return convert_dict(nodes, out, value, kwargs, where);
    *out = json_deep_copy(value);
    return *out ? 0 : kf_report_add(nodes->parse->rep, KF_NO_MEMORY, where, "out of memory");
}

/* Source: keras/src/layers/core/tf_op_layer.py, _preserve_input_structure_in_config (2.15) */
bool kf_keras2_keeps_structure(const struct kf_layer *layer)
{
    return kf_in_words("ClassMethod InstanceMethod InstanceProperty TFOpLambda SlicingOpLambda",
                       layer->class_name);
}

/* One call: a list of one spec is that tensor itself, any other structure is the argument. */
static int read_call(struct nodes *nodes, struct kf_layer *layer, const json_t *node)
{
    struct kf_report *rep = nodes->parse->rep;
    json_t *args = json_array(), *kwargs = json_object(), *argument = NULL;
    bool list = json_is_array(node) && json_array_size(node) == 1;
    const json_t *only = list && !kf_keras2_keeps_structure(layer) ? json_array_get(node, 0) : NULL;
    int r = args && kwargs ? 0 : kf_report_add(rep, KF_NO_MEMORY, layer->path, "out of memory");

    if (r >= 0)
        r = convert(nodes, &argument, only && is_spec(only) ? only : node, kwargs, layer->path);
    if (r >= 0)
        r = kf_json_append(args, argument, rep);
    else
        json_decref(argument);
    if (r >= 0)
        return kf_layer_add_call(nodes->parse->model, layer, args, kwargs, rep);
    json_decref(args);
    json_decref(kwargs);
    return r;
}

static int read_calls(struct nodes *nodes, json_t *list)
{
    json_t *object, *node;
    size_t i, k;

    json_array_foreach(list, i, object)
    {
        struct kf_layer *layer = nodes->graph->layers[i];
        const json_t *inbound = json_object_get(object, "inbound_nodes");

        KF_TRY(kf_config_no_refs(nodes->parse, inbound, layer->path));
        json_array_foreach(inbound, k, node) KF_TRY(read_call(nodes, layer, node));
    }
    return 0;
}

/* Take the number of the layer's first call off a ref, and see that the call is there. */
static int rebase(json_t *ref, void *context)
{
    struct nodes *nodes = context;
    json_t *triple = json_object_get(ref, "$ref");
    struct kf_ref at;
    const struct kf_layer *layer;

    if (!kf_ref_get(ref, &at))
        return 0;
    layer = nodes->graph->layers[at.layer];
    at.call -= nodes->first[at.layer];
    if (at.call >= (layer->n_calls ? layer->n_calls : 1))
        return kf_report_add(nodes->parse->rep, KF_BAD_GRAPH, layer->path,
                             "call %zu of the layer is used but not described", at.call);
    return kf_json_set_at(triple, 1, json_integer((json_int_t)at.call), nodes->parse->rep);
}

static int rebase_all(struct nodes *nodes)
{
    struct kf_graph *graph = nodes->graph;

    for (size_t i = 0; i < graph->n_layers; i++)
        for (size_t k = 0; k < graph->layers[i]->n_calls; k++) {
            KF_TRY(kf_refs_each(graph->layers[i]->calls[k].args, rebase, nodes));
            KF_TRY(kf_refs_each(graph->layers[i]->calls[k].kwargs, rebase, nodes));
        }
    KF_TRY(kf_refs_each(graph->inputs, rebase, nodes));
    return kf_refs_each(graph->outputs, rebase, nodes);
}

/* input_layers or output_layers: a list of one is that tensor. */
static int read_ends(struct nodes *nodes, json_t **out, const json_t *ends, const char *what)
{
    const json_t *only =
        json_is_array(ends) && json_array_size(ends) == 1 ? json_array_get(ends, 0) : NULL;

    if (!json_is_array(ends) && !json_is_object(ends))
        return kf_report_add(nodes->parse->rep, KF_BAD_GRAPH, nodes->graph->path,
                             "the model's config has no %s", what);
    KF_TRY(kf_config_no_refs(nodes->parse, ends, nodes->graph->path));
    return convert(nodes, out, only && is_spec(only) ? only : ends, NULL, nodes->graph->path);
}

static int read_nodes(struct nodes *nodes, json_t *config)
{
    KF_TRY(kf_config_names(nodes->parse, nodes->graph, nodes->index_of));
    KF_TRY(read_calls(nodes, json_object_get(config, "layers")));
    KF_TRY(read_ends(nodes, &nodes->graph->inputs, json_object_get(config, "input_layers"),
                     "input_layers"));
    KF_TRY(read_ends(nodes, &nodes->graph->outputs, json_object_get(config, "output_layers"),
                     "output_layers"));
    return rebase_all(nodes);
}

int kf_keras2_nodes(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *config)
{
    struct nodes nodes = {.parse = parse, .graph = graph, .index_of = json_object()};
    int r = -KF_NO_MEMORY;

    nodes.first = kf_arena_alloc(parse->model->arena, (graph->n_layers + 1) * sizeof(*nodes.first));
    if (!nodes.first || !nodes.index_of)
        r = kf_report_add(parse->rep, KF_NO_MEMORY, graph->path, "out of memory");
    else {
        for (size_t i = 0; i < graph->n_layers; i++)
            nodes.first[i] = SIZE_MAX;
        r = read_nodes(&nodes, config);
    }
    json_decref(nodes.index_of);
    return r;
}
