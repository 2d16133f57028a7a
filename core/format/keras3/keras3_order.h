/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS3_ORDER_H
#define KF_FORMAT_KERAS3_ORDER_H

#include "../../model/model.h"

/*
 * saving_lib names a layer's group by its class and its place in model.layers, and that list is
 * not the list of the config: Keras makes it again from the calls, deepest first. Two layers of
 * one class and shape would swap their weights without a word if the order here were another, so
 * it is what Keras would do, step by step.
 */

/**
 * The order of model.layers once a release of Keras has rebuilt the graph from its config.
 *
 * Gives numbers of layers in the graph, in the arena. Operations are left out, so is what no
 * output needs (Keras 3 drops it, Keras 2 keeps it at the end), and the InputLayer of a
 * Sequential.
 *
 * Outcomes: BAD_GRAPH, GRAPH_NO_EQUAL when the release refuses the graph, NO_MEMORY.
 * Source: keras/src/ops/function.py, map_graph, _build_map (3.0.5, 3.15.1);
 * keras/src/models/functional.py and sequential.py, layers; of 2.15 keras/src/engine/functional.py,
 * _map_graph_network, connect_ancillary_layers
 */
int kf_keras3_order(size_t **out, size_t *n_out, struct kf_arena *arena,
                    const struct kf_graph *graph, int keras, struct kf_report *rep);

#endif
