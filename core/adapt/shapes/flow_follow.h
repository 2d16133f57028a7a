/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_FLOW_FOLLOW_H
#define KF_ADAPT_FLOW_FOLLOW_H

#include "../../model/order.h"
#include "flow_shapes.h"

/* The shapes that go through one graph, without those inside of its layers. */
struct kf_flow {
    struct kf_arena *arena;
    const struct kf_graph *graph;
    struct kf_report *rep;
    const struct kf_shape *given; /* to a Sequential that does not tell what it takes, or NULL */
    struct kf_shape **shapes;     /* by layer and call; made by kf_flow_follow() */
};

/**
 * Follow shapes from the inputs as far as flow.def knows the layers, and call `visit` for each call
 * of a layer, its inputs' shapes known as far as they are. It may put another shape in place of
 * the one in flow->shapes, which is that of the call's first output; below 0 it stops.
 *
 * Outcomes: what `visit` returns below 0, BAD_GRAPH, NO_MEMORY.
 */
int kf_flow_follow(struct kf_flow *flow,
                   int (*visit)(struct kf_flow *flow, struct kf_call_at at,
                                const struct kf_shape *const *inputs, size_t n, void *context),
                   void *context);

/** The shape of what a ref leads to; rank 0 when it is not known. */
const struct kf_shape *kf_flow_shape(const struct kf_flow *flow, const json_t *ref);

#endif
