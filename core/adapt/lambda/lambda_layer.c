/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "lambdas.h"
#include "python.h"
#include <string.h>

/* One Lambda: what it computes, and the operations in its place. */

#define GETITEM "__operators__.getitem"

/* Where its nodes stand in the graph. */
struct lambda {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_layer *layer;
    size_t index, first; /* of the layer, and of the first node that is not the layer itself */
    struct kf_lambda_code code;
};

/* Defaults and cells of a function, in the two forms that configs have. */
static const json_t *beside(const json_t *function, const char *key, size_t place)
{
    const json_t *config = json_object_get(function, "config");
    const json_t *list = json_is_array(function) ? function : json_object_get(config, "value");

    return json_is_array(list) ? json_array_get(list, place) : json_object_get(config, key);
}

static bool is_plain(const json_t *value)
{
    const json_t *one;
    size_t i;

    json_array_foreach(value, i, one) if (!is_plain(one)) return false;
    return !json_is_object(value);
}

/* Arguments by their names: the input, what the config gives, and defaults for what is left. */
static json_t *given_to(const struct lambda *lambda, json_t *input)
{
    const json_t *config = lambda->layer->config, *code = lambda->code.code;
    const json_t *names = json_object_get(code, "variables"),
                 *defaults = beside(json_object_get(config, "function"), "defaults", 1);
    size_t n = (size_t)json_integer_value(json_array_get(json_object_get(code, "ints"), 0));
    size_t n_defaults = json_array_size(defaults);
    json_t *given = json_object();

    for (size_t i = 0; given && i < n && i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        json_t *value = json_object_get(json_object_get(config, "arguments"), name ? name : "");

        if (i == 0)
            value = input;
        else if (!value && i + n_defaults >= n)
            value = json_array_get(defaults, i + n_defaults - n);
        if (name && value && (i == 0 || is_plain(value)))
            json_object_set(given, name, value);
    }
    return given;
}

/* Keras gives these to a function that takes them. */
static bool takes_more(const json_t *given)
{
    return json_object_get(given, "mask") || json_object_get(given, "training");
}

/* Whether the call passes nothing but tensors: "mask": [null, null] is nothing. */
static bool passes_only(const struct kf_call *call)
{
    const char *key;
    json_t *value;

    json_object_foreach(call->kwargs, key, value)
    {
        const json_t *one;
        size_t i;

        if (!kf_in_words("mask training name", key) ||
            !(json_is_null(value) || json_is_array(value)))
            return false;
        json_array_foreach(value, i, one) if (!json_is_null(one)) return false;
    }
    return json_array_size(call->args) == 1;
}

/* The config has a function with nothing around it, and no mask of its own. */
static bool is_closed(const struct lambda *lambda)
{
    const json_t *config = lambda->layer->config, *function = json_object_get(config, "function");
    const json_t *mask = json_object_get(config, "mask"), *closure = beside(function, "closure", 2),
                 *defaults = beside(function, "defaults", 1);

    return (!mask || json_is_null(mask)) && (!closure || json_is_null(closure)) &&
           (!defaults || json_is_null(defaults) || json_is_array(defaults));
}

/* A tensor that the function gives back as it got it is one more node. */
static bool end_in_node(struct kf_trace *trace)
{
    json_t *args = json_pack("[O]", trace->result), *kwargs = json_object(), *node = NULL;

    if (json_object_get(trace->result, "$ref") && args && kwargs)
        node = kf_lambda_call(trace, "same", args, kwargs);
    json_decref(args);
    json_decref(kwargs);
    if (node) {
        json_decref(trace->result);
        trace->result = node;
    }
    return json_integer_value(json_object_get(trace->result, "$node")) + 1 ==
               (json_int_t)json_array_size(trace->nodes) &&
           json_object_get(trace->result, "$node");
}

static bool understand(struct lambda *lambda, const struct kf_call *call, struct kf_trace *trace)
{
    int keras = lambda->adapt->model->keras;
    json_t *given = passes_only(call) ? given_to(lambda, json_array_get(call->args, 0)) : NULL;
    bool fine;

    trace->keras = KF_SINCE(keras);
    fine = given && !takes_more(given) && kf_python_trace(trace, &lambda->code, given) &&
           end_in_node(trace) &&
           (lambda->adapt->rules != KF_RULES_KERAS2 ||
            kf_lambda_fit(trace, kf_lambda_floats(lambda->graph)));
    json_decref(given);
    return fine;
}

/* What a node is called with: refs into the graph for symbols; a new reference. */
static json_t *placed(const struct lambda *lambda, json_t *symbol, size_t n, size_t call)
{
    const json_t *node = json_object_get(symbol, "$node");
    json_t *copy, *one;
    const char *key;
    size_t i;

    if (node) {
        size_t at = (size_t)json_integer_value(node);

        return kf_ref_new(at + 1 == n ? lambda->index : lambda->first + at, call, 0);
    }
    if (json_is_array(symbol)) {
        copy = json_array();
        json_array_foreach(symbol, i, one)
            json_array_append_new(copy, placed(lambda, one, n, call));
        return copy;
    }
    if (!json_is_object(symbol) || json_object_get(symbol, "$ref"))
        return json_deep_copy(symbol);
    copy = json_object();
    json_object_foreach(symbol, key, one)
        json_object_set_new(copy, key, placed(lambda, one, n, call));
    return copy;
}

/* One call more of node `at`. */
static int add_call(struct lambda *lambda, struct kf_layer *layer, const json_t *node, size_t n,
                    size_t call)
{
    json_t *args = placed(lambda, json_object_get(node, "args"), n, call);
    json_t *kwargs = placed(lambda, json_object_get(node, "kwargs"), n, call);

    return kf_layer_add_call(lambda->adapt->model, layer, args, kwargs, lambda->adapt->rep);
}

static int become(struct lambda *lambda, struct kf_layer *layer, const char *function)
{
    json_t *config = json_pack("{s:s, s:b, s:s, s:s}", "name", layer->name, "trainable", 1, "dtype",
                               "float32", "function", function);

    if (!config)
        return kf_adapt_no_memory(lambda->adapt, lambda->layer->path);
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = strcmp(function, GETITEM) == 0 ? "SlicingOpLambda" : "TFOpLambda";
    layer->module = layer->registered_name = NULL;
    return 0;
}

static int new_node(struct lambda *lambda, const char *function)
{
    struct kf_adapt *adapt = lambda->adapt;
    struct kf_layer *layer = kf_layer_new(adapt->model);
    const char *dot = strrchr(function, '.');

    if (!layer || !(layer->name = kf_free_name(adapt, lambda->graph, lambda->layer->name,
                                               dot ? dot + 1 : function)))
        return kf_adapt_no_memory(adapt, lambda->layer->path);
    layer->trainable = true;
    layer->path = *lambda->graph->path ? kf_arena_printf(adapt->model->arena, "%s/%s",
                                                         lambda->graph->path, layer->name)
                                       : layer->name;
    if (!layer->path)
        return kf_adapt_no_memory(adapt, lambda->layer->path);
    KF_TRY(become(lambda, layer, function));
    return kf_graph_insert(adapt->model, lambda->graph, lambda->graph->n_layers, layer, adapt->rep);
}

/* The functions of a trace's nodes are those of the first call's. */
static bool same_functions(const json_t *a, const json_t *b)
{
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!json_equal(json_object_get(json_array_get(a, i), "function"),
                        json_object_get(json_array_get(b, i), "function")))
            return false;
    return json_array_size(a) == json_array_size(b);
}

/* What each call computes, a list of lists of nodes; empty where one is not understood. */
static int understand_calls(struct lambda *lambda, json_t *of_calls)
{
    bool fine = lambda->layer->n_calls > 0;

    for (size_t k = 0; k < lambda->layer->n_calls && fine; k++) {
        struct kf_trace trace = {0};
        json_t *first = json_array_get(of_calls, 0);

        fine = understand(lambda, &lambda->layer->calls[k], &trace) &&
               (!first || same_functions(first, trace.nodes));
        if (fine && json_array_append(of_calls, trace.nodes) < 0)
            trace.starved = true;
        for (size_t i = 0; fine && i < json_array_size(trace.rules); i++)
            kf_report_rule(lambda->adapt->rep, kf_lambda_rule(json_array_get(trace.rules, i)));
        kf_trace_finish(&trace);
        if (trace.starved)
            return kf_adapt_no_memory(lambda->adapt, lambda->layer->path);
    }
    return fine ? 0 : json_array_clear(of_calls);
}

static int place_calls(struct lambda *lambda, const json_t *of_calls)
{
    struct kf_layer *layer = lambda->layer;

    for (size_t k = 0; k < json_array_size(of_calls); k++) {
        const json_t *nodes = json_array_get(of_calls, k);
        size_t n = json_array_size(nodes);

        for (size_t i = 0; i + 1 < n; i++)
            KF_TRY(add_call(lambda, lambda->graph->layers[lambda->first + i],
                            json_array_get(nodes, i), n, k));
        json_decref(layer->calls[k].args);
        json_decref(layer->calls[k].kwargs);
        layer->calls[k].args =
            placed(lambda, json_object_get(json_array_get(nodes, n - 1), "args"), n, k);
        layer->calls[k].kwargs =
            placed(lambda, json_object_get(json_array_get(nodes, n - 1), "kwargs"), n, k);
        if (!layer->calls[k].args || !layer->calls[k].kwargs)
            return kf_adapt_no_memory(lambda->adapt, layer->path);
    }
    return 0;
}

static int replace(struct lambda *lambda, const json_t *of_calls)
{
    const json_t *nodes = json_array_get(of_calls, 0);
    size_t n = json_array_size(nodes);

    lambda->first = lambda->graph->n_layers;
    for (size_t i = 0; i + 1 < n; i++)
        KF_TRY(new_node(lambda, kf_json_str(json_array_get(nodes, i), "function", "")));
    KF_TRY(place_calls(lambda, of_calls));
    KF_TRY(kf_report_add(lambda->adapt->rep, KF_CLASS_REPLACED, lambda->layer->path,
                         "the code of the Lambda, which was not run, was understood: %zu "
                         "operation%s of TensorFlow compute%s the same",
                         n, n == 1 ? "" : "s", n == 1 ? "s" : ""));
    return become(lambda, lambda->layer, kf_json_str(json_array_get(nodes, n - 1), "function", ""));
}

int kf_lambda_replace(struct kf_adapt *adapt, struct kf_graph *graph, size_t index)
{
    struct lambda lambda = {
        .adapt = adapt, .graph = graph, .layer = graph->layers[index], .index = index};
    json_auto_t *of_calls = json_array();
    int r = of_calls ? 0 : kf_adapt_no_memory(adapt, lambda.layer->path);

    if (r >= 0 && is_closed(&lambda) &&
        kf_lambda_code_read(&lambda.code, json_object_get(lambda.layer->config, "function")))
        r = understand_calls(&lambda, of_calls);
    kf_lambda_code_finish(&lambda.code);
    return r >= 0 && json_array_size(of_calls) ? replace(&lambda, of_calls) : r;
}

int kf_lambda_understood(struct kf_adapt *adapt, struct kf_graph *graph, size_t index, bool *out)
{
    struct lambda lambda = {.adapt = adapt, .graph = graph, .layer = graph->layers[index]};
    struct kf_call call = {.args = json_pack("[o]", kf_ref_new(index - 1, 0, 0)),
                           .kwargs = json_object()};
    struct kf_trace trace = {.starved = !call.args || !call.kwargs};

    *out = !trace.starved && is_closed(&lambda) &&
           kf_lambda_code_read(&lambda.code, json_object_get(lambda.layer->config, "function")) &&
           understand(&lambda, &call, &trace);
    kf_lambda_code_finish(&lambda.code);
    kf_trace_finish(&trace);
    json_decref(call.args);
    json_decref(call.kwargs);
    return trace.starved ? kf_adapt_no_memory(adapt, lambda.layer->path) : 0;
}
