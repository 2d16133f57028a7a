/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "shapes.h"

#define KF_COUNTS(classes, modes, source) static const char lookups[] = classes, counting[] = modes;
#define KF_PASSES(classes)                static const char passes[] = classes;
#define KF_CUTS(classes, source)          static const char cutting[] = classes;
#include "counts.def"

#define LAYERS_MAX 64 /* that are looked through, as often as they are met */

struct search {
    const struct kf_graph *graph;
    const struct kf_layer *lookup; /* one of those that count */
    unsigned seen;
    bool others; /* a tensor that no lookup gave */
};

static int see(json_t *value, void *context);

/* What went into call `k` of a layer. */
static void see_inputs(struct search *search, size_t index, size_t k);

static void see_output(struct search *search, size_t index, size_t k)
{
    const struct kf_layer *layer = search->graph->layers[index];

    if (kf_in_words(lookups, layer->class_name) &&
        kf_in_words(counting, kf_json_str(layer->config, "output_mode", "int"))) {
        search->lookup = layer;
    } else if (!kf_in_words(passes, layer->class_name)) {
        search->others = true;
    } else if (search->seen++ < LAYERS_MAX) {
        see_inputs(search, index, k);
    }
}

static int see(json_t *value, void *context)
{
    struct search *search = context;
    struct kf_ref ref;

    if (!search->others && kf_ref_get(value, &ref) && ref.layer < search->graph->n_layers)
        see_output(search, ref.layer, ref.call);
    return 0;
}

static void see_inputs(struct search *search, size_t index, size_t k)
{
    const struct kf_graph *graph = search->graph;

    if (graph->topology != KF_SEQUENTIAL && k < graph->layers[index]->n_calls)
        kf_refs_each(graph->layers[index]->calls[k].args, see, search);
    else if (graph->topology == KF_SEQUENTIAL && index)
        see_output(search, index - 1, 0);
}

/* The lookup whose counts alone go into a layer, or NULL. */
static const struct kf_layer *counts_of(const struct kf_graph *graph, size_t index)
{
    size_t n = graph->topology == KF_SEQUENTIAL ? 1 : graph->layers[index]->n_calls;

    for (size_t k = 0; k < n; k++) {
        struct search search = {.graph = graph};

        see_inputs(&search, index, k);
        if (search.lookup && !search.others)
            return search.lookup;
    }
    return NULL;
}

int kf_shape_of_counts(struct kf_adapt *adapt, const struct kf_at *at)
{
    bool there = at->graph && adapt->runner == KF_RUNS_KERAS;
    const struct kf_layer *lookup = there ? counts_of(at->graph, at->index) : NULL;
    struct kf_layer *before;

    if (!lookup || kf_json_bool(lookup->config, "sparse", false))
        return 0;
    kf_report_rule(adapt->rep, "shape:counts");
    KF_TRY(kf_insert_before(adapt, at->graph, at->index, "Rescaling",
                            json_pack("{s:O?, s:f, s:f}", "dtype",
                                      json_object_get(at->layer->config, "dtype"), "scale", 1.0,
                                      "offset", 0.0),
                            &before));
    return kf_report_add(adapt->rep, KF_LAYER_INSERTED, before->path,
                         "makes floats of what %s counts, which are integers in Keras 3",
                         lookup->name);
}

int kf_adapt_cut_counts(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        const struct kf_layer *layer = graph->layers[i], *lookup;

        if (layer->inner)
            KF_TRY(kf_adapt_cut_counts(adapt, layer->inner));
        lookup = kf_in_words(cutting, layer->class_name) ? counts_of(graph, i) : NULL;
        if (lookup)
            kf_report_add(adapt->rep, KF_NO_EQUAL, layer->path,
                          "Keras 3 hands on what %s counts as integers, and %s cuts what it gives "
                          "to integers then, which nothing else does: put "
                          "keras.ops.cast(x, \"float32\") between them",
                          lookup->name, layer->class_name);
    }
    return 0;
}
