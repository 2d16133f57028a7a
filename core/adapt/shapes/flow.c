/* SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/order.h"
#include "flow_shapes.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum of { CHANNEL, LAST_OF, AXIS, NUMBER, KERNEL };

static const struct fed {
    const char *classes, *variable;
    int axis;
    enum of of;
    const char *key;
} feds[] = {
#define KF_FED(classes, variable, axis, of, key) {classes, variable, axis, of, key},
#include "flow.def"
};

/* Shapes of what the calls of a graph's layers give. */
struct flow {
    struct kf_adapt *adapt;
    const struct kf_graph *graph;
    struct kf_shape **shapes; /* by layer and call */
};

/* Quantized weights are laid out otherwise. */
static bool is_plain(const struct kf_payload *payload)
{
    return payload && payload->rank && payload->dtype >= KF_DTYPE_FLOAT16 &&
           payload->dtype <= KF_DTYPE_FLOAT64;
}

/* What the axis must be; below 1 when nobody knows. */
static json_int_t wanted(const struct fed *fed, const struct kf_layer *layer,
                         const struct kf_shape *in)
{
    json_int_t number = kf_shape_number(layer->config, fed->key, 0), channels;

    switch (fed->of) {
    case LAST_OF:
        return kf_shape_axis(in, -1);
    case AXIS: /* of several axes, the variable is shaped to lie along them all */
        if (json_array_size(json_object_get(layer->config, fed->key)) > 1)
            return -1;
        return number ? kf_shape_axis(in, number) : -1;
    case NUMBER:
        return number;
    default:
        channels = kf_shape_axis(in, kf_shape_first(layer) ? 1 : -1);
        return number > 1 ? (channels % number ? -1 : channels / number) : channels;
    }
}

static int refuse(struct flow *flow, const struct kf_layer *layer, const struct kf_tensor *tensor,
                  size_t axis, json_int_t needed)
{
    char dims[KF_RANK_MAX * 22] = "";
    size_t n = 0;

    for (unsigned i = 0; i < tensor->payload->rank; i++)
        n += (size_t)snprintf(dims + n, sizeof(dims) - n, "%s%" PRIu64, i ? ", " : "",
                              tensor->payload->dims[i]);
    kf_report_add(flow->adapt->rep, KF_WEIGHT_SHAPE, layer->path,
                  "%s is (%s), and by the architecture its axis %zu is %" JSON_INTEGER_FORMAT
                  " long: the weights are not of this architecture",
                  tensor->source ? tensor->source : tensor->variable, dims, axis, needed);
    return 0;
}

static int check_axis(struct flow *flow, const struct fed *fed, const struct kf_layer *layer,
                      const struct kf_tensor *tensor, const struct kf_shape *in)
{
    size_t rank = tensor->payload->rank;
    size_t axis = fed->axis < 0 ? rank - (size_t)-fed->axis : (size_t)fed->axis;
    json_int_t needed = wanted(fed, layer, in);

    if (axis >= rank || needed < 1 || tensor->payload->dims[axis] == (uint64_t)needed)
        return 0;
    return refuse(flow, layer, tensor, axis, needed);
}

static int check_kernel(struct flow *flow, const struct fed *fed, const struct kf_layer *layer,
                        const struct kf_tensor *tensor)
{
    for (size_t i = 0; i + 2 < tensor->payload->rank; i++) {
        json_int_t needed = kf_shape_number(layer->config, fed->key, i);

        if (needed > 0 && tensor->payload->dims[i] != (uint64_t)needed)
            return refuse(flow, layer, tensor, i, needed);
    }
    return 0;
}

static int check_tensor(struct flow *flow, const struct kf_layer *layer,
                        const struct kf_tensor *tensor, const struct kf_shape *in)
{
    for (size_t i = 0; i < sizeof(feds) / sizeof(feds[0]); i++) {
        const struct fed *fed = &feds[i];

        if (!kf_streq(fed->variable, tensor->variable) || !is_plain(tensor->payload) ||
            !kf_in_words(fed->classes, layer->class_name))
            continue;
        KF_TRY(fed->of == KERNEL ? check_kernel(flow, fed, layer, tensor)
                                 : check_axis(flow, fed, layer, tensor, in));
    }
    return 0;
}

static const struct kf_shape *shape_of(const struct flow *flow, const json_t *value)
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
static size_t inputs_of(const struct flow *flow, struct kf_call_at at,
                        const struct kf_shape *inputs[KF_FLOW_INPUTS])
{
    const struct kf_layer *layer = flow->graph->layers[at.layer];
    const json_t *args, *first;
    size_t n = 0;

    if (flow->graph->topology == KF_SEQUENTIAL) {
        inputs[0] = at.layer ? &flow->shapes[at.layer - 1][0] : NULL;
        return at.layer ? 1 : 0;
    }
    args = at.call < layer->n_calls ? layer->calls[at.call].args : NULL;
    first = json_array_get(args, 0);
    for (; n < KF_FLOW_INPUTS && n < json_array_size(json_is_array(first) ? first : args); n++)
        inputs[n] = shape_of(flow, json_array_get(json_is_array(first) ? first : args, n));
    return n;
}

static int follow_call(struct flow *flow, struct kf_call_at at)
{
    const struct kf_layer *layer = flow->graph->layers[at.layer];
    const struct kf_shape *inputs[KF_FLOW_INPUTS];
    size_t n = inputs_of(flow, at, inputs);

    kf_shape_after(layer, inputs, n, &flow->shapes[at.layer][at.call]);
    for (size_t i = 0; n && i < layer->n_tensors && !layer->custom; i++)
        KF_TRY(check_tensor(flow, layer, &layer->tensors[i], inputs[0]));
    return 0;
}

static int make_shapes(struct flow *flow)
{
    struct kf_arena *arena = flow->adapt->model->arena;

    flow->shapes = kf_arena_alloc(arena, (flow->graph->n_layers + 1) * sizeof(*flow->shapes));
    for (size_t i = 0; flow->shapes && i < flow->graph->n_layers; i++) {
        flow->shapes[i] =
            kf_arena_alloc(arena, (flow->graph->layers[i]->n_calls + 1) * sizeof(struct kf_shape));
        if (!flow->shapes[i])
            flow->shapes = NULL;
    }
    return flow->shapes ? 0 : kf_adapt_no_memory(flow->adapt, flow->graph->path);
}

static int follow_graph(struct flow *flow)
{
    struct kf_call_at *order = NULL;
    size_t n = 0;
    int r;

    for (size_t i = 0; flow->graph->topology == KF_SEQUENTIAL && i < flow->graph->n_layers; i++)
        KF_TRY(follow_call(flow, (struct kf_call_at){.layer = i}));
    if (flow->graph->topology == KF_SEQUENTIAL)
        return 0;
    r = kf_graph_order(flow->graph, &order, &n, flow->adapt->rep);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = follow_call(flow, order[i]);
    kf_free(order);
    return r;
}

int kf_adapt_flow(struct kf_adapt *adapt, struct kf_graph *graph)
{
    struct flow flow = {.adapt = adapt, .graph = graph};

    KF_TRY(make_shapes(&flow));
    KF_TRY(follow_graph(&flow));
    for (size_t i = 0; i < graph->n_layers; i++)
        if (graph->layers[i]->inner)
            KF_TRY(kf_adapt_flow(adapt, graph->layers[i]->inner));
    return 0;
}
