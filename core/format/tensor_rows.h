/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_TENSOR_ROWS_H
#define KF_FORMAT_TENSOR_ROWS_H

#include "../model/model.h"

/** Count the layers of a graph, but for operations and layers that are attributes of another. */
int kf_layers_count(struct kf_graph *graph, struct kf_report *rep);

/**
 * Add a tensor to the report's table, and its elements to the count of parameters.
 *
 * `layer` is the path of its owner; `target` where it is written, "" when it is left out.
 * Outcomes: NO_MEMORY.
 */
int kf_tensor_row(struct kf_report *rep, const struct kf_tensor *tensor, const char *layer,
                  const char *target);

/** The same for what an optimizer keeps, which is no parameter; `layer` is "" for its scalars. */
int kf_slot_row(struct kf_report *rep, const struct kf_slot *slot, const char *layer,
                const char *target);

#endif
