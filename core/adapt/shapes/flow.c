/* SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "flow_follow.h"
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

static int refuse(struct kf_adapt *adapt, const struct kf_layer *layer,
                  const struct kf_tensor *tensor, size_t axis, json_int_t needed)
{
    char dims[KF_RANK_MAX * 22] = "";
    size_t n = 0;

    for (unsigned i = 0; i < tensor->payload->rank; i++)
        n += (size_t)snprintf(dims + n, sizeof(dims) - n, "%s%" PRIu64, i ? ", " : "",
                              tensor->payload->dims[i]);
    kf_report_add(adapt->rep, KF_WEIGHT_SHAPE, layer->path,
                  "%s is (%s), and by the architecture its axis %zu is %" JSON_INTEGER_FORMAT
                  " long: the weights are not of this architecture",
                  tensor->source ? tensor->source : tensor->variable, dims, axis, needed);
    return 0;
}

static int check_axis(struct kf_adapt *adapt, const struct fed *fed, const struct kf_layer *layer,
                      const struct kf_tensor *tensor, const struct kf_shape *in)
{
    size_t rank = tensor->payload->rank;
    size_t axis = fed->axis < 0 ? rank - (size_t)-fed->axis : (size_t)fed->axis;
    json_int_t needed = wanted(fed, layer, in);

    if (axis >= rank || needed < 1 || tensor->payload->dims[axis] == (uint64_t)needed)
        return 0;
    return refuse(adapt, layer, tensor, axis, needed);
}

static int check_kernel(struct kf_adapt *adapt, const struct fed *fed, const struct kf_layer *layer,
                        const struct kf_tensor *tensor)
{
    for (size_t i = 0; i + 2 < tensor->payload->rank; i++) {
        json_int_t needed = kf_shape_number(layer->config, fed->key, i);

        if (needed > 0 && tensor->payload->dims[i] != (uint64_t)needed)
            return refuse(adapt, layer, tensor, i, needed);
    }
    return 0;
}

static int check_tensor(struct kf_adapt *adapt, const struct kf_layer *layer,
                        const struct kf_tensor *tensor, const struct kf_shape *in)
{
    for (size_t i = 0; i < sizeof(feds) / sizeof(feds[0]); i++) {
        const struct fed *fed = &feds[i];

        if (!kf_streq(fed->variable, tensor->variable) || !is_plain(tensor->payload) ||
            !kf_in_words(fed->classes, layer->class_name))
            continue;
        KF_TRY(fed->of == KERNEL ? check_kernel(adapt, fed, layer, tensor)
                                 : check_axis(adapt, fed, layer, tensor, in));
    }
    return 0;
}

static int check_call(struct kf_flow *shapes, struct kf_call_at at,
                      const struct kf_shape *const *inputs, size_t n, void *context)
{
    const struct kf_layer *layer = shapes->graph->layers[at.layer];

    for (size_t i = 0; n && i < layer->n_tensors && !layer->custom; i++)
        KF_TRY(check_tensor(context, layer, &layer->tensors[i], inputs[0]));
    return 0;
}

int kf_adapt_flow(struct kf_adapt *adapt, struct kf_graph *graph)
{
    struct kf_flow flow = {.arena = adapt->model->arena, .graph = graph, .rep = adapt->rep};

    KF_TRY(kf_flow_follow(&flow, check_call, adapt));
    for (size_t i = 0; i < graph->n_layers; i++)
        if (graph->layers[i]->inner)
            KF_TRY(kf_adapt_flow(adapt, graph->layers[i]->inner));
    return 0;
}
