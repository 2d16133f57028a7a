/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "op_attributes.h"
#include "ops.h"
#include <string.h>

#define OP_LAYER "TensorFlowOpLayer"
#define GETITEM  "__operators__.getitem"

static const struct row {
    const char *op, *function, *inputs, *attributes, *more, *name;
} rows[] = {
#define KF_NODE(op, function, inputs, attributes, more)                                            \
    {op, function, inputs, attributes, more, "node:" op},
#include "op_layers.def"
};

/* One node that is read; `fine` is unset where it says what no row does. */
struct node {
    struct kf_adapt *adapt;
    const struct kf_graph *graph;
    struct kf_layer *layer;
    const struct row *row;
    const json_t *attributes;
    bool fine;
};

static const struct row *row_of(const char *op)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].op, op) == 0)
            return &rows[i];
    return NULL;
}

/* The first word of a list, in the arena, and the list behind it; NULL without memory. */
static char *cut_word(const struct node *node, const char **list)
{
    size_t n = strcspn(*list, " ");
    char *word = kf_arena_strndup(node->adapt->model->arena, *list, n);

    *list += n + strspn(*list + n, " ");
    return word;
}

static size_t count_words(const char *list)
{
    size_t n = 0;

    for (; *list; n++) {
        list += strcspn(list, " ");
        list += strspn(list, " ");
    }
    return n;
}

/*
 * Tensors in their order, with the constants among them where they say to stand; a new reference.
 *
 * Source: TensorFlowOpLayer._make_op() of keras/engine/base_layer.py (2.4)
 */
static json_t *inputs_of(const struct node *node, const struct kf_call *call)
{
    const json_t *constants = json_object_get(node->layer->config, "constants");
    json_t *first = json_array_get(call->args, 0), *inputs = json_array();
    const json_t *tensors = json_is_array(first) ? first : call->args;
    size_t next = 0, n = json_array_size(tensors) + json_object_size(constants);

    for (size_t i = 0; i < n; i++) {
        char index[24];
        json_t *constant;

        snprintf(index, sizeof(index), "%zu", i);
        constant = json_object_get(constants, index);
        if (json_array_append(inputs, constant ? constant : json_array_get(tensors, next++)) < 0) {
            json_decref(inputs);
            return NULL;
        }
    }
    return inputs;
}

/* The inputs from `at` on that a list takes, but for the last `left`. */
static json_t *list_of(const json_t *inputs, size_t *at, size_t left)
{
    json_t *list = json_array();

    for (; *at + left < json_array_size(inputs); ++*at)
        json_array_append(list, json_array_get(inputs, *at));
    return list;
}

/* The numbers that tf.stack() made a shape of, or the shape as it is; a new reference. Refs are
 * copied: those of two calls are renumbered apart. */
static json_t *unpacked(const struct node *node, json_t *value)
{
    const struct kf_layer *layer;
    struct kf_ref ref;

    if (!kf_ref_get(value, &ref) || ref.layer >= node->graph->n_layers)
        return json_incref(value);
    layer = node->graph->layers[ref.layer];
    if (!kf_streq(kf_json_str(layer->config, "function", NULL), "stack") ||
        ref.call >= layer->n_calls)
        return json_incref(value);
    return json_deep_copy(json_array_get(layer->calls[ref.call].args, 0));
}

/* The value of a word, from its input on; a new reference, NULL where there is none. */
static json_t *input_of(const struct node *node, const char *word, const json_t *inputs, size_t *at,
                        size_t left)
{
    if (*word == '*')
        return list_of(inputs, at, left);
    if (*at >= json_array_size(inputs))
        return NULL;
    return *word == '~' ? unpacked(node, json_array_get(inputs, (*at)++))
                        : json_incref(json_array_get(inputs, (*at)++));
}

static int place_inputs(struct node *node, const json_t *inputs, json_t *args, json_t *kwargs)
{
    const char *list = node->row->inputs;
    bool marked = strchr(list, '@') != NULL;
    size_t at = 0;

    for (bool first = true; *list; first = false) {
        const char *word = cut_word(node, &list);
        bool in_front = word && (*word == '@' || (first && !marked));
        json_t *value;

        if (!word)
            return kf_adapt_no_memory(node->adapt, node->layer->path);
        value = input_of(node, word, inputs, &at, count_words(list));
        node->fine &= value != NULL;
        if (!value)
            return 0;
        word += strchr("*@~", *word) != NULL;
        KF_TRY(in_front ? kf_json_append(args, value, node->adapt->rep)
                        : kf_json_set(kwargs, word, value, node->adapt->rep));
    }
    node->fine &= at == json_array_size(inputs);
    return 0;
}

/* "attr>parameter" or "attr=json". */
static int place_attribute(struct node *node, char *word, json_t *kwargs)
{
    char *mark = strpbrk(word, ">=");
    bool is_parameter = *mark == '>';
    json_auto_t *value = NULL, *wanted = NULL;

    *mark++ = '\0';
    value = kf_node_attribute(json_object_get(node->attributes, word));
    if (is_parameter) {
        node->fine &= value != NULL;
        return value ? kf_json_set(kwargs, mark, json_incref(value), node->adapt->rep) : 0;
    }
    wanted = json_loads(mark, JSON_DECODE_ANY, NULL);
    node->fine &= wanted && (value ? json_equal(value, wanted) : json_is_false(wanted));
    return 0;
}

static int place_attributes(struct node *node, json_t *kwargs)
{
    const char *list = node->row->attributes;

    while (*list) {
        char *word = cut_word(node, &list);

        if (!word)
            return kf_adapt_no_memory(node->adapt, node->layer->path);
        KF_TRY(place_attribute(node, word, kwargs));
    }
    return 0;
}

/* What stands between brackets is written as slices. */
static int place_slices(struct node *node, json_t *kwargs)
{
    json_t *slices = kf_node_slices(kwargs, node->attributes);

    node->fine &= slices != NULL;
    json_object_clear(kwargs);
    return slices ? kf_json_set(kwargs, "slice_spec", slices, node->adapt->rep) : 0;
}

/* What the function is called with, [args, kwargs], at the end of `calls`. */
static int read_call(struct node *node, const struct kf_call *call, json_t *calls)
{
    json_auto_t *inputs = inputs_of(node, call), *args = json_array(),
                *kwargs = json_loads(node->row->more, 0, NULL);

    node->fine &= inputs != NULL;
    if (!args || !kwargs)
        return kf_adapt_no_memory(node->adapt, node->layer->path);
    if (!inputs)
        return 0;
    KF_TRY(place_inputs(node, inputs, args, kwargs));
    KF_TRY(place_attributes(node, kwargs));
    if (node->fine && strcmp(node->row->function, GETITEM) == 0)
        KF_TRY(place_slices(node, kwargs));
    return kf_json_append(calls, json_pack("[O, O]", args, kwargs), node->adapt->rep);
}

static int become(struct node *node, const json_t *calls)
{
    struct kf_layer *layer = node->layer;
    json_t *config = json_pack("{s:s, s:b, s:O?, s:s}", "name", layer->name, "trainable",
                               layer->trainable, "dtype", json_object_get(layer->config, "dtype"),
                               "function", node->row->function);

    if (!config)
        return kf_adapt_no_memory(node->adapt, layer->path);
    json_decref(layer->config);
    layer->config = config;
    layer->class_name =
        strcmp(node->row->function, GETITEM) == 0 ? "SlicingOpLambda" : "TFOpLambda";
    layer->module = layer->registered_name = NULL;
    for (size_t k = 0; k < layer->n_calls; k++) {
        const json_t *call = json_array_get(calls, k);

        json_decref(layer->calls[k].args);
        json_decref(layer->calls[k].kwargs);
        layer->calls[k].args = json_incref(json_array_get(call, 0));
        layer->calls[k].kwargs = json_incref(json_array_get(call, 1));
    }
    kf_report_rule(node->adapt->rep, node->row->name);
    return 0;
}

static int rewrite_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    const json_t *definition = json_object_get(layer->config, "node_def");
    struct node node = {.adapt = context,
                        .graph = graph,
                        .layer = layer,
                        .row = row_of(kf_json_str(definition, "op", "")),
                        .attributes = json_object_get(definition, "attr"),
                        .fine = true};
    json_auto_t *calls = NULL;

    if (strcmp(layer->class_name, OP_LAYER) != 0 || layer->operation || !node.row)
        return 0;
    if (!(calls = json_array()))
        return kf_adapt_no_memory(context, layer->path);
    for (size_t k = 0; k < layer->n_calls; k++)
        KF_TRY(read_call(&node, &layer->calls[k], calls));
    return node.fine ? become(&node, calls) : 0;
}

int kf_adapt_op_layers(struct kf_adapt *adapt, struct kf_graph *graph)
{
    return kf_layers_each(graph, rewrite_layer, adapt);
}
