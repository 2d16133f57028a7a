/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS_H5_H
#define KF_FORMAT_KERAS_H5_H

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

#endif
