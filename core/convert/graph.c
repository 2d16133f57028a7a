/* SPDX-License-Identifier: Apache-2.0 */
#include "graph.h"
#include "../adapt/shapes/flow_follow.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include <string.h>

/* What is drawn, and how much more of it may be. */
struct drawing {
    struct kf_model *model;
    struct kf_report *rep;
    uint64_t room;
    json_int_t more;
};

/* The first call of a layer: what shape it was given, and what it gave. */
struct first {
    const struct kf_shape *given, *gives;
};

/* One graph, its nodes in the order of its layers. */
struct sheet {
    struct drawing *all;
    json_t *nodes;
    struct first *firsts;
};

/* The list that ends are put into. */
struct ends {
    struct drawing *all;
    const struct kf_graph *graph;
    json_t *list;
};

static int draw_graph(struct drawing *all, const struct kf_graph *graph,
                      const struct kf_shape *given, json_t *out, struct kf_shape *gives);

/* A fresh object or list under `key`, which `owner` keeps; NULL when memory ran out. */
static json_t *put(struct drawing *all, json_t *owner, const char *key, json_t *value)
{
    return kf_json_set(owner, key, value, all->rep) < 0 ? NULL : value;
}

static bool has_room(struct drawing *all, uint64_t bytes)
{
    bool fits = bytes <= all->room;

    all->room -= fits ? bytes : 0;
    all->more += !fits;
    return fits;
}

static int add_end(struct ends *ends, const struct kf_ref *ref)
{
    const char *path = ends->graph->layers[ref->layer]->path;

    if (!has_room(ends->all, strlen(path) + 40))
        return 0;
    return kf_json_append(ends->list,
                          json_pack("{s:s, s:I, s:I}", "path", path, "call", (json_int_t)ref->call,
                                    "output", (json_int_t)ref->output),
                          ends->all->rep);
}

static int add_ref(json_t *value, void *context)
{
    struct ends *ends = context;
    struct kf_ref ref;

    return kf_ref_get(value, &ref) && ref.layer < ends->graph->n_layers ? add_end(ends, &ref) : 0;
}

static int set_shape(struct drawing *all, json_t *call, const struct kf_shape *shape)
{
    json_t *dims = put(all, call, "output_shape", shape->rank ? json_array() : json_null());

    for (size_t i = 0; dims && i < shape->rank; i++)
        KF_TRY(kf_json_append(dims, shape->dims[i] < 0 ? json_null() : json_integer(shape->dims[i]),
                              all->rep));
    return dims ? 0 : -KF_NO_MEMORY;
}

static int add_call(struct drawing *all, struct kf_flow *flow, struct kf_call_at at, json_t *calls)
{
    const struct kf_graph *graph = flow->graph;
    const struct kf_layer *layer = graph->layers[at.layer];
    struct ends ends = {all, graph, NULL};
    json_t *call;

    if (!has_room(all, 64))
        return 0;
    call = json_object();
    KF_TRY(kf_json_append(calls, call, all->rep));
    ends.list = put(all, call, "inbound", json_array());
    if (!ends.list)
        return -KF_NO_MEMORY;
    if (graph->topology == KF_SEQUENTIAL && at.layer)
        KF_TRY(add_end(&ends, &(struct kf_ref){.layer = at.layer - 1}));
    if (graph->topology == KF_FUNCTIONAL && at.call < layer->n_calls) {
        KF_TRY(kf_refs_each(layer->calls[at.call].args, add_ref, &ends));
        KF_TRY(kf_refs_each(layer->calls[at.call].kwargs, add_ref, &ends));
    }
    return set_shape(all, call, &flow->shapes[at.layer][at.call]);
}

/* A layer of a Sequential, and an input, are called once without a word of it. */
static int add_calls(struct drawing *all, struct kf_flow *flow, const json_t *nodes)
{
    for (size_t i = 0; i < flow->graph->n_layers; i++) {
        bool listed = flow->graph->topology == KF_FUNCTIONAL && flow->graph->layers[i]->n_calls;
        size_t n = listed ? flow->graph->layers[i]->n_calls : 1;
        json_t *calls = json_object_get(json_array_get(nodes, i), "calls");

        for (size_t k = 0; k < n; k++)
            KF_TRY(add_call(all, flow, (struct kf_call_at){i, k}, calls));
    }
    return 0;
}

static json_int_t count_own(const struct kf_layer *layer)
{
    json_int_t n = 0;

    for (size_t i = 0; i < layer->n_tensors; i++)
        if (layer->tensors[i].payload)
            n += (json_int_t)kf_payload_elements(layer->tensors[i].payload);
    return n;
}

static int add_up(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    *(json_int_t *)context += count_own(layer);
    return 0;
}

static json_int_t count_parameters(const struct kf_layer *layer)
{
    json_int_t n = count_own(layer);

    if (layer->inner)
        kf_layers_each(layer->inner, add_up, &n);
    for (size_t i = 0; !layer->inner && i < layer->n_parts; i++)
        n += count_parameters(layer->parts[i]);
    return n;
}

/* A node without its calls and what is in it. */
static int add_node(struct drawing *all, const struct kf_layer *layer, json_t *list, json_t **out)
{
    *out = json_pack("{s:s, s:s, s:s, s:I, s:b, s:[]}", "path", layer->path, "name", layer->name,
                     "class_name", layer->class_name, "parameters", count_parameters(layer),
                     "trainable", (int)layer->trainable, "calls");
    KF_TRY(kf_json_append(list, *out, all->rep));
    if (layer->attribute)
        KF_TRY(kf_json_set(*out, "attribute", json_string(layer->attribute), all->rep));
    return 0;
}

/* What is in a node, given the shape of what goes into it; `gives` is left as it is for a layer
 * that changes shapes itself. */
static int draw_inside(struct drawing *all, const struct kf_layer *layer, json_t *node,
                       const struct kf_shape *given, struct kf_shape *gives)
{
    json_t *parts, *one;

    if (layer->inner) {
        parts = put(all, node, "model", json_object());
        return parts ? draw_graph(all, layer->inner, given, parts, gives) : -KF_NO_MEMORY;
    }
    if (!layer->n_parts)
        return 0;
    parts = put(all, node, "parts", json_array());
    for (size_t i = 0; parts && i < layer->n_parts; i++) {
        KF_TRY(add_node(all, layer->parts[i], parts, &one));
        KF_TRY(draw_inside(all, layer->parts[i], one, NULL, &(struct kf_shape){0}));
    }
    return parts ? 0 : -KF_NO_MEMORY;
}

/* An axis that a model's own input leaves open is as long as what it is given. */
static void narrow(const struct kf_shape *given, struct kf_shape *input)
{
    for (size_t i = 0; given->rank == input->rank && i < input->rank; i++)
        if (input->dims[i] < 0)
            input->dims[i] = given->dims[i];
}

static bool same_shape(const struct kf_shape *a, const struct kf_shape *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) == 0;
}

/* What is in a layer is drawn at the first of its calls; a model that is called again gives the
 * same for the same shape, and for another one nobody knows what. */
static int visit(struct kf_flow *flow, struct kf_call_at at, const struct kf_shape *const *inputs,
                 size_t n, void *context)
{
    static const struct kf_shape nothing = {0};
    const struct kf_layer *layer = flow->graph->layers[at.layer];
    struct sheet *sheet = context;
    struct first *first = &sheet->firsts[at.layer];
    struct kf_shape *gives = &flow->shapes[at.layer][at.call];
    const struct kf_shape *given = n ? inputs[0] : &nothing;

    if (flow->given && kf_layer_is_input(layer))
        narrow(flow->given, gives);
    if (!first->gives) {
        first->given = given;
        first->gives = gives;
        return draw_inside(sheet->all, layer, json_array_get(sheet->nodes, at.layer), given, gives);
    }
    if (layer->inner && same_shape(given, first->given))
        *gives = *first->gives;
    return 0;
}

static int add_ends(struct drawing *all, const struct kf_graph *graph, json_t *out, const char *key,
                    json_t *refs)
{
    struct ends ends = {all, graph, put(all, out, key, json_array())};

    if (!ends.list)
        return -KF_NO_MEMORY;
    return refs ? kf_refs_each(refs, add_ref, &ends) : 0;
}

/* What a graph gives: the shape of the first of its outputs. */
static void take_output(const struct kf_flow *flow, struct kf_shape *gives)
{
    const struct kf_graph *graph = flow->graph;
    const json_t *first = graph->outputs;

    if (graph->topology == KF_SEQUENTIAL) {
        if (graph->n_layers)
            *gives = flow->shapes[graph->n_layers - 1][0];
        return;
    }
    if (json_is_array(first))
        first = json_array_get(first, 0);
    *gives = *kf_flow_shape(flow, first);
}

/* One shape is given to a model; which of several inputs would be its, nobody says. */
static const struct kf_shape *one_given(const struct kf_graph *graph, const struct kf_shape *given)
{
    size_t n = 0;

    for (size_t i = 0; i < graph->n_layers; i++)
        n += kf_layer_is_input(graph->layers[i]);
    return n < 2 && given && given->rank ? given : NULL;
}

static int draw_graph(struct drawing *all, const struct kf_graph *graph,
                      const struct kf_shape *given, json_t *out, struct kf_shape *gives)
{
    struct kf_arena *arena = all->model->arena;
    struct kf_flow flow = {arena, graph, all->rep, one_given(graph, given), NULL};
    struct sheet sheet = {
        .all = all,
        .firsts = kf_arena_alloc(arena, (graph->n_layers + 1) * sizeof(*sheet.firsts)),
    };
    json_t *node;

    KF_TRY(kf_json_set(out, "class_name", json_string(graph->class_name), all->rep));
    KF_TRY(kf_json_set(out, "topology",
                       json_string(graph->topology == KF_SEQUENTIAL ? "sequential" : "functional"),
                       all->rep));
    sheet.nodes = put(all, out, "nodes", json_array());
    if (!sheet.nodes || !sheet.firsts)
        return kf_report_add(all->rep, KF_NO_MEMORY, graph->path, "out of memory");
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(add_node(all, graph->layers[i], sheet.nodes, &node));
    KF_TRY(kf_flow_follow(&flow, visit, &sheet));
    KF_TRY(add_calls(all, &flow, sheet.nodes));
    KF_TRY(add_ends(all, graph, out, "inputs", graph->inputs));
    KF_TRY(add_ends(all, graph, out, "outputs", graph->outputs));
    take_output(&flow, gives);
    return 0;
}

int kf_graph_facts(struct kf_model *model, uint64_t room, struct kf_report *rep, json_t **out)
{
    struct drawing all = {.model = model, .rep = rep, .room = room};
    json_auto_t *drawn = json_object();
    struct kf_shape gives = {0};

    if (!drawn)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    KF_TRY(draw_graph(&all, model->graph, NULL, drawn, &gives));
    KF_TRY(kf_json_set(drawn, "more", json_integer(all.more), rep));
    *out = json_incref(drawn);
    return 0;
}
