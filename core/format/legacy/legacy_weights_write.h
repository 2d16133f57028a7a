/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LEGACY_WEIGHTS_WRITE_H
#define KF_FORMAT_LEGACY_WEIGHTS_WRITE_H

#include "../../io/h5/h5.h"
#include "../../model/model.h"

/*
 * The group of weights of a legacy .h5, or the whole of a legacy weights file; see
 * legacy_weights.h. Keras loads the layers that have weights one by one in the order of
 * layer_names, or by name, and the weights of each in the order of weight_names.
 */

/**
 * Settle the graph and make the report's table of tensors, in writing order. Counts layers and
 * parameters. `root` is "" or "/model_weights".
 *
 * Outcomes: BAD_GRAPH, NO_MEMORY.
 */
int kf_legacy_plan(struct kf_model *model, const char *root, int keras, struct kf_report *rep);

/**
 * Write the group as planned, pulling each payload once; fills in the checksums.
 *
 * Outcomes: WRITE_FAILED, what pulling reports, NO_MEMORY.
 * Source: keras/src/saving/legacy/hdf5_format.py, save_weights_to_hdf5_group (2.15)
 */
int kf_legacy_write(struct kf_h5_out *h5, struct kf_model *model, const char *root, int keras,
                    const struct kf_options *options, struct kf_report *rep);

#endif
