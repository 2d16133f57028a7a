/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS1_FLATTEN_H
#define KF_FORMAT_KERAS1_FLATTEN_H

#include "../../model/model.h"

/**
 * The layers of a Keras 1 graph as its file has groups for them: those of the graph, and of a
 * Sequential that begins with a Merge the layers of the merged models in their place.
 *
 * `layers` is in the model's arena. Outcome: NO_MEMORY.
 * Source: Keras 1.2.2 keras/models.py flattened_layers
 */
int kf_keras1_flatten(struct kf_model *model, const struct kf_graph *graph,
                      struct kf_layer ***layers, size_t *n, struct kf_report *rep);

#endif
