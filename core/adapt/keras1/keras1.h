/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_KERAS1_H
#define KF_ADAPT_KERAS1_H

#include "../adapt.h"

/* What the steps from Keras 1 to Keras 2 share. */
struct kf_keras1 {
    struct kf_adapt *adapt;
    const char *format; /* data_format of all layers that say one, NULL: of none, or they differ */
};

/* keras1_rules.c: the rows of a layer's config, and its class. */
int kf_keras1_rules(struct kf_keras1 *keras1, struct kf_layer *layer);

/* keras1_special.c: what of a layer's config is no row. */
int kf_keras1_special(struct kf_keras1 *keras1, struct kf_layer *layer);

/* keras1_tensors.c: the variables, as the layer of class `old` had them, become those of Keras 2.
 */
int kf_keras1_tensors(struct kf_keras1 *keras1, struct kf_layer *layer, const char *old);

/* keras1_theano.c: what Theano computes otherwise, in a graph whose configs are of Keras 2. */
int kf_keras1_theano(struct kf_keras1 *keras1, struct kf_graph *graph);

/* keras1_merge.c: Merge layers that are no single layer, and masks that a Merge loses. */
int kf_keras1_merges(struct kf_keras1 *keras1, struct kf_graph *graph);

/** Whether anything in a graph makes a mask. */
bool kf_keras1_masked(struct kf_graph *graph);

/* keras1_split.c: layers of Keras 1 that several layers of later Keras compute. */
int kf_keras1_split(struct kf_keras1 *keras1, struct kf_graph *graph);

/** Make a Merge the class that its mode is, "cos" aside; refuse what is none. */
int kf_merge_become(struct kf_adapt *adapt, struct kf_layer *layer);

#endif
