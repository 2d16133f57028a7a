/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TFJS_TFJS_H
#define KF_TFJS_TFJS_H

#include "../format/arrays/tensor_names.h"

/*
 * A layers model of TensorFlow.js, a folder that is written as a zip:
 *
 *   model.json                {"format": "layers-model", "modelTopology": {"keras_version",
 *                             "backend", "model_config": {...}}, "weightsManifest":
 *                             [{"paths": [...], "weights": [{"name", "shape", "dtype"}, ...]}]}
 *   group1-shard<i>of<n>.bin  the weights one after another, cut every 4 MiB
 *
 * The config is one of Keras 2 before modules stood in it. A weight is called <layer>/<variable>,
 * whatever models the layer stands in.
 *
 * Source: tfjs-layers/src/models.ts, loadLayersModelFromIOHandler; tfjs-layers/src/engine/
 * container.ts, loadWeights; tfjs-converter/python/tensorflowjs/write_weights.py (4.22.0)
 */

/* The Keras 2 whose words are nearest. */
#define KF_TFJS_SPEAKS KF_KERAS(2, 12, 0)

/**
 * Refuse what TensorFlow.js lacks or computes otherwise: all of it is reported, by layers.def. Of a
 * model that was `made_there` only the latter.
 *
 * Outcomes: NO_EQUAL, VALUE_NO_EQUAL, GRAPH_NO_EQUAL.
 */
int kf_tfjs_check(struct kf_model *model, bool made_there, struct kf_report *rep);

/**
 * Bring a config that TensorFlow.js takes into the words of Keras 2, in place: those of classes,
 * and all where the model was `made_there`.
 *
 * Outcomes: NO_MEMORY.
 * Source: tfjs-layers/src/utils/serialization_utils.ts, convertTsToPythonic (4.22.0)
 */
int kf_tfjs_spoken(json_t *config, bool made_there, struct kf_report *rep);

/**
 * The model_config, a new reference. Says in `rep` what only training would need and is left out.
 * NO_MEMORY, what kf_keras2_config() reports.
 */
int kf_tfjs_topology(json_t **out, const struct kf_model *model, struct kf_report *rep);

/** What the weights are called, into a zeroed `out`. GRAPH_NO_EQUAL for one name twice, NO_MEMORY.
 * Source: tfjs-layers/src/layers/wrappers.ts, recurrent.ts */
int kf_tfjs_names(struct kf_tensor_names *out, struct kf_model *model, struct kf_report *rep);

#endif
