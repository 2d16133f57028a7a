/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_VALIDATE_H
#define KF_MODEL_VALIDATE_H

#include "model.h"

/** Fill a model whose source and reader are set, by its reader. */
int kf_model_read(struct kf_model *model, const struct kf_options *options, struct kf_report *rep);

/**
 * Check what makes a model a model; adapters and writers may assume it.
 *
 * Names are unique in their graph, refs point to calls that there are, calls form no cycle and
 * every tensor has its bytes. BAD_GRAPH, BAD_CONFIG, WEIGHTS_MISSING, TOO_LARGE.
 */
int kf_model_validate(struct kf_model *model, struct kf_report *rep);

#endif
