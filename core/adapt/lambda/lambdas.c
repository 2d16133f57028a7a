/* SPDX-License-Identifier: Apache-2.0 */
#include "lambdas.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include <string.h>

static int rewrite_graph(struct kf_adapt *adapt, struct kf_graph *graph);

static bool is_lambda(const struct kf_layer *layer)
{
    return strcmp(layer->class_name, "Lambda") == 0 && !layer->operation;
}

/* Models inside wrappers. */
static int rewrite_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++) {
        if (layer->parts[i]->inner)
            KF_TRY(rewrite_graph(adapt, layer->parts[i]->inner));
        KF_TRY(rewrite_parts(adapt, layer->parts[i]));
    }
    return 0;
}

/* Whether a chain has a Lambda and all that it has are understood. */
static int must_unchain(struct kf_adapt *adapt, struct kf_graph *graph, bool *out)
{
    bool any = false, fine = kf_graph_begins_with_input(graph);

    for (size_t i = 1; i < graph->n_layers && fine; i++)
        if (is_lambda(graph->layers[i])) {
            any = true;
            KF_TRY(kf_lambda_understood(adapt, graph, i, &fine));
        }
    *out = any && fine;
    return 0;
}

static int unchain(struct kf_adapt *adapt, struct kf_graph *graph)
{
    KF_TRY(kf_graph_unchain(adapt->model, graph, adapt->rep));
    return kf_report_add(adapt->rep, KF_CLASS_REPLACED, graph->path,
                         "a Sequential became a functional model, because it holds operations");
}

static int rewrite_graph(struct kf_adapt *adapt, struct kf_graph *graph)
{
    size_t n = graph->n_layers;
    bool unchained = false;

    if (graph->topology == KF_SEQUENTIAL) {
        KF_TRY(must_unchain(adapt, graph, &unchained));
        if (unchained)
            KF_TRY(unchain(adapt, graph));
    }
    for (size_t i = 0; i < n; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(rewrite_graph(adapt, layer->inner));
        else if (is_lambda(layer) && graph->topology == KF_FUNCTIONAL)
            KF_TRY(kf_lambda_replace(adapt, graph, i));
        KF_TRY(rewrite_parts(adapt, layer));
    }
    return 0;
}

/* What a layer computes in, "" where that is not said. */
static const char *policy_of(const struct kf_layer *layer)
{
    const json_t *dtype = json_object_get(layer->config, "dtype");

    if (json_is_object(dtype))
        return kf_json_str(json_object_get(dtype, "config"), "name", "?");
    return json_is_string(dtype) ? json_string_value(dtype) : "";
}

struct found {
    bool lambda, other_floats;
};

static int note_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct found *found = context;

    (void)graph;
    found->lambda |= is_lambda(layer);
    found->other_floats |=
        kf_in_words("float16 bfloat16 float64 mixed_float16 mixed_bfloat16 ?", policy_of(layer));
    return 0;
}

int kf_adapt_lambdas(struct kf_adapt *adapt, struct kf_graph *graph)
{
    struct found found = {0};

    if (adapt->options->custom == KF_CUSTOM_KEEP)
        return 0;
    KF_TRY(kf_layers_each(graph, note_layer, &found));
    return found.lambda && !found.other_floats ? rewrite_graph(adapt, graph) : 0;
}
