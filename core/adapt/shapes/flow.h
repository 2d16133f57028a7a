/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_FLOW_H
#define KF_ADAPT_FLOW_H

#include "../adapt.h"

/**
 * Refuse weights whose axes are not as long as what goes into their layers, which Keras finds when
 * it loads them. Shapes are followed from the inputs as far as flow.def knows the layers.
 *
 * Outcomes: WEIGHT_SHAPE for each of them, NO_MEMORY.
 */
int kf_adapt_flow(struct kf_adapt *adapt, struct kf_graph *graph);

#endif
