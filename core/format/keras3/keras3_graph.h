/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS3_GRAPH_H
#define KF_FORMAT_KERAS3_GRAPH_H

#include "../../model/model.h"

/**
 * Make the graph of a model from a config of Keras 3: the inverse of kf_keras3_config(), for what
 * any release from 3.0 on wrote into config.json of a .keras file, model_config of an .h5 or
 * to_json(). `model->keras` is the release, 0 when it is unknown.
 *
 * Entries of an .h5 have no module, so an operation is told from a layer of its name by what the
 * config holds. Configs of the layers are references into `object`.
 *
 * Outcomes: BAD_CONFIG, BAD_GRAPH, CUSTOM_CLASS for a model defined by Python code,
 * MAPPING_AMBIGUOUS, TOO_LARGE, NO_MEMORY.
 * Source: keras/src/models/functional.py, Functional.get_config, serialize_node (3.0.5-3.15.1);
 * keras/src/saving/serialization_lib.py, serialize_keras_object
 */
int kf_keras3_graph(struct kf_model *model, json_t *object, const struct kf_options *options,
                    struct kf_report *rep);

#endif
