/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS3_CONFIG_H
#define KF_FORMAT_KERAS3_CONFIG_H

#include "../../model/model.h"

/*
 * A model config of Keras 3, as config.json of a .keras file and to_json() hold it:
 *
 *   {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name":
 *    "Functional", "config": {"name", "trainable", "layers": [entry, ...],
 *                             "input_layers", "output_layers"}}
 *   {"module": "keras", "class_name": "Sequential", "registered_name": null,
 *    "config": {"name", "trainable", "layers": [object, ...]}}
 *
 * A compiled model has "compile_config" beside them: see model/optimizer.h.
 *
 *   object  {"module", "class_name", "config", "registered_name"}; a model is one too
 *   entry   an object with "name" and "inbound_nodes": [{"args": [...], "kwargs": {...}}, ...]
 *   tensor  {"class_name": "__keras_tensor__",
 *            "config": {"shape", "dtype", "keras_history": [layer, call, output]}}
 *
 * Keras takes shape and dtype of a tensor from the layer that makes it, not from here, so they
 * are fixed. input_layers and output_layers are the structure that the model was made with, its
 * tensors as [layer, call, output].
 */

/**
 * Make the config of a model for a release of Keras 3.
 *
 * `out` gets a new reference. Configs of the layers are shared with the model, not copied.
 *
 * Outcomes: GRAPH_NO_EQUAL when the release has no way to say what the model's ends are,
 * BAD_GRAPH for a ref to nothing, NO_MEMORY.
 * Source: keras/src/models/functional.py, Functional.get_config, serialize_node (3.15.1);
 * keras/src/models/sequential.py, Sequential.get_config
 */
int kf_keras3_config(json_t **out, const struct kf_model *model, int keras, struct kf_report *rep);

/**
 * Numbers of a graph's layers in the order of the config: behind all that they need, else as they
 * are. n_layers of them, kf_alloc()ed; the caller frees them.
 *
 * Outcomes: GRAPH_NO_EQUAL when the release cannot load the graph in any order, BAD_GRAPH,
 * NO_MEMORY.
 */
int kf_keras3_config_order(size_t **out, const struct kf_graph *graph, int keras,
                           struct kf_report *rep);

#endif
