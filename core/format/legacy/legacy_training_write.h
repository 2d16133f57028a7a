/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LEGACY_TRAINING_WRITE_H
#define KF_FORMAT_LEGACY_TRAINING_WRITE_H

#include "../../io/h5/h5.h"
#include "../../model/optimizer.h"

/*
 * What compile() was told and the state of the optimizer, in a legacy .h5 for Keras 2: the
 * attribute training_config and the group /optimizer_weights.
 *
 * Source: 2.15 keras/src/saving/legacy/hdf5_format.py, save_model_to_hdf5; saving_utils.py,
 * compile_args_from_training_config
 */

/** Add the state to the report's table, behind the weights. Outcomes: BAD_GRAPH, NO_MEMORY. */
int kf_legacy_training_plan(struct kf_model *model, int keras, struct kf_report *rep);

/**
 * Write both as planned; nothing for a model that was not compiled.
 *
 * Outcomes: WRITE_FAILED, what pulling reports, NO_MEMORY.
 */
int kf_legacy_training_write(struct kf_h5_out *h5, struct kf_model *model, int keras,
                             const struct kf_options *options, struct kf_report *rep);

#endif
