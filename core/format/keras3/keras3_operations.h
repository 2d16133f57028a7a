/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS3_OPERATIONS_H
#define KF_FORMAT_KERAS3_OPERATIONS_H

#include "../../model/model.h"

/*
 * Names of operation nodes. Before 3.11 the constructors of most operations took no name, so
 * their config may have none; calls refer to them by the name of their entry all the same, and
 * Keras calls them after their class.
 */

/** True when the config of an operation may hold its name. */
bool kf_keras3_operation_named(const struct kf_layer *layer, int keras);

/**
 * Refuse a graph in which a layer might be called what Keras calls an operation: names of a model
 * must differ.
 *
 * Outcomes: GRAPH_NO_EQUAL, NO_MEMORY.
 * Source: keras/src/utils/naming.py, auto_name; keras/src/ops/function.py, map_graph
 */
int kf_keras3_operations_check(const struct kf_graph *graph, int keras, struct kf_report *rep);

#endif
