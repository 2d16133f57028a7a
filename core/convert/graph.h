/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_CONVERT_GRAPH_H
#define KF_CONVERT_GRAPH_H

#include "../model/model.h"

/**
 * A model as something to draw: {"class_name", "topology", "nodes": [node], "inputs": [end],
 * "outputs": [end], "more"}.
 *
 * An end is {"path", "call", "output"} of a node beside it. A node has a layer's "path", "name",
 * "class_name", "parameters" (with those of what is in it), "trainable" and "calls", each of them
 * {"inbound": [end], "output_shape"}: the shape of its first output with the batch, null where it
 * is not known, as a whole or an axis of it. What is in a node is its "model", a graph again, or
 * its "parts", nodes without calls that have an "attribute". "more" counts the calls and ends that
 * were left out as `room` bytes of them are there.
 *
 * `out` gets a new reference. Outcomes: BAD_GRAPH, NO_MEMORY.
 */
int kf_graph_facts(struct kf_model *model, uint64_t room, struct kf_report *rep, json_t **out);

#endif
