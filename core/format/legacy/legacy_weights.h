/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LEGACY_WEIGHTS_H
#define KF_FORMAT_LEGACY_WEIGHTS_H

#include "../../io/h5/h5.h"
#include "../../model/model.h"

/*
 * Weights in a legacy .h5:
 *
 *   <root>                         attribute layer_names
 *   <root>/<layer>                 attribute weight_names, ordered
 *   <root>/<layer>/<weight name>   dataset
 *
 * One group a layer of the model; a model used as a layer has one group for all below it. Within
 * a group, trainable weights stand before the others, as the flags were when the file was saved.
 */

/**
 * Bind the datasets below `root` ("/model_weights", or "/" of a weights-only file) to the
 * tensors of the model's graph, each group to the layer that kf_legacy_match() finds.
 *
 * Outcomes: WEIGHTS_MISSING, WEIGHT_COUNT, WEIGHT_SHAPE, MAPPING_AMBIGUOUS, CORRUPT, NO_MEMORY.
 * Source: tf.keras 2.15 keras/src/saving/legacy/hdf5_format.py, load_weights_from_hdf5_group,
 * _legacy_weights; trainable_weights of base_layer.py and training.py
 */
int kf_legacy_bind(struct kf_model *model, struct kf_h5 *h5, const char *root, bool guess,
                   struct kf_report *rep);

#endif
