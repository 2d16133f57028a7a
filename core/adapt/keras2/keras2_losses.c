/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../model/order.h"
#include "../adapt.h"
#include <stdint.h>
#include <string.h>

/*
 * add_loss() and add_metric() put layers into the graph whose outputs nothing takes: they act as
 * the model trains. They go, and with them all that no output needs.
 * Source: keras/src/engine/base_layer.py AddLoss, AddMetric; keras/src/engine/functional.py
 * connect_ancillary_layers (2.15)
 */

static const struct loss_row {
    const char *class_name, *what, *name;
} loss_rows[] = {
#define KF_TRAINS(class_name, what) {class_name, what, "trains:" class_name},
#include "../keras2_keras3.def"
};

#define GONE SIZE_MAX

/* What the outputs of a graph need. Layers and calls that stay get new numbers. */
struct needs {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    size_t *first;    /* by layer: number of its first call */
    size_t *layer_at; /* by layer: its new number, or GONE */
    size_t *call_at;  /* by call: its new number among those of its layer, or GONE */
};

static const struct loss_row *row_of(const struct kf_layer *layer)
{
    for (size_t i = 0; i < sizeof(loss_rows) / sizeof(loss_rows[0]); i++)
        if (strcmp(loss_rows[i].class_name, layer->class_name) == 0)
            return &loss_rows[i];
    return NULL;
}

static bool has_losses(const struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (row_of(graph->layers[i]))
            return graph->topology == KF_FUNCTIONAL;
    return false;
}

static int need(json_t *value, void *context)
{
    struct needs *needs = context;
    struct kf_ref ref;

    if (kf_ref_get(value, &ref)) {
        needs->layer_at[ref.layer] = 0;
        needs->call_at[needs->first[ref.layer] + ref.call] = 0;
    }
    return 0;
}

/* From the outputs back; an input of the model stays one, whoever takes it. */
static int follow(struct needs *needs, const struct kf_call_at *order, size_t n)
{
    KF_TRY(kf_refs_each(needs->graph->outputs, need, needs));
    KF_TRY(kf_refs_each(needs->graph->inputs, need, needs));
    for (size_t i = n; i-- > 0;) {
        struct kf_layer *layer = needs->graph->layers[order[i].layer];

        if (needs->call_at[needs->first[order[i].layer] + order[i].call] == GONE || !layer->n_calls)
            continue;
        KF_TRY(kf_refs_each(layer->calls[order[i].call].args, need, needs));
        KF_TRY(kf_refs_each(layer->calls[order[i].call].kwargs, need, needs));
    }
    return 0;
}

static void renumber(struct needs *needs)
{
    for (size_t i = 0, layers = 0; i < needs->graph->n_layers; i++) {
        size_t calls = 0;

        if (needs->layer_at[i] == GONE)
            continue;
        needs->layer_at[i] = layers++;
        for (size_t k = 0; k < needs->graph->layers[i]->n_calls; k++)
            if (needs->call_at[needs->first[i] + k] != GONE)
                needs->call_at[needs->first[i] + k] = calls++;
    }
}

static int moved(void *context, json_t **out, const struct kf_ref *ref)
{
    const struct needs *needs = context;

    *out = kf_ref_new(needs->layer_at[ref->layer],
                      needs->call_at[needs->first[ref->layer] + ref->call], ref->output);
    return *out ? 0 : kf_adapt_no_memory(needs->adapt, needs->graph->path);
}

static int move(struct needs *needs, json_t **value)
{
    json_t *made;

    KF_TRY(kf_refs_map(&made, *value, moved, needs, needs->adapt->rep));
    json_decref(*value);
    *value = made;
    return 0;
}

/* The calls of a layer that are needed. */
static int keep_calls(struct needs *needs, size_t index)
{
    struct kf_layer *layer = needs->graph->layers[index];
    size_t n = 0;

    for (size_t k = 0; k < layer->n_calls; k++) {
        struct kf_call *call = &layer->calls[k];

        if (needs->call_at[needs->first[index] + k] == GONE) {
            json_decref(call->args);
            json_decref(call->kwargs);
            continue;
        }
        layer->calls[n++] = *call;
    }
    layer->n_calls = n;
    for (size_t k = 0; k < n; k++) {
        KF_TRY(move(needs, &layer->calls[k].args));
        KF_TRY(move(needs, &layer->calls[k].kwargs));
    }
    return 0;
}

static int keep(struct needs *needs)
{
    struct kf_graph *graph = needs->graph;
    size_t n = 0;

    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(keep_calls(needs, i));
    KF_TRY(move(needs, &graph->inputs));
    KF_TRY(move(needs, &graph->outputs));
    for (size_t i = 0; i < graph->n_layers; i++)
        if (needs->layer_at[i] != GONE)
            graph->layers[n++] = graph->layers[i];
    graph->n_layers = n;
    return 0;
}

/* A state of training is that of the whole loss; without one only what it would be differs. */
static int say(struct needs *needs)
{
    enum kf_code code = needs->adapt->model->training ? KF_TRAINING_LOST : KF_TRAINING_DIFFERS;

    for (size_t i = 0; i < needs->graph->n_layers; i++) {
        const struct kf_layer *layer = needs->graph->layers[i];
        const struct loss_row *row = row_of(layer);

        if (needs->layer_at[i] != GONE)
            continue;
        if (row) {
            kf_report_rule(needs->adapt->rep, row->name);
            KF_TRY(kf_report_add(needs->adapt->rep, code, layer->path,
                                 "%s: it is left out, with what leads to it alone", row->what));
        } else if (layer->n_tensors) {
            KF_TRY(kf_report_add(needs->adapt->rep, KF_EXTRA_DROPPED, layer->path,
                                 "its weights serve no output of the model: they are left out"));
        } else {
            KF_TRY(kf_report_add(needs->adapt->rep, code, layer->path,
                                 "it leads to no output of the model: it is left out"));
        }
    }
    return 0;
}

static int drop(struct needs *needs)
{
    struct kf_call_at *order = NULL;
    size_t n = 0;
    int r = kf_graph_order(needs->graph, &order, &n, needs->adapt->rep);

    if (r >= 0)
        r = follow(needs, order, n);
    kf_free(order);
    KF_TRY(r);
    renumber(needs);
    KF_TRY(say(needs));
    return keep(needs);
}

static int drop_losses(struct kf_adapt *adapt, struct kf_graph *graph)
{
    struct needs needs = {.adapt = adapt, .graph = graph};
    size_t n = graph->n_layers, calls = 0;

    needs.first = kf_arena_alloc(adapt->model->arena, 2 * n * sizeof(size_t));
    if (!needs.first)
        return kf_adapt_no_memory(adapt, graph->path);
    needs.layer_at = needs.first + n;
    for (size_t i = 0; i < n; i++) {
        needs.first[i] = calls;
        needs.layer_at[i] = GONE;
        calls += graph->layers[i]->n_calls ? graph->layers[i]->n_calls : 1;
    }
    needs.call_at = kf_arena_alloc(adapt->model->arena, calls * sizeof(size_t));
    if (!needs.call_at)
        return kf_adapt_no_memory(adapt, graph->path);
    for (size_t i = 0; i < calls; i++)
        needs.call_at[i] = GONE;
    return drop(&needs);
}

static int drop_inside(struct kf_adapt *adapt, struct kf_layer *layer)
{
    if (layer->inner)
        KF_TRY(kf_adapt_graph_losses(adapt, layer->inner));
    for (size_t i = 0; i < layer->n_parts; i++)
        KF_TRY(drop_inside(adapt, layer->parts[i]));
    return 0;
}

int kf_adapt_graph_losses(struct kf_adapt *adapt, struct kf_graph *graph)
{
    if (has_losses(graph))
        KF_TRY(drop_losses(adapt, graph));
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(drop_inside(adapt, graph->layers[i]));
    return 0;
}
