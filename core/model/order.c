/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"
#include "../base/alloc.h"

/* The calls of a graph as nodes of a directed graph: an order exists when none waits for itself. */
struct order {
    const struct kf_graph *graph;
    struct kf_report *rep;
    size_t *first;                        /* number of a layer's first call */
    size_t *waits;                        /* how many inputs of a call are not there yet */
    size_t *ready;                        /* calls that may run, in a row */
    size_t *heads, *next, *users;         /* lists of who uses a call's output; SIZE_MAX ends */
    size_t n_calls, n_uses, uses_cap, at; /* `at` is the call that is looked at */
};

static size_t calls_of(const struct kf_layer *layer)
{
    return layer->n_calls ? layer->n_calls : 1;
}

static int note_use(json_t *value, void *context)
{
    struct order *order = context;
    struct kf_ref ref;
    size_t call, cap = order->uses_cap;

    if (!kf_ref_get(value, &ref))
        return 0;
    if (ref.layer >= order->graph->n_layers ||
        ref.call >= calls_of(order->graph->layers[ref.layer]))
        return kf_report_add(order->rep, KF_BAD_GRAPH, order->graph->path,
                             "an input comes from a call that does not exist");
    if (!kf_grow(&order->next, &cap, order->n_uses + 1, sizeof(size_t)) ||
        !kf_grow(&order->users, &order->uses_cap, order->n_uses + 1, sizeof(size_t)))
        return kf_report_add(order->rep, KF_NO_MEMORY, "", "out of memory");
    call = order->first[ref.layer] + ref.call;
    order->users[order->n_uses] = order->at;
    order->next[order->n_uses] = order->heads[call];
    order->heads[call] = order->n_uses++;
    order->waits[order->at]++;
    return 0;
}

static int note_uses(struct order *order)
{
    for (size_t i = 0; i < order->graph->n_layers; i++) {
        struct kf_layer *layer = order->graph->layers[i];

        for (size_t k = 0; k < layer->n_calls; k++) {
            order->at = order->first[i] + k;
            KF_TRY(kf_refs_each(layer->calls[k].args, note_use, order));
            KF_TRY(kf_refs_each(layer->calls[k].kwargs, note_use, order));
        }
    }
    return 0;
}

static int run_order(struct order *order)
{
    size_t n_ready = 0, done = 0;

    for (size_t i = 0; i < order->n_calls; i++)
        if (!order->waits[i])
            order->ready[n_ready++] = i;
    for (; done < n_ready; done++)
        for (size_t use = order->heads[order->ready[done]]; use != SIZE_MAX; use = order->next[use])
            if (--order->waits[order->users[use]] == 0)
                order->ready[n_ready++] = order->users[use];
    if (done == order->n_calls)
        return 0;
    return kf_report_add(order->rep, KF_BAD_GRAPH, order->graph->path,
                         "the layers form a loop: a layer needs its own output");
}

/* The ready calls as (layer, call), found again by the first call of each layer. */
static int give_order(struct order *order, struct kf_call_at **out, size_t *n_out)
{
    struct kf_call_at *list = kf_alloc((order->n_calls + 1) * sizeof(*list));
    size_t *layer_of = order->waits; /* all zero by now */

    if (!list)
        return kf_report_add(order->rep, KF_NO_MEMORY, "", "out of memory");
    for (size_t i = 0; i < order->graph->n_layers; i++)
        for (size_t k = 0; k < calls_of(order->graph->layers[i]); k++)
            layer_of[order->first[i] + k] = i;
    for (size_t i = 0; i < order->n_calls; i++) {
        size_t layer = layer_of[order->ready[i]];

        list[i] = (struct kf_call_at){layer, order->ready[i] - order->first[layer]};
    }
    *out = list;
    *n_out = order->n_calls;
    return 0;
}

int kf_graph_order(const struct kf_graph *graph, struct kf_call_at **out, size_t *n_out,
                   struct kf_report *rep)
{
    struct order order = {.graph = graph, .rep = rep};
    size_t *block;
    int r;

    for (size_t i = 0; i < graph->n_layers; i++)
        order.n_calls += calls_of(graph->layers[i]);
    block = kf_alloc((graph->n_layers + 3 * order.n_calls + 1) * sizeof(size_t));
    if (!block)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    order.first = block;
    order.waits = order.first + graph->n_layers;
    order.ready = order.waits + order.n_calls;
    order.heads = order.ready + order.n_calls;
    for (size_t i = 0, n = 0; i < graph->n_layers; n += calls_of(graph->layers[i++]))
        order.first[i] = n;
    for (size_t i = 0; i < order.n_calls; i++)
        order.heads[i] = SIZE_MAX;
    r = note_uses(&order);
    if (r >= 0)
        r = run_order(&order);
    if (r >= 0)
        r = give_order(&order, out, n_out);
    kf_free(block);
    kf_free(order.next);
    kf_free(order.users);
    return r;
}
