/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../masks/mask_effects.h"
#include "keras1.h"
#include <string.h>

/*
 * What a Merge needs to be known of its inputs: how many axes they have, and whether they carry a
 * mask. Both are looked up by walking from an output towards the inputs.
 */
#define ONE_A_STEP                                                                                 \
    "Dense TimeDistributedDense Dropout Activation BatchNormalization LeakyReLU PReLU ELU "        \
    "ThresholdedReLU GaussianNoise GaussianDropout ActivityRegularization Masking Highway"
#define RECURRENT "LSTM GRU SimpleRNN Bidirectional"
#define FLAT                                                                                       \
    "Flatten GlobalMaxPooling1D GlobalAveragePooling1D GlobalMaxPooling2D "                        \
    "GlobalAveragePooling2D GlobalMaxPooling3D GlobalAveragePooling3D MaxoutDense"
#define PASSES_MASK ONE_A_STEP " TimeDistributed SpatialDropout1D Merge " RECURRENT

struct walk {
    const struct kf_graph *graph;
    size_t at; /* layer */
};

static bool first_ref(const json_t *args, struct kf_ref *out)
{
    const json_t *first = json_array_get(args, 0);

    return kf_ref_get(json_is_array(first) ? json_array_get(first, 0) : first, out);
}

/* To the layer that gives the first input; false at an input of the graph. */
static bool step_back(struct walk *walk)
{
    const struct kf_layer *layer = walk->graph->layers[walk->at];
    struct kf_ref ref;

    if (walk->graph->topology == KF_SEQUENTIAL)
        return walk->at-- > 0;
    if (!layer->n_calls || !first_ref(layer->calls[0].args, &ref))
        return false;
    walk->at = ref.layer;
    return true;
}

/* At the layer that gives the graph's only output. */
static bool start(struct walk *walk, const struct kf_graph *graph)
{
    struct kf_ref ref = {0};

    *walk = (struct walk){graph, graph->n_layers - 1};
    if (graph->topology == KF_SEQUENTIAL)
        return graph->n_layers > 0;
    if (!kf_ref_get(graph->outputs, &ref))
        return false;
    walk->at = ref.layer;
    return true;
}

/* A recurrent layer gives its last step alone, and then no mask, unless it is told otherwise. */
static bool gives_steps(const struct kf_layer *layer)
{
    const struct kf_layer *told = layer->n_parts ? layer->parts[0] : layer;

    return kf_json_bool(told->config, "return_sequences", false);
}

/* Axes of what a layer gives; 0 when that is not known. */
static size_t rank_at(struct walk walk)
{
    do {
        const struct kf_layer *layer = walk.graph->layers[walk.at];
        const json_t *shape = json_object_get(layer->config, "batch_input_shape");

        if (kf_layer_is_input(layer))
            return json_array_size(shape);
        if (layer->inner && !start(&walk, layer->inner))
            return 0;
        if (layer->inner)
            continue;
        if (kf_in_words(FLAT, layer->class_name))
            return 2;
        if (kf_in_words(RECURRENT, layer->class_name))
            return gives_steps(layer) ? 3 : 2;
        if (strcmp(layer->class_name, "Embedding") == 0)
            return 0;
        if (!kf_in_words(ONE_A_STEP, layer->class_name) || !step_back(&walk))
            return 0;
    } while (1);
}

static int find_mask(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    bool *found = context;

    (void)graph;
    *found = *found || kf_mask_made_by(layer);
    return 0;
}

bool kf_keras1_masked(struct kf_graph *graph)
{
    bool any = false;

    kf_layers_each(graph, find_mask, &any);
    return any;
}

/* Whether a mask that is made inside a graph may leave it with its output. */
static bool mask_leaves(struct kf_graph *graph)
{
    struct walk walk;
    bool any = kf_keras1_masked(graph);

    if (!any || !start(&walk, graph))
        return any;
    do {
        const struct kf_layer *layer = walk.graph->layers[walk.at];

        if (layer->inner || strcmp(layer->class_name, "Merge") == 0 || kf_mask_made_by(layer))
            return true; /* of the first two not looked further */
        if (!kf_in_words(PASSES_MASK, layer->class_name) ||
            (kf_in_words(RECURRENT, layer->class_name) && !gives_steps(layer)))
            return false;
    } while (step_back(&walk));
    return false;
}

/* Keras 1 gives a Merge that a Sequential begins with no mask of the models that it merges. */
static int check_masks(struct kf_keras1 *keras1, const struct kf_graph *graph,
                       const struct kf_layer *merge)
{
    json_t *refs = json_array_get(merge->calls[0].args, 0), *one;
    struct kf_ref ref;
    size_t i;

    json_array_foreach(refs, i, one)
    {
        struct kf_layer *branch = kf_ref_get(one, &ref) ? graph->layers[ref.layer] : NULL;

        if (branch && branch->inner && mask_leaves(branch->inner))
            kf_report_add(keras1->adapt->rep, KF_MASK_NO_EQUAL, branch->path,
                          "its output has a mask, which Keras 1 forgets where models are merged "
                          "and later Keras does not");
    }
    return 0;
}

/*
 * The cosine of two vectors: Dot with normalize, and Reshape, for Keras 1 gives it an axis more.
 * Of matrices it is none.
 */
static int split_cosine(struct kf_keras1 *keras1, struct kf_graph *graph, size_t at)
{
    struct kf_layer *layer = graph->layers[at], *dot;
    json_t *axes = json_object_get(layer->config, "dot_axes");
    struct walk walk = {graph, at};
    json_t *config;

    if (!step_back(&walk) || rank_at(walk) != 2) {
        kf_report_add(keras1->adapt->rep, KF_NO_EQUAL, layer->path,
                      "a Merge of mode cos of what is not known to be vectors");
        return 0;
    }
    config = json_pack("{s:b, s:O, s:b}", "trainable", 1, "axes", axes, "normalize", 1);
    KF_TRY(kf_insert_before(keras1->adapt, graph, at, "Dot", config, &dot));
    json_decref(layer->config);
    layer->config =
        json_pack("{s:s, s:b, s:[i,i]}", "name", layer->name, "trainable", 1, "target_shape", 1, 1);
    layer->class_name = "Reshape";
    kf_report_rule(keras1->adapt->rep, "keras1-merge:cos");
    return layer->config ? kf_report_add(keras1->adapt->rep, KF_CLASS_REPLACED, layer->path,
                                         "a Merge of mode cos became Dot and Reshape")
                         : kf_adapt_no_memory(keras1->adapt, layer->path);
}

int kf_keras1_merges(struct kf_keras1 *keras1, struct kf_graph *graph)
{
    for (size_t i = 0, n = graph->n_layers; i < n; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(kf_keras1_merges(keras1, layer->inner));
        if (strcmp(layer->class_name, "Merge") != 0 || !layer->n_calls)
            continue;
        if (json_is_array(json_object_get(layer->config, "layers")) &&
            !kf_in_words("dot cos", kf_json_str(layer->config, "mode", "")))
            KF_TRY(check_masks(keras1, graph, layer));
        if (kf_streq(kf_json_str(layer->config, "mode", NULL), "cos"))
            KF_TRY(split_cosine(keras1, graph, i));
    }
    return 0;
}
