/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_PRUNED_H
#define KF_FORMAT_PRUNED_H

#include "../model/model.h"

/*
 * PruneLowMagnitude of TensorFlow Model Optimization: a wrapper that multiplies what it prunes of
 * its layer by a mask whenever it is called. Its own variables are a mask and a threshold for each
 * variable that it prunes, and a counter; they come after all those of its layer.
 *
 * Source: tensorflow_model_optimization/python/core/sparsity/keras/pruning_wrapper.py (0.8.1)
 */

/** True for the wrapper, whatever it holds. */
bool kf_pruned_is(const struct kf_layer *layer);

/** The variables that it prunes of the layer in its config, as words; NULL where that is of no
 * class that it is known to take. */
const char *kf_pruned_variables(const struct kf_layer *layer);

/** Make the wrapper's own variables. */
int kf_pruned_make(struct kf_model *model, struct kf_layer *layer, const char *variables,
                   struct kf_report *rep);

#endif
