/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../adapt.h"
#include "../masks/mask_effects.h"
#include <string.h>

/* Layers that Keras 2 wrote and does not load again as they stand, or another release otherwise. */

/* Source: keras/layers/attention/base_dense_attention.py, multi_head_attention.py (2.9, 2.10) */
#define CAUSAL_ARGUMENT_SINCE 210

static int normalization_input(struct kf_adapt *adapt, const struct kf_at *at)
{
    return kf_adapt_normalization(adapt, at);
}

/* Keras 2 builds a merging layer from the shapes of its inputs, which a constant has not. */
static int constant_input(struct kf_adapt *adapt, const struct kf_at *at)
{
    return kf_adapt_constant_input(adapt, at->layer, false, "keras2:shape:constant_input",
                                   "Keras 2 writes and does not load");
}

static int lone_input(struct kf_adapt *adapt, const struct kf_at *at)
{
    return kf_adapt_lone_input(adapt, at->graph, at->index, at->layer, "keras2:shape:lone_input");
}

/* Keras 2 leaves out what these operations work on beside their first argument. */
static int lost_operands(struct kf_adapt *adapt, const struct kf_at *at)
{
    const char *function = kf_json_str(at->layer->config, "function", "");

    for (size_t k = 0; k < at->layer->n_calls; k++) {
        bool other = json_object_get(at->layer->calls[k].kwargs, "other") != NULL;

        if (strcmp(function, "einsum") != 0 &&
            (other || !kf_in_words("__operators__.eq __operators__.ne", function)))
            continue;
        kf_report_rule(adapt->rep, "keras2:shape:lost_operands");
        return kf_report_add(adapt->rep, KF_NO_EQUAL, at->layer->path,
                             "tf.%s: Keras 2 does not write all of its operands, nor load it",
                             function);
    }
    return 0;
}

/* An argument of the call since 2.10; before, a key of Attention, and none of MultiHeadAttention.
 */
static int causal_argument(struct kf_adapt *adapt, const struct kf_at *at)
{
    bool multi = strcmp(at->layer->class_name, "MultiHeadAttention") == 0;

    for (size_t k = 0; k < at->layer->n_calls && adapt->since < CAUSAL_ARGUMENT_SINCE; k++) {
        json_t *kwargs = at->layer->calls[k].kwargs;
        bool causal = json_is_true(json_object_get(kwargs, "use_causal_mask"));

        if (!json_object_get(kwargs, "use_causal_mask"))
            continue;
        kf_report_rule(adapt->rep, "keras2:shape:causal_argument");
        json_object_del(kwargs, "use_causal_mask");
        if (causal && multi)
            return kf_report_add(adapt->rep, KF_GRAPH_NO_EQUAL, at->layer->path,
                                 "use_causal_mask of MultiHeadAttention came with Keras 2.10");
        if (causal)
            KF_TRY(kf_json_set(at->layer->config, "causal", json_true(), adapt->rep));
    }
    return 0;
}

/* MultiHeadAttention looks at the masks of its inputs since 2.10. */
static int masked_attention(struct kf_adapt *adapt, const struct kf_at *at)
{
    if (adapt->since >= CAUSAL_ARGUMENT_SINCE || !kf_mask_made_in(adapt->model->graph))
        return 0;
    kf_report_rule(adapt->rep, "keras2:shape:masked_attention");
    return kf_report_add(
        adapt->rep, KF_MASK_NO_EQUAL, at->layer->path,
        "MultiHeadAttention takes the masks of its inputs only from Keras 2.10 on, "
        "and the model has some");
}

static const struct kf_shape_row shapes[] = {
#define KF_SHAPE(name, classes, apply) {classes, apply},
#include "keras2_shapes.def"
#undef KF_SHAPE
};

static int call_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++) {
        if (layer->parts[i]->inner)
            KF_TRY(kf_adapt_keras2_calls(adapt, layer->parts[i]->inner));
        KF_TRY(call_parts(adapt, layer->parts[i]));
    }
    return 0;
}

int kf_adapt_keras2_calls(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(kf_adapt_keras2_calls(adapt, layer->inner));
        KF_TRY(kf_apply_shapes(adapt, shapes, sizeof(shapes) / sizeof(shapes[0]),
                               &(struct kf_at){graph, i, layer}));
        KF_TRY(call_parts(adapt, layer));
    }
    return 0;
}
