/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_KERAS3_LIMITS_H
#define KF_ADAPT_KERAS3_LIMITS_H

#include "../adapt.h"

/**
 * What the target release of Keras 3 fails on in a graph that is otherwise ready for it: refused
 * by name, or written so that it loads. For files of every dialect.
 */
int kf_keras3_limits(struct kf_adapt *adapt, struct kf_graph *graph);

/** keras3_attention.c: refuse masks that an Attention of the release applies wrong. */
int kf_keras3_attention(struct kf_adapt *adapt, const struct kf_graph *graph);

/** keras3_ellipsis.c: a legacy .h5 of Keras 3 that has x[..., 1] does not load again: the axes that
 * it stands for are written out, where the file says how many there are; else refused. */
int kf_keras3_ellipsis(struct kf_adapt *adapt, struct kf_layer *layer);

/** keras3_normalization.c: what adapt() learnt goes into the config where a legacy .h5 would lose
 * it.
 */
int kf_keras3_normalization(struct kf_adapt *adapt, struct kf_layer *layer);

/* keras3_rebuilds.c: what a release makes anew when it loads a graph. */

/** Operations by names that the release itself gives to those of masks. */
int kf_keras3_operation_names(struct kf_adapt *adapt, struct kf_graph *graph);

/** A Sequential that holds a functional model becomes a functional model. */
int kf_keras3_sequential(struct kf_adapt *adapt, struct kf_graph *graph);

#endif
