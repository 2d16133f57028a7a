/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS1_GRAPH_H
#define KF_FORMAT_KERAS1_GRAPH_H

#include "../../model/model.h"

/**
 * Make the graph of a model from a config of Keras 1: the notation of kf_keras2_graph(), with other
 * classes and keys. Sets the dialect.
 *
 * Outcomes: NO_EQUAL for a Graph of Keras before 1.0, and those of kf_keras2_graph().
 */
int kf_keras1_graph(struct kf_model *model, json_t *object, const struct kf_options *options,
                    struct kf_report *rep);

#endif
