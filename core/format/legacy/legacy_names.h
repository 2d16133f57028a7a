/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LEGACY_NAMES_H
#define KF_FORMAT_LEGACY_NAMES_H

#include "legacy_order.h"

/**
 * Set layer->group of every layer of the tree to the first part of its variables' names:
 * "bidirectional/forward_lstm/lstm_cell". NO_MEMORY.
 */
int kf_legacy_scopes(struct kf_model *model, int keras, struct kf_report *rep);

/**
 * The names of one group's variables, in the arena: "dense/kernel:0" for Keras 2, "dense/kernel"
 * for Keras 3. Each is another one, because they are the datasets of one group. After
 * kf_legacy_scopes(). NO_MEMORY.
 */
int kf_legacy_variable_names(const char ***out, struct kf_model *model,
                             const struct kf_legacy_order *order, int keras, struct kf_report *rep);

#endif
