/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_ORDER_H
#define KF_MODEL_ORDER_H

#include "model.h"

/* One call of one layer. */
struct kf_call_at {
    size_t layer, call;
};

/**
 * The calls of a graph in an order in which every input comes before its use.
 *
 * An input layer counts as one call. `out` is kf_alloc()ed; the caller frees it. In linear time.
 * Outcomes: BAD_GRAPH for refs that lead nowhere and for loops, NO_MEMORY.
 */
int kf_graph_order(const struct kf_graph *graph, struct kf_call_at **out, size_t *n_out,
                   struct kf_report *rep);

#endif
