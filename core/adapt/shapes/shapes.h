/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_SHAPES_H
#define KF_ADAPT_SHAPES_H

#include "../adapt.h"

/* Rows of shapes.def that have a file of their own. */

/* open_images.c: convolutions over time that Keras 3 builds for one size of images alone. */
int kf_shape_of_open_images(struct kf_adapt *adapt, const struct kf_at *at);

/* text_input.c: texts that are counted come with an axis of 1, which Keras 3 believes in. */
int kf_shape_of_text_input(struct kf_adapt *adapt, const struct kf_at *at);

/* counts.c: what lookups count are integers in Keras 3. For a layer of Keras 2 that would fail on
 * them or cut what it gives, floats are made of them; one of Keras 3 that does is refused. */
int kf_shape_of_counts(struct kf_adapt *adapt, const struct kf_at *at);
int kf_adapt_cut_counts(struct kf_adapt *adapt, struct kf_graph *graph);

/* astray.c: biases that Keras 3 adds along the wrong axis, where the target does and the source did
 * not, or the other way round. */
int kf_adapt_astray(struct kf_adapt *adapt);
/** Report one: `what` adds it along the wrong axis for certain, or only for some inputs. */
int kf_adapt_report_astray(struct kf_adapt *adapt, const struct kf_layer *layer, const char *what,
                           bool certain);
/* widths.c: convolutions. */
int kf_adapt_widths(struct kf_adapt *adapt, struct kf_graph *graph);
/* biases.c: MultiHeadAttention and EinsumDense. */
int kf_adapt_biases(struct kf_adapt *adapt, struct kf_graph *graph);

#endif
