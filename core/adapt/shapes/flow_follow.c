/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_follow.h"
#include "../../base/alloc.h"

const struct kf_shape *kf_flow_shape(const struct kf_flow *flow, const json_t *value)
{
    static const struct kf_shape unknown = {0};
    struct kf_ref ref;

    if (!kf_ref_get(value, &ref) || ref.output != 0 || ref.layer >= flow->graph->n_layers)
        return &unknown;
    return ref.call < flow->graph->layers[ref.layer]->n_calls || ref.call == 0
               ? &flow->shapes[ref.layer][ref.call]
               : &unknown;
}

/* The shapes of the tensors that a call is given; what is no list is the first of them. */
static size_t inputs_of(const struct kf_flow *flow, struct kf_call_at at,
                        const struct kf_shape *inputs[KF_FLOW_INPUTS])
{
    const struct kf_layer *layer = flow->graph->layers[at.layer];
    const json_t *args, *first;
    size_t n = 0;

    if (flow->graph->topology == KF_SEQUENTIAL) {
        inputs[0] = at.layer ? &flow->shapes[at.layer - 1][0] : flow->given;
        return inputs[0] ? 1 : 0;
    }
    args = at.call < layer->n_calls ? layer->calls[at.call].args : NULL;
    first = json_array_get(args, 0);
    for (; n < KF_FLOW_INPUTS && n < json_array_size(json_is_array(first) ? first : args); n++)
        inputs[n] = kf_flow_shape(flow, json_array_get(json_is_array(first) ? first : args, n));
    return n;
}

static int make_shapes(struct kf_flow *flow)
{
    flow->shapes = kf_arena_alloc(flow->arena, (flow->graph->n_layers + 1) * sizeof(*flow->shapes));
    for (size_t i = 0; flow->shapes && i < flow->graph->n_layers; i++) {
        flow->shapes[i] = kf_arena_alloc(flow->arena, (flow->graph->layers[i]->n_calls + 1) *
                                                          sizeof(struct kf_shape));
        if (!flow->shapes[i])
            flow->shapes = NULL;
    }
    return flow->shapes
               ? 0
               : kf_report_add(flow->rep, KF_NO_MEMORY, flow->graph->path, "out of memory");
}

/* The calls in an order in which they can run; of a Sequential the layers as they stand. */
static int make_order(struct kf_flow *flow, struct kf_call_at **out, size_t *n)
{
    if (flow->graph->topology != KF_SEQUENTIAL)
        return kf_graph_order(flow->graph, out, n, flow->rep);
    *n = flow->graph->n_layers;
    *out = kf_alloc((*n + 1) * sizeof(**out));
    for (size_t i = 0; *out && i < *n; i++)
        (*out)[i] = (struct kf_call_at){.layer = i};
    return *out ? 0 : kf_report_add(flow->rep, KF_NO_MEMORY, flow->graph->path, "out of memory");
}

int kf_flow_follow(struct kf_flow *flow,
                   int (*visit)(struct kf_flow *flow, struct kf_call_at at,
                                const struct kf_shape *const *inputs, size_t n, void *context),
                   void *context)
{
    const struct kf_shape *inputs[KF_FLOW_INPUTS];
    struct kf_call_at *order = NULL;
    size_t n = 0;
    int r = make_shapes(flow);

    if (r >= 0)
        r = make_order(flow, &order, &n);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        const struct kf_layer *layer = flow->graph->layers[order[i].layer];
        size_t n_inputs = inputs_of(flow, order[i], inputs);

        kf_shape_after(layer, inputs, n_inputs, &flow->shapes[order[i].layer][order[i].call]);
        r = visit(flow, order[i], inputs, n_inputs, context);
    }
    kf_free(order);
    return r;
}
