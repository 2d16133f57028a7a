/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_rebuild.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/order.h"
#include <stdlib.h>
#include <string.h>

static int no_memory(struct kf_rebuilt *rebuilt)
{
    return kf_report_add(rebuilt->rep, KF_NO_MEMORY, rebuilt->graph->path, "out of memory");
}

static size_t calls_of(const struct kf_layer *layer)
{
    return layer->n_calls ? layer->n_calls : 1;
}

int kf_rebuilt_ref(struct kf_rebuilt *rebuilt, const json_t *value, struct kf_rebuilt_tensor *out)
{
    const struct kf_graph *graph = rebuilt->graph;
    struct kf_ref ref;

    if (!kf_ref_get(value, &ref) || ref.layer >= graph->n_layers ||
        ref.call >= calls_of(graph->layers[ref.layer]))
        return kf_report_add(rebuilt->rep, KF_BAD_GRAPH, graph->path,
                             "an input comes from a call that does not exist");
    *out = (struct kf_rebuilt_tensor){rebuilt->first[ref.layer] + ref.call, ref.output};
    return 0;
}

int kf_rebuilt_inputs(struct kf_rebuilt *rebuilt, size_t node, const size_t *inputs, size_t n)
{
    if (!kf_grow(&rebuilt->inputs, &rebuilt->inputs_cap, rebuilt->n_inputs + n, sizeof(size_t)))
        return no_memory(rebuilt);
    rebuilt->nodes[node].inputs = rebuilt->n_inputs;
    rebuilt->nodes[node].n_inputs = n;
    if (n)
        memcpy(rebuilt->inputs + rebuilt->n_inputs, inputs, n * sizeof(size_t));
    rebuilt->n_inputs += n;
    return 0;
}

size_t kf_rebuilt_add(struct kf_rebuilt *rebuilt, const size_t *inputs, size_t n,
                      enum kf_dtype dtype)
{
    size_t node = rebuilt->n_nodes;

    if (!kf_grow(&rebuilt->nodes, &rebuilt->nodes_cap, node + 1, sizeof(*rebuilt->nodes)))
        node = KF_NO_NODE;
    if (node == KF_NO_NODE) {
        no_memory(rebuilt);
        return node;
    }
    rebuilt->nodes[rebuilt->n_nodes++] =
        (struct kf_rebuilt_node){.operation = rebuilt->n_operations++, .dtype = dtype};
    return kf_rebuilt_inputs(rebuilt, node, inputs, n) < 0 ? KF_NO_NODE : node;
}

size_t kf_rebuilt_mask(const struct kf_rebuilt *rebuilt, struct kf_rebuilt_tensor tensor)
{
    const struct kf_rebuilt_node *node = &rebuilt->nodes[tensor.node];

    return tensor.output < node->n_masks ? rebuilt->masks[node->masks + tensor.output] : KF_NO_NODE;
}

int kf_rebuilt_set_masks(struct kf_rebuilt *rebuilt, size_t node, const size_t *masks, size_t n)
{
    if (!kf_grow(&rebuilt->masks, &rebuilt->masks_cap, rebuilt->n_masks + n, sizeof(size_t)))
        return no_memory(rebuilt);
    rebuilt->nodes[node].masks = rebuilt->n_masks;
    rebuilt->nodes[node].n_masks = n;
    if (n)
        memcpy(rebuilt->masks + rebuilt->n_masks, masks, n * sizeof(size_t));
    rebuilt->n_masks += n;
    return 0;
}

/* "float32", "mixed_float16" or a DTypePolicy: what the layer computes in. */
static enum kf_dtype dtype_of_config(const json_t *config)
{
    const json_t *dtype = json_object_get(config, "dtype");
    const json_t *policy = json_object_get(dtype, "config");
    const char *name = json_string_value(dtype);

    if (json_is_object(policy))
        name = kf_json_str(policy, "name", kf_json_str(policy, "source_name", NULL));
    if (!name)
        return KF_DTYPE_FLOAT32;
    if (kf_starts(name, "mixed_"))
        name += strlen("mixed_");
    for (int i = KF_DTYPE_NONE + 1; i < KF_DTYPE_COUNT; i++)
        if (kf_streq(kf_dtype_name((enum kf_dtype)i), name))
            return (enum kf_dtype)i;
    return KF_DTYPE_NONE;
}

static enum kf_dtype dtype_of(const struct kf_layer *layer)
{
    const struct kf_graph *inner = layer->inner;
    struct kf_ref ref = {0};

    if (!inner || !inner->n_layers)
        return dtype_of_config(layer->config);
    if (inner->topology == KF_SEQUENTIAL)
        return dtype_of(inner->layers[inner->n_layers - 1]);
    if (!kf_ref_get(inner->outputs, &ref))
        kf_ref_get(json_array_get(inner->outputs, 0), &ref);
    return ref.layer < inner->n_layers ? dtype_of(inner->layers[ref.layer]) : KF_DTYPE_FLOAT32;
}

/* What a layer wants floats as: a Sequential what its InputLayer says. */
static enum kf_dtype input_dtype_of(const struct kf_layer *layer)
{
    if (layer->inner && kf_graph_begins_with_input(layer->inner))
        return dtype_of_config(layer->inner->layers[0]->config);
    return layer->inner ? KF_DTYPE_FLOAT32 : dtype_of_config(layer->config);
}

/* Layers that leave their arguments as they are (_convert_input_args). */
static bool converts(const struct kf_layer *layer)
{
    return !layer->operation && !(layer->inner && layer->inner->topology == KF_FUNCTIONAL) &&
           !kf_in_words("CategoryEncoding HashedCrossing Hashing IntegerLookup Pipeline RandomCrop "
                        "RandomFlip StringLookup TextVectorization",
                        layer->class_name);
}

static bool autocasts(const struct kf_rebuilt *rebuilt, const struct kf_layer *layer)
{
    if (kf_streq(layer->class_name, "GroupNormalization"))
        return rebuilt->keras < KF_KERAS(3, 15, 0);
    return !kf_in_words("Embedding LayerNormalization ReversibleEmbedding", layer->class_name);
}

static bool is_float(enum kf_dtype dtype)
{
    return dtype >= KF_DTYPE_FLOAT16 && dtype <= KF_DTYPE_FLOAT64;
}

/*
 * A tensor as the layer's call() gets it. Releases before 3.5 only gave it another dtype; from
 * 3.14 on the mask of what was cast stays.
 *
 * Source: keras/src/dtype_policies/dtype_policy.py, convert_input; layers/layer.py, maybe_convert
 */
static int convert(struct kf_rebuilt *rebuilt, const struct kf_layer *layer,
                   struct kf_rebuilt_tensor given, struct kf_rebuilt_tensor *out)
{
    enum kf_dtype from = rebuilt->nodes[given.node].dtype, to = input_dtype_of(layer);
    size_t mask = kf_rebuilt_mask(rebuilt, given), cast;

    *out = given;
    if (rebuilt->keras < KF_KERAS(3, 5, 0) || !converts(layer) || !is_float(from) || from == to ||
        !autocasts(rebuilt, layer))
        return 0;
    cast = kf_rebuilt_add(rebuilt, &given.node, 1, to);
    if (cast == KF_NO_NODE)
        return -KF_NO_MEMORY;
    *out = (struct kf_rebuilt_tensor){cast, 0};
    return rebuilt->keras < KF_KERAS(3, 14, 0) ? 0 : kf_rebuilt_set_masks(rebuilt, cast, &mask, 1);
}

struct filling {
    struct kf_rebuilt *rebuilt;
    const struct kf_layer *layer;
    struct kf_rebuilt_argument *argument;
    size_t n;
};

static int count_ref(json_t *ref, void *context)
{
    (void)ref;
    ++*(size_t *)context;
    return 0;
}

static int fill_ref(json_t *ref, void *context)
{
    struct filling *filling = context;
    struct kf_rebuilt_tensor *given = &filling->argument->given[filling->n];

    KF_TRY(kf_rebuilt_ref(filling->rebuilt, ref, given));
    return convert(filling->rebuilt, filling->layer, *given,
                   &filling->argument->converted[filling->n++]);
}

static int fill_argument(struct kf_rebuilt *rebuilt, const struct kf_layer *layer,
                         struct kf_rebuilt_argument *argument, const char *key, json_t *value)
{
    struct filling filling = {.rebuilt = rebuilt, .layer = layer, .argument = argument};
    struct kf_ref ref;

    *argument =
        (struct kf_rebuilt_argument){.key = key, .value = value, .one = kf_ref_get(value, &ref)};
    if (kf_refs_each(value, count_ref, &argument->n) < 0)
        return no_memory(rebuilt);
    argument->given = kf_arena_alloc(rebuilt->scratch, 2 * argument->n * sizeof(*argument->given));
    if (!argument->given)
        return no_memory(rebuilt);
    argument->converted = argument->given + argument->n;
    return kf_refs_each(value, fill_ref, &filling);
}

/* Whether Keras goes the long way of Layer.__call__, in which it copies the arguments. */
static bool copies_arguments(const struct kf_rebuilt *rebuilt, const struct kf_layer *layer,
                             const struct kf_rebuilt_argument *arguments, size_t n)
{
    if (!converts(layer))
        return false;
    return n != 1 || arguments[0].key || !arguments[0].one ||
           rebuilt->nodes[arguments[0].given[0].node].dtype != input_dtype_of(layer);
}

/* What an operation gives: the widest float of its tensors, as far as it matters for casts. */
static enum kf_dtype dtype_of_operation(const struct kf_rebuilt *rebuilt,
                                        const struct kf_layer *layer,
                                        const struct kf_rebuilt_argument *arguments, size_t n)
{
    enum kf_dtype widest = KF_DTYPE_NONE;

    if (json_object_get(layer->config, "dtype"))
        return dtype_of_config(layer->config);
    if (kf_in_words("All Any Equal Greater GreaterEqual Isfinite Isinf Isnan Less LessEqual "
                    "LogicalAnd LogicalNot LogicalOr LogicalXor NotEqual",
                    layer->class_name))
        return KF_DTYPE_BOOL;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < arguments[i].n; k++) {
            enum kf_dtype dtype = rebuilt->nodes[arguments[i].given[k].node].dtype;

            if (widest == KF_DTYPE_NONE || (is_float(dtype) && dtype > widest) ||
                (is_float(dtype) && !is_float(widest)))
                widest = dtype;
        }
    return widest;
}

static int call_node(struct kf_rebuilt *rebuilt, const struct kf_layer *layer, size_t node)
{
    const struct kf_call *call =
        &layer->calls[node - rebuilt->first[rebuilt->nodes[node].operation]];
    size_t room = json_array_size(call->args) + json_object_size(call->kwargs), n = 0, i;
    struct kf_rebuilt_argument *arguments =
        kf_arena_alloc(rebuilt->scratch, (room + KF_MASKS_MAX) * sizeof(*arguments));
    const char *key;
    json_t *value;

    if (!arguments)
        return no_memory(rebuilt);
    json_array_foreach(call->args, i, value)
        KF_TRY(fill_argument(rebuilt, layer, &arguments[n++], NULL, value));
    json_object_foreach(call->kwargs, key, value)
        KF_TRY(fill_argument(rebuilt, layer, &arguments[n++], key, value));
    rebuilt->nodes[node].dtype =
        layer->operation ? dtype_of_operation(rebuilt, layer, arguments, n) : dtype_of(layer);
    return kf_rebuilt_call(rebuilt, layer, node, arguments, n,
                           copies_arguments(rebuilt, layer, arguments, n));
}

struct wiring {
    struct kf_rebuilt *rebuilt;
    size_t *inputs, n;
};

static int wire_ref(json_t *ref, void *context)
{
    struct wiring *wiring = context;
    struct kf_rebuilt_tensor tensor = {0};

    KF_TRY(kf_rebuilt_ref(wiring->rebuilt, ref, &tensor));
    wiring->inputs[wiring->n++] = tensor.node;
    return 0;
}

/* Keras 2 keeps masks and casts out of its nodes: a node is a call and has the call's tensors. */
static int wire_node(struct kf_rebuilt *rebuilt, const struct kf_call *call, size_t node)
{
    struct wiring wiring = {.rebuilt = rebuilt};
    size_t n = 0;

    if (kf_refs_each(call->args, count_ref, &n) < 0 ||
        kf_refs_each(call->kwargs, count_ref, &n) < 0)
        return no_memory(rebuilt);
    wiring.inputs = kf_arena_alloc(rebuilt->scratch, (n + 1) * sizeof(*wiring.inputs));
    if (!wiring.inputs)
        return no_memory(rebuilt);
    KF_TRY(kf_refs_each(call->args, wire_ref, &wiring));
    KF_TRY(kf_refs_each(call->kwargs, wire_ref, &wiring));
    return kf_rebuilt_inputs(rebuilt, node, wiring.inputs, n);
}

static int make_node(struct kf_rebuilt *rebuilt, size_t node)
{
    size_t operation = rebuilt->nodes[node].operation;
    const struct kf_layer *layer = rebuilt->graph->layers[operation];

    if (rebuilt->keras < KF_KERAS(3, 0, 0))
        return layer->n_calls
                   ? wire_node(rebuilt, &layer->calls[node - rebuilt->first[operation]], node)
                   : 0;
    if (layer->n_calls)
        return call_node(rebuilt, layer, node);
    rebuilt->nodes[node].dtype = dtype_of(layer);
    return 0;
}

/* A node for each call, not wired yet. */
static int make_room(struct kf_rebuilt *rebuilt)
{
    const struct kf_graph *graph = rebuilt->graph;
    size_t n = 0;

    for (size_t i = 0; i < graph->n_layers; i++)
        n += calls_of(graph->layers[i]);
    rebuilt->scratch = kf_arena_create();
    if (!rebuilt->scratch ||
        !kf_grow(&rebuilt->nodes, &rebuilt->nodes_cap, n + 1, sizeof(*rebuilt->nodes)))
        return no_memory(rebuilt);
    rebuilt->first = kf_arena_alloc(rebuilt->scratch, (graph->n_layers + 1) * sizeof(size_t));
    if (!rebuilt->first)
        return no_memory(rebuilt);
    for (size_t i = 0; i < graph->n_layers; i++) {
        rebuilt->first[i] = rebuilt->n_nodes;
        for (size_t k = 0; k < calls_of(graph->layers[i]); k++)
            rebuilt->nodes[rebuilt->n_nodes++] = (struct kf_rebuilt_node){.operation = i};
    }
    return 0;
}

int kf_rebuild(struct kf_rebuilt *rebuilt, const struct kf_graph *graph, int keras,
               struct kf_report *rep)
{
    struct kf_call_at *calls = NULL;
    size_t n = 0;
    int r = 0;

    rebuilt->graph = graph;
    rebuilt->keras = keras;
    rebuilt->rep = rep;
    rebuilt->n_operations = graph->n_layers;
    KF_TRY(make_room(rebuilt));
    KF_TRY(kf_graph_order(graph, &calls, &n, rep));
    for (size_t i = 0; i < n && r >= 0; i++)
        r = make_node(rebuilt, rebuilt->first[calls[i].layer] + calls[i].call);
    kf_free(calls);
    return r;
}

void kf_rebuilt_finish(struct kf_rebuilt *rebuilt)
{
    kf_free(rebuilt->nodes);
    kf_free(rebuilt->inputs);
    kf_free(rebuilt->masks);
    kf_arena_destroy(rebuilt->scratch);
}
