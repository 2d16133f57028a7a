/* SPDX-License-Identifier: Apache-2.0 */
#include "tfjs.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../curves.h"
#include "../masks/mask_effects.h"
#include "../shapes/flow_follow.h"
#include <string.h>

static const struct row {
    const char *classes, *word, *name;
    kf_instead_form *form;
} rows[] = {
#define KF_TFJS_INSTEAD(classes, form, word)                                                       \
    {classes, word, "tfjs-instead:" #form ":" classes, kf_tfjs_form_##form},
#include "tfjs.def"
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* A layer as it stood before any was put in. */
struct seen {
    struct kf_layer *layer;
    struct kf_shape in[KF_INSTEAD_INPUTS], out;
};

static bool is_plain(const struct kf_layer *layer)
{
    return !layer->custom && !layer->inner;
}

static bool has_row(const struct kf_layer *layer)
{
    for (size_t i = 0; is_plain(layer) && i < N_ROWS; i++)
        if (kf_in_words(rows[i].classes, layer->class_name))
            return true;
    return false;
}

/* What a layer gives that flow.def does not know: attention as its query, operations likewise. */
static void know_more(const struct kf_layer *layer, const struct seen *seen, struct kf_shape *out)
{
    if (kf_tfjs_keeps_shape(layer) || kf_in_words("MultiHeadAttention", layer->class_name)) {
        *out = seen->in[0];
        if (json_array_size(json_object_get(layer->config, "output_shape")))
            out->rank = 0;
    } else if (kf_in_words("Attention", layer->class_name) && seen->in[0].rank == 3) {
        *out = seen->in[0];
        out->dims[2] = kf_shape_axis(&seen->in[1], -1);
    }
}

static void note_keyword(const struct kf_flow *flow, const struct kf_call *call, const char *key,
                         struct kf_shape *out)
{
    const json_t *ref = json_object_get(call->kwargs, key);

    if (ref)
        *out = *kf_flow_shape(flow, ref);
}

static int note_call(struct kf_flow *flow, struct kf_call_at at,
                     const struct kf_shape *const *inputs, size_t n, void *context)
{
    struct seen *seen = (struct seen *)context + at.layer;
    const struct kf_layer *layer = flow->graph->layers[at.layer];

    if (at.call > 0)
        return 0;
    for (size_t i = 0; i < n && i < KF_INSTEAD_INPUTS; i++)
        seen->in[i] = *inputs[i];
    if (layer->n_calls) {
        note_keyword(flow, &layer->calls[0], "y", &seen->in[1]);
        note_keyword(flow, &layer->calls[0], "value", &seen->in[1]);
        note_keyword(flow, &layer->calls[0], "key", &seen->in[2]);
    }
    if (!flow->shapes[at.layer][at.call].rank)
        know_more(layer, seen, &flow->shapes[at.layer][at.call]);
    seen->out = flow->shapes[at.layer][at.call];
    return 0;
}

static int apply_rows(struct kf_instead *one)
{
    const char *class_name = one->layer->class_name, *path = one->layer->path;

    for (size_t i = 0; i < N_ROWS; i++) {
        struct kf_graph *graph = one->graph;
        size_t n = graph->n_layers;
        json_t *config = one->layer->config;
        const char *before = one->layer->class_name;

        if (!kf_in_words(rows[i].classes, one->layer->class_name))
            continue;
        one->word = rows[i].word;
        KF_TRY(rows[i].form(one));
        if (graph->n_layers == n && one->layer->config == config &&
            one->layer->class_name == before)
            continue;
        kf_report_rule(one->adapt->rep, rows[i].name);
        KF_TRY(kf_report_add(one->adapt->rep, KF_CLASS_REPLACED, path,
                             "TensorFlow.js has no such %s: layers that it has compute the same",
                             class_name));
    }
    return 0;
}

static bool takes_other_numbers(const struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (kf_layer_is_input(graph->layers[i]) &&
            !kf_streq(kf_json_str(graph->layers[i]->config, "dtype", "float32"), "float32"))
            return true;
    return false;
}

static int settle_layers(struct kf_adapt *adapt, struct kf_graph *graph, const struct seen *seen,
                         size_t n)
{
    bool whole = takes_other_numbers(graph), masks = kf_mask_made_in(graph);
    size_t at = 0;

    for (size_t i = 0; i < n; i++, at++) {
        struct kf_instead one = {.adapt = adapt, .graph = graph, .whole = whole, .masks = masks};

        while (graph->layers[at] != seen[i].layer)
            at++;
        if (!has_row(seen[i].layer))
            continue;
        one.layer = seen[i].layer;
        one.index = at;
        memcpy(one.in, seen[i].in, sizeof(one.in));
        one.out = seen[i].out;
        KF_TRY(apply_rows(&one));
    }
    return 0;
}

static int settle_graph(struct kf_adapt *adapt, struct kf_graph *graph)
{
    struct kf_flow flow = {.arena = adapt->model->arena, .graph = graph, .rep = adapt->rep};
    size_t n = graph->n_layers;
    struct seen *seen = NULL;
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        if (graph->layers[i]->inner)
            KF_TRY(settle_graph(adapt, graph->layers[i]->inner));
        any = any || has_row(graph->layers[i]);
    }
    if (!any)
        return 0;
    seen = kf_arena_alloc(adapt->model->arena, n * sizeof(*seen));
    if (!seen)
        return kf_adapt_no_memory(adapt, graph->path);
    for (size_t i = 0; i < n; i++)
        seen[i].layer = graph->layers[i];
    KF_TRY(kf_flow_follow(&flow, note_call, seen));
    return settle_layers(adapt, graph, seen, n);
}

int kf_adapt_tfjs(struct kf_model *model, const struct kf_options *options, struct kf_report *rep)
{
    struct kf_adapt adapt = {
        .model = model, .options = options, .rep = rep, .rules = KF_RULES_KERAS2};

    if (!model->graph)
        return 0;
    KF_TRY(kf_adapt_curves(&adapt, model->graph, false));
    return settle_graph(&adapt, model->graph);
}
