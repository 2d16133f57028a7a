/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS3_WEIGHTS_H
#define KF_FORMAT_KERAS3_WEIGHTS_H

#include "../../io/h5/h5.h"
#include "../../model/model.h"

/*
 * Weights in saving_lib's HDF5 (groups: keras3_paths.h). Every layer has its group "vars", also
 * without variables, and for Keras 3 with an attribute "name" that holds the layer's name; so has
 * the root. Keras 2 reads the same but for the paths.
 */

/**
 * Set layer->group and make the report's table of tensors: a row each, in writing order, before
 * any other. Counts layers and parameters.
 *
 * Outcomes: BAD_GRAPH, GRAPH_NO_EQUAL, NO_MEMORY.
 */
int kf_keras3_weights_plan(struct kf_model *model, int keras, struct kf_report *rep);

/**
 * Write `h5`, just created, as planned, and close it; pulls each payload once and fills in the
 * checksums.
 *
 * Outcomes: WRITE_FAILED, what pulling reports, NO_MEMORY.
 * Source: keras/src/saving/saving_lib.py, H5IOStore (2.15, 3.15.1)
 */
int kf_keras3_weights_write(struct kf_h5_out *h5, struct kf_model *model, int keras,
                            const struct kf_options *options, struct kf_report *rep);

#endif
