/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_order.h"
#include "../../base/str.h"
#include "keras3_rebuild.h"
#include <stdlib.h>

/* What map_graph works with, an entry for each node or each operation. */
struct map {
    struct kf_rebuilt rebuilt;
    size_t *finished; /* nodes from inputs to outputs; n_finished of them */
    size_t n_finished;
    bool *entered, *used; /* by node */
    size_t *next;         /* by node: how many of its inputs were walked */
    size_t *stack;        /* nodes in progress */
    size_t depth;
    size_t *node_depth;
    size_t *depth_of, *index_of; /* by operation; index KF_NO_NODE while it was not met */
    size_t n_met;
};

struct place {
    size_t depth, index, operation;
    bool met; /* false for an input that no output needs: it stands before all others */
};

static int no_memory(struct map *map)
{
    return kf_report_add(map->rebuilt.rep, KF_NO_MEMORY, map->rebuilt.graph->path, "out of memory");
}

static void enter(struct map *map, size_t node)
{
    size_t operation = map->rebuilt.nodes[node].operation;

    if (map->index_of[operation] == KF_NO_NODE)
        map->index_of[operation] = map->n_met++;
    map->entered[node] = true;
    map->stack[map->depth++] = node;
}

/* _build_map_helper without its recursion; the rebuilt graph is known to have no loops. */
static int walk(json_t *ref, void *context)
{
    struct map *map = context;
    struct kf_rebuilt_tensor end;

    KF_TRY(kf_rebuilt_ref(&map->rebuilt, ref, &end));
    if (!map->entered[end.node])
        enter(map, end.node);
    while (map->depth) {
        size_t node = map->stack[map->depth - 1];
        const struct kf_rebuilt_node *at = &map->rebuilt.nodes[node];

        if (map->next[node] < at->n_inputs) {
            size_t above = map->rebuilt.inputs[at->inputs + map->next[node]++];

            if (!map->entered[above])
                enter(map, above);
            continue;
        }
        map->finished[map->n_finished++] = node;
        map->depth--;
    }
    return 0;
}

/* The order of the updates matters: a shared operation takes the depth it had when it was met. */
static void set_depths(struct map *map)
{
    for (size_t i = map->n_finished; i-- > 0;) {
        const struct kf_rebuilt_node *node = &map->rebuilt.nodes[map->finished[i]];
        size_t *depth = &map->node_depth[map->finished[i]];

        if (*depth < map->depth_of[node->operation])
            *depth = map->depth_of[node->operation];
        map->depth_of[node->operation] = *depth;
        for (size_t k = 0; k < node->n_inputs; k++) {
            size_t above = map->rebuilt.inputs[node->inputs + k];

            if (map->node_depth[above] < *depth + 1)
                map->node_depth[above] = *depth + 1;
        }
    }
}

static int make_room(struct map *map)
{
    struct kf_arena *arena = map->rebuilt.scratch;
    size_t n = map->rebuilt.n_nodes, n_operations = map->rebuilt.n_operations;
    size_t *room = kf_arena_alloc(arena, (4 * n + 2 * n_operations + 1) * sizeof(*room));

    map->entered = kf_arena_alloc(arena, n + 1);
    if (!room || !map->entered)
        return no_memory(map);
    map->finished = room;
    map->next = map->finished + n;
    map->stack = map->next + n;
    map->node_depth = map->stack + n;
    map->depth_of = map->node_depth + n;
    map->index_of = map->depth_of + n_operations;
    for (size_t i = 0; i < n_operations; i++)
        map->index_of[i] = KF_NO_NODE;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct place *left = a, *right = b;

    if (left->depth != right->depth)
        return left->depth < right->depth ? 1 : -1;
    if (left->met != right->met)
        return left->met ? 1 : -1;
    return left->index < right->index ? -1 : left->index > right->index;
}

struct placing {
    struct map *map;
    struct place *places;
    size_t n;
};

/* An input that no output needs is in the model all the same. */
static int place_unused(json_t *ref, void *context)
{
    struct placing *placing = context;
    struct kf_rebuilt *rebuilt = &placing->map->rebuilt;
    struct kf_rebuilt_tensor end;
    size_t operation;

    KF_TRY(kf_rebuilt_ref(rebuilt, ref, &end));
    operation = rebuilt->nodes[end.node].operation;
    if (placing->map->index_of[operation] != KF_NO_NODE)
        return 0;
    placing->map->index_of[operation] = placing->n;
    placing->places[placing->n] = (struct place){.index = placing->n, .operation = operation};
    placing->n++;
    return 0;
}

static int check_used(json_t *ref, void *context)
{
    struct map *map = context;
    struct kf_rebuilt_tensor end;

    KF_TRY(kf_rebuilt_ref(&map->rebuilt, ref, &end));
    if (map->used[end.node])
        return 0;
    return kf_report_add(map->rebuilt.rep, KF_GRAPH_NO_EQUAL, map->rebuilt.graph->path,
                         "no layer of the model uses one of its inputs, which Keras 3.10 to 3.13 "
                         "refuse");
}

/* Keras 2 keeps what no output needs, behind the others: connect_ancillary_layers. */
static void place_ancillary(struct placing *placing)
{
    struct map *map = placing->map;
    size_t n = map->rebuilt.graph->n_layers;

    if (map->rebuilt.keras >= KF_KERAS(3, 0, 0))
        return;
    for (size_t i = 0; i < n; i++)
        if (map->index_of[i] == KF_NO_NODE) {
            placing->places[placing->n] =
                (struct place){.index = n + i, .operation = i, .met = true};
            placing->n++;
        }
}

/* Source: keras/src/ops/function.py, Function.__init__ (3.10.0; gone in 3.14.0) */
static int check_inputs(struct map *map, json_t *inputs)
{
    if (map->rebuilt.keras < KF_KERAS(3, 10, 0) || map->rebuilt.keras >= KF_KERAS(3, 14, 0))
        return 0;
    map->used = kf_arena_alloc(map->rebuilt.scratch, map->rebuilt.n_nodes + 1);
    if (!map->used)
        return no_memory(map);
    for (size_t i = 0; i < map->rebuilt.n_inputs; i++)
        map->used[map->rebuilt.inputs[i]] = true;
    return kf_refs_each(inputs, check_used, map);
}

static int place_all(struct map *map, size_t *out, size_t *n_out)
{
    const struct kf_graph *graph = map->rebuilt.graph;
    struct placing placing = {.map = map};

    placing.places =
        kf_arena_alloc(map->rebuilt.scratch, (graph->n_layers + 1) * sizeof(*placing.places));
    if (!placing.places)
        return no_memory(map);
    for (size_t i = 0; i < graph->n_layers; i++)
        if (map->index_of[i] != KF_NO_NODE)
            placing.places[placing.n++] = (struct place){
                .depth = map->depth_of[i], .index = map->index_of[i], .operation = i, .met = true};
    KF_TRY(kf_refs_each(graph->inputs, place_unused, &placing));
    place_ancillary(&placing);
    qsort(placing.places, placing.n, sizeof(*placing.places), compare);
    *n_out = 0;
    for (size_t i = 0; i < placing.n; i++)
        if (!graph->layers[placing.places[i].operation]->operation)
            out[(*n_out)++] = placing.places[i].operation;
    return 0;
}

static int order_functional(struct map *map, size_t *out, size_t *n_out,
                            const struct kf_graph *graph, int keras)
{
    KF_TRY(kf_rebuild(&map->rebuilt, graph, keras, map->rebuilt.rep));
    KF_TRY(make_room(map));
    KF_TRY(check_inputs(map, graph->inputs));
    KF_TRY(kf_refs_each(graph->outputs, walk, map));
    set_depths(map);
    return place_all(map, out, n_out);
}

static size_t order_sequential(size_t *out, const struct kf_graph *graph)
{
    size_t n = 0;

    for (size_t i = 0; i < graph->n_layers; i++)
        if (i > 0 || !kf_layer_is_input(graph->layers[i]))
            out[n++] = i;
    return n;
}

int kf_keras3_order(size_t **out, size_t *n_out, struct kf_arena *arena,
                    const struct kf_graph *graph, int keras, struct kf_report *rep)
{
    struct map map = {.rebuilt = {.rep = rep}};
    size_t *order = kf_arena_alloc(arena, (graph->n_layers + 1) * sizeof(*order)), n = 0;
    int r = order ? 0 : -KF_NO_MEMORY;

    if (r >= 0 && graph->topology == KF_SEQUENTIAL)
        n = order_sequential(order, graph);
    else if (r >= 0)
        r = order_functional(&map, order, &n, graph, keras);
    kf_rebuilt_finish(&map.rebuilt);
    if (r == -KF_NO_MEMORY)
        return kf_report_add(rep, KF_NO_MEMORY, graph->path, "out of memory");
    if (r < 0)
        return r;
    *out = order;
    *n_out = n;
    return 0;
}
