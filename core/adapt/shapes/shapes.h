/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_SHAPES_H
#define KF_ADAPT_SHAPES_H

#include "../adapt.h"

/* Rows of shapes.def that have a file of their own. */

/* open_images.c: convolutions over time that Keras 3 builds for one size of images alone. */
int kf_shape_of_open_images(struct kf_adapt *adapt, const struct kf_at *at);

/* counts.c: what lookups count are integers in Keras 3. For a layer of Keras 2 that would fail on
 * them or cut what it gives, floats are made of them; one of Keras 3 that does is refused. */
int kf_shape_of_counts(struct kf_adapt *adapt, const struct kf_at *at);
int kf_adapt_cut_counts(struct kf_adapt *adapt, struct kf_graph *graph);

#endif
