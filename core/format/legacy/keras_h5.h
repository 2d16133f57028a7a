/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS_H5_H
#define KF_FORMAT_KERAS_H5_H

#include "../../io/h5/h5.h"
#include "../../model/model.h"

/*
 * The legacy whole model in HDF5:
 *
 *   /                     attributes keras_version, backend, model_config (JSON)
 *                         [, training_config (JSON)]
 *   /model_weights        attributes layer_names, backend, keras_version; see legacy_weights.h
 *   /optimizer_weights    attribute weight_names; only of a compiled model
 *
 * Source: tf.keras 2.15 keras/src/saving/legacy/hdf5_format.py, save_model_to_hdf5
 */
#define KF_KERAS_H5_WEIGHTS   "/model_weights"
#define KF_KERAS_H5_OPTIMIZER "/optimizer_weights"

/** The model's config, as detection or the file has it; a new reference. BAD_CONFIG, TOO_LARGE. */
int kf_keras_h5_config(json_t **out, struct kf_model *model, struct kf_h5 *h5,
                       const struct kf_options *options, struct kf_report *rep);

/** Take the compile config where there is one: compile_read.h. */
int kf_keras_h5_training(struct kf_model *model, struct kf_h5 *h5, const struct kf_options *options,
                         struct kf_report *rep);

#endif
