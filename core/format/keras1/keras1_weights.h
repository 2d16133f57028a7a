/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS1_WEIGHTS_H
#define KF_FORMAT_KERAS1_WEIGHTS_H

#include "../../io/h5/h5.h"
#include "../../model/model.h"

/*
 * Weights of Keras 1 in HDF5: the layout of legacy_weights.h, with three differences. They belong
 * to layers by their order, names are not looked at; a Sequential that begins with a Merge has the
 * layers of the merged models in place of them; a weight is called "dense_1_W:0" on TensorFlow and
 * "dense_1_W" on Theano.
 *
 * Before 1.0 the file had no names:
 *
 *   <root>               attribute nb_layers
 *   <root>/layer_<k>     attribute nb_params
 *   <root>/layer_<k>/param_<p>   dataset
 *
 * Source: Keras 1.2.2 keras/engine/topology.py load_weights_from_hdf5_group, keras/models.py
 * flattened_layers
 */

/**
 * Bind the datasets below `root` ("/model_weights", or "/" of a weights-only file) to the tensors
 * of a model of dialect KERAS1, whichever of the two forms they have.
 *
 * The backend that wrote them goes to rep->source.backend where the names tell it and nothing did
 * before. Shapes are not checked: that is for when the tensors become those of Keras 2.
 *
 * Outcomes: WEIGHTS_MISSING, WEIGHT_COUNT, MAPPING_AMBIGUOUS, CUSTOM_CLASS, CORRUPT, NO_MEMORY.
 */
int kf_keras1_bind(struct kf_model *model, struct kf_h5 *h5, const char *root,
                   struct kf_report *rep);

#endif
