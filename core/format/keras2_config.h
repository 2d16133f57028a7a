/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS2_CONFIG_H
#define KF_FORMAT_KERAS2_CONFIG_H

#include "../model/model.h"

/*
 * A model config of Keras 2, as model_config of a legacy .h5 and to_json() hold it:
 *
 *   {"class_name": "Sequential", "config": [layer, ...]}                  Keras <= 2.2.2
 *   {"class_name": "Sequential", "config": {"name", "layers": [...]}}     later
 *   {"class_name": "Model" | "Functional",
 *    "config": {"name", "layers": [{"class_name", "config", "name", "inbound_nodes"}],
 *               "input_layers", "output_layers"}}
 *
 * inbound_nodes holds a node for each call of a layer, and a node the specs of its inputs,
 * [layer, node, tensor, kwargs]. See formats.md 4.8 of the design for all forms.
 */

/**
 * Make the graph of a model from {"class_name", "config"}.
 *
 * Refs count the calls of a layer in this graph from 0, whatever the file's node indices are.
 * Configs of the layers are references into `object`.
 *
 * Outcomes: BAD_CONFIG, BAD_GRAPH, TOO_LARGE, INPUT_SHAPE_MISSING, NO_MEMORY.
 */
int kf_keras2_graph(struct kf_model *model, json_t *object, const struct kf_options *options,
                    struct kf_report *rep);

/* Between keras2_graph.c and its neighbours. */
struct kf_keras2_parse {
    struct kf_model *model;
    const struct kf_options *options;
    struct kf_report *rep;
    uint64_t n_layers;
    unsigned depth;
};

/** Read inbound_nodes, input_layers and output_layers of a functional config into the graph. */
int kf_keras2_nodes(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *config);

/** Put an InputLayer in front of a Sequential that has none. */
int kf_keras2_sequential_input(struct kf_keras2_parse *parse, struct kf_graph *graph);

#endif
