/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_KERAS3_KERAS2_H
#define KF_ADAPT_KERAS3_KERAS2_H

#include "../adapt.h"

/* What the way from Keras 3 down to Keras 2 does, step by step; see keras3_keras2.c. */

/* down_unwraps.c: wrappers that Keras 2 cannot load give their place to the layer inside. */
int kf_down_unwraps(struct kf_adapt *adapt, struct kf_graph *graph);

/* down_activations.c: those that only Keras 3 has become operations behind their layers. */
int kf_down_activations(struct kf_adapt *adapt, struct kf_graph *graph);
/* Whether that is done to a layer, in a graph. */
bool kf_down_is_split(const struct kf_layer *layer);

/* ... and a Sequential becomes a graph; `what` goes on "several functions". */
int kf_down_unchain(struct kf_adapt *adapt, struct kf_graph *graph, const char *what);

/* down_layers.c: layers that only Keras 3 has become operations; a Sequential with one becomes a
 * graph first, as masks are looked at in between. */
int kf_down_chains(struct kf_adapt *adapt, struct kf_graph *graph);
int kf_down_layers(struct kf_adapt *adapt, struct kf_graph *graph);
/* Whether that is done to a layer: what comes out of it then has no mask in Keras 2. */
bool kf_down_is_function(const struct kf_layer *layer);

/* down_reversible.c: a ReversibleEmbedding becomes an Embedding and an EinsumDense. */
int kf_down_reversible(struct kf_adapt *adapt, struct kf_graph *graph);

/* down_heads.c: attention whose heads share keys, have a gate or see no more than a window. */
int kf_down_heads(struct kf_adapt *adapt, struct kf_graph *graph);
/* Whether a layer is taken apart for that: its masks are then written into its calls before. */
bool kf_down_is_apart(struct kf_layer *layer);

/* down_head_masks.c: what a call of such attention does not see, as a new ref; NULL for nothing.
 * `carried` adds the masks that its inputs carry, and is by heads. */
int kf_down_head_masks(struct kf_adapt *adapt, struct kf_graph *graph, const struct kf_layer *layer,
                       const struct kf_call *call, bool carried, json_t **out);

/* down_spectrograms.c: spectrograms whose waves are weights become convolutions. */
int kf_down_spectrograms(struct kf_adapt *adapt, struct kf_graph *graph);
bool kf_down_is_spectrogram(const struct kf_layer *layer);

/* down_quantized.c: quantized variables become floats again. */
int kf_down_quantized(struct kf_adapt *adapt, struct kf_graph *graph);

/* down_calls.c: one positional argument and keywords, as Keras 2 calls its layers. */
int kf_down_calls(struct kf_adapt *adapt, struct kf_graph *graph);
/* ... and at last what only Keras 2 passes otherwise: the state of an RNN. */
int kf_down_states(struct kf_adapt *adapt, struct kf_graph *graph);

/* down_halves.c: what Keras 3 alone computes in float32 is put in float32. */
int kf_down_halves(struct kf_adapt *adapt, struct kf_graph *graph);

/* down_masks.c: masks that Keras 3 wrote down go where Keras 2 makes the same ones itself, and stay
 * or are cut where it would make others. */
int kf_down_masks(struct kf_adapt *adapt, struct kf_graph *graph);

/* down_ops.c: operation nodes become TFOpLambda and SlicingOpLambda; those that nothing needs go.
 */
int kf_down_ops(struct kf_adapt *adapt, struct kf_graph *graph);

/* down_objects.c: what stands inside a layer's config. */
int kf_down_objects(struct kf_adapt *adapt, struct kf_layer *layer);

/** An operation node of Keras 3 with this config and these positional arguments, which are taken;
 * NULL is out of memory. `class_name` stays where it is. `out` is its output. */
int kf_down_node(struct kf_adapt *adapt, struct kf_graph *graph, const char *class_name,
                 json_t *config, json_t *args, struct kf_ref *out);

/** The same, with a new ref to its output. */
int kf_down_operate(struct kf_adapt *adapt, struct kf_graph *graph, const char *class_name,
                    json_t *config, json_t *args, json_t **out);

/** A layer in float32 beside `owner`, which names it, behind all others and not yet called. Takes
 * the config; NULL is out of memory. */
int kf_down_add_layer(struct kf_adapt *adapt, struct kf_graph *graph, const struct kf_layer *owner,
                      const char *suffix, const char *class_name, json_t *config,
                      struct kf_layer **out);

#endif
