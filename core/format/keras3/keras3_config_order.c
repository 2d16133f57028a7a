/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "keras3_config.h"

/*
 * Keras makes the calls of one layer after another in the order of the config. Before 3.7 a call
 * whose input was not there yet was an error; since then it is tried again later.
 *
 * Source: keras/src/models/functional.py, functional_from_config, deserialize_node (3.0.5, 3.7.0)
 */
struct sorting {
    const struct kf_graph *graph;
    struct kf_report *rep;
    bool strict;
    size_t *needs, n_needs, needs_cap; /* layers that layers take tensors from */
    size_t *next, *end;                /* by layer: what is left of its needs */
    size_t *stack, depth;
    size_t *order, n;
    enum { NEW, OPEN, DONE } * state; /* by layer */
};

static int no_memory(struct sorting *sorting)
{
    return kf_report_add(sorting->rep, KF_NO_MEMORY, sorting->graph->path, "out of memory");
}

static int note_need(json_t *value, void *context)
{
    struct sorting *sorting = context;
    struct kf_ref ref;

    if (!kf_ref_get(value, &ref) || ref.layer >= sorting->graph->n_layers)
        return kf_report_add(sorting->rep, KF_BAD_GRAPH, sorting->graph->path,
                             "an input comes from a layer that does not exist");
    if (!kf_grow(&sorting->needs, &sorting->needs_cap, sorting->n_needs + 1, sizeof(size_t)))
        return no_memory(sorting);
    sorting->needs[sorting->n_needs++] = ref.layer;
    return 0;
}

static int note_needs(struct sorting *sorting)
{
    for (size_t i = 0; i < sorting->graph->n_layers; i++) {
        const struct kf_layer *layer = sorting->graph->layers[i];

        sorting->next[i] = sorting->n_needs;
        for (size_t k = 0; k < layer->n_calls; k++) {
            KF_TRY(kf_refs_each(layer->calls[k].args, note_need, sorting));
            KF_TRY(kf_refs_each(layer->calls[k].kwargs, note_need, sorting));
        }
        sorting->end[i] = sorting->n_needs;
    }
    return 0;
}

static void enter(struct sorting *sorting, size_t layer)
{
    sorting->state[layer] = OPEN;
    sorting->stack[sorting->depth++] = layer;
}

/* Put a layer behind all that it needs; one that needs itself, called in a row, is fine. */
static int sort_from(struct sorting *sorting, size_t layer)
{
    enter(sorting, layer);
    while (sorting->depth) {
        size_t at = sorting->stack[sorting->depth - 1], need;

        if (sorting->next[at] == sorting->end[at]) {
            sorting->state[at] = DONE;
            sorting->order[sorting->n++] = at;
            sorting->depth--;
            continue;
        }
        need = sorting->needs[sorting->next[at]++];
        if (sorting->state[need] == NEW)
            enter(sorting, need);
        else if (sorting->state[need] == OPEN && need != at && sorting->strict)
            return kf_report_add(sorting->rep, KF_GRAPH_NO_EQUAL,
                                 sorting->graph->layers[need]->path,
                                 "the layer is called again on what comes of its own output, "
                                 "which Keras loads only from 3.7 on");
    }
    return 0;
}

static int make_room(struct sorting *sorting)
{
    size_t n = sorting->graph->n_layers;
    size_t *room = kf_alloc((3 * n + 1) * sizeof(*room));

    sorting->next = room;
    sorting->order = kf_alloc((n + 1) * sizeof(*sorting->order));
    sorting->state = kf_alloc((n + 1) * sizeof(*sorting->state));
    if (!room || !sorting->order || !sorting->state)
        return no_memory(sorting);
    sorting->end = room + n;
    sorting->stack = room + 2 * n;
    return 0;
}

int kf_keras3_config_order(size_t **out, const struct kf_graph *graph, int keras,
                           struct kf_report *rep)
{
    struct sorting sorting = {.graph = graph, .rep = rep, .strict = keras < KF_KERAS(3, 7, 0)};
    int r = make_room(&sorting);

    if (r >= 0)
        r = note_needs(&sorting);
    for (size_t i = 0; r >= 0 && i < graph->n_layers; i++)
        if (sorting.state[i] == NEW)
            r = sort_from(&sorting, i);
    kf_free(sorting.needs);
    kf_free(sorting.next);
    kf_free(sorting.state);
    if (r >= 0)
        *out = sorting.order;
    else
        kf_free(sorting.order);
    return r;
}
