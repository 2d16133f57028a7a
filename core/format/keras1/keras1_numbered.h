/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS1_NUMBERED_H
#define KF_FORMAT_KERAS1_NUMBERED_H

#include "../legacy/legacy_match.h"

/**
 * The groups of a file from before 1.0, keras1_weights.h, below `root` ("" or "/model_weights"):
 * one a layer, those without weights too, in the order of their numbers; in the arena. A weight is
 * called "layer_0/param_1".
 *
 * Outcomes: NO_MEMORY.
 */
int kf_keras1_numbered(struct kf_legacy_group **out, size_t *n_out, struct kf_model *model,
                       struct kf_h5 *h5, const char *root, struct kf_report *rep);

#endif
