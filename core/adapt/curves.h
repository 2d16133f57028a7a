/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_CURVES_H
#define KF_ADAPT_CURVES_H

#include "adapt.h"

/** Layers that are the activation of another become layers of their own: those with weights, and
 * where the target reads none, `all` of them. */
int kf_adapt_curves(struct kf_adapt *adapt, struct kf_graph *graph, bool all);
/** Whether an activation is a Softmax that the function computes too, and to write it so. */
bool kf_curve_is_softmax(const json_t *object);
int kf_curve_softmax(struct kf_adapt *adapt, struct kf_layer *layer, const char *key);

/* Source: keras/src/activations/__init__.py get (3.9.2, 3.10.0) */
#define KF_ACTIVATION_LAYERS_SINCE 310
/* Source: keras/activations.py deserialize (2.4, 2.6) */
#define KF_ACTIVATION_LAYERS_SINCE_2 206

#endif
