/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_TFJS_H
#define KF_ADAPT_TFJS_H

#include "../adapt.h"
#include "../shapes/flow_shapes.h"

/**
 * Make of layers that TensorFlow.js lacks others that it has, by tfjs.def, in a model that speaks
 * Keras 2. The rest stays, and is refused by what writes it.
 *
 * Outcomes: NO_MEMORY, BAD_GRAPH.
 */
int kf_adapt_tfjs(struct kf_model *model, const struct kf_options *options, struct kf_report *rep);

/* Tensors of a layer whose shapes are looked at. */
#define KF_INSTEAD_INPUTS 3

/* A layer that others may stand in for. */
struct kf_instead {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_layer *layer;
    size_t index;                          /* of it in the graph */
    const char *word;                      /* its row's */
    struct kf_shape in[KF_INSTEAD_INPUTS]; /* what its first call takes, rank 0 where nobody knows;
                                            * for attention query, value and key */
    struct kf_shape out;                   /* ... and gives */
    bool whole;                            /* some input of the model is no float32 */
    bool masks;                            /* there are masks in the graph: a layer that stands in
                                            * for another must do with them what that does */
};

/** A layer in front of the one in hand, with `config`, which is taken; NULL is out of memory. */
int kf_instead_before(struct kf_instead *one, const char *class_name, json_t *config);

/** ... and one behind it, which gives what it gave; the layer in hand keeps its name. */
int kf_instead_behind(struct kf_instead *one, const char *class_name, json_t *config);

/** The layer in hand as one of another class, `config` as above; or with its own config. */
int kf_instead_become(struct kf_instead *one, const char *class_name, json_t *config);
int kf_instead_rename(struct kf_instead *one, const char *class_name);

/** A layer that is called once, with `args`, which are taken; `out` is a new ref to its output. */
int kf_instead_call(struct kf_instead *one, const char *suffix, const char *class_name,
                    json_t *config, json_t *args, json_t **out);

/** Whether its calls have no keyword but those in `but` with a value that says anything. */
bool kf_instead_is_bare(const struct kf_instead *one, const char *but);

bool kf_instead_is_float32(const struct kf_instead *one);

/** Put a rewritten payload into a tensor. Outcomes: WEIGHT_SHAPE where it does not fit. */
int kf_instead_take(struct kf_instead *one, struct kf_tensor *tensor,
                    const struct kf_payload *payload, bool fits, const char *done);

typedef int kf_instead_form(struct kf_instead *one);

kf_instead_form kf_tfjs_form_renamed, kf_tfjs_form_subtract, kf_tfjs_form_operation,
    kf_tfjs_form_attention, kf_tfjs_form_heads, kf_tfjs_form_normalization, kf_tfjs_form_einsum,
    kf_tfjs_form_turned, kf_tfjs_form_last_axis, kf_tfjs_form_flat, kf_tfjs_form_keepdims,
    kf_tfjs_form_wide, kf_tfjs_form_causal, kf_tfjs_form_activation, kf_tfjs_form_gru,
    kf_tfjs_form_both_gru;

/** The shape that a TFOpLambda of tfjs.def gives where all its tensors have the shape of the first.
 */
bool kf_tfjs_keeps_shape(const struct kf_layer *layer);

#endif
