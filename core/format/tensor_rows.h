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

/**
 * The same for a weight that is written as another payload, with what was `done` to it; NULL is
 * as the tensor says.
 */
int kf_weight_row(struct kf_report *rep, const struct kf_tensor *tensor, const char *layer,
                  const char *target, const struct kf_payload *after, const char *done);

/**
 * The checksums of such a row: `after` is that of the payload `written`. Where that was made of
 * other values, what stands in the source is pulled once more. READ_FAILED, NO_MEMORY.
 */
int kf_weight_settle(struct kf_report *rep, size_t row, const struct kf_tensor *tensor,
                     const struct kf_payload *written, const struct kf_checksum *after,
                     enum kf_checksum_kind checksum);

/** The same for what an optimizer keeps, which is no parameter; `layer` is "" for its scalars. */
int kf_slot_row(struct kf_report *rep, const struct kf_slot *slot, const char *layer,
                const char *target);

#endif
