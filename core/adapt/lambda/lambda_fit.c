/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../ops/ops.h"
#include "lambdas.h"
#include "python.h"
#include <string.h>

/*
 * Nodes as a TFOpLambda of Keras 2 runs them. On the way to Keras 3 they are read by ops.def,
 * which takes more.
 */

/* Functions of floats that give floats. */
#define FLOATS                                                                                     \
    "__operators__.getitem clip_by_value concat expand_dims identity math.abs math.add math.exp "  \
    "math.log math.maximum math.minimum math.multiply math.negative math.pow math.reduce_max "     \
    "math.reduce_mean math.reduce_min math.reduce_sum math.sigmoid math.sqrt math.square "         \
    "math.subtract math.tanh math.truediv nn.relu nn.softmax reshape"

#define COMMUTE "math.add math.maximum math.minimum math.multiply"

static bool is_float_layer(const struct kf_layer *layer)
{
    if (layer->inner)
        return kf_lambda_floats(layer->inner);
    return kf_op_dtype(layer, KF_DTYPE_FLOAT32) == KF_DTYPE_FLOAT32 ||
           strcmp(layer->class_name, "Lambda") == 0 ||
           kf_in_words(FLOATS, kf_json_str(layer->config, "function", "?"));
}

bool kf_lambda_floats(const struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (!is_float_layer(graph->layers[i]))
            return false;
    return true;
}

/* TensorFlow makes a tensor of a number in front first, and of 1 one of integers. */
static bool fit_first(struct kf_trace *trace, const json_t *node, bool floats)
{
    json_t *args = json_object_get(node, "args"), *kwargs = json_object_get(node, "kwargs");
    json_t *number = json_array_get(args, 0), *y = json_object_get(kwargs, "y");

    if (!json_is_number(number) || !y)
        return true;
    if (!kf_in_words(COMMUTE, kf_json_str(node, "function", ""))) {
        trace->starved |= json_array_set_new(args, 0, json_real(json_number_value(number))) < 0;
        return floats;
    }
    json_incref(number);
    trace->starved |= json_array_set(args, 0, y) < 0;
    trace->starved |= json_object_set_new(kwargs, "y", number) < 0;
    return true;
}

/* A TFOpLambda is saved without what an ellipsis is. */
static bool has_ellipsis(const json_t *spec)
{
    const json_t *one;
    size_t i;

    json_array_foreach(spec, i, one) if (has_ellipsis(one)) return true;
    return json_object_get(spec, "class_name") != NULL;
}

/* tf.nn.elu takes no alpha: it is 1. */
static bool fit_alpha(const json_t *node)
{
    json_t *kwargs = json_object_get(node, "kwargs");

    if (strcmp(kf_json_str(node, "function", ""), "nn.elu") != 0)
        return true;
    return json_number_value(json_object_get(kwargs, "alpha")) == 1.0 &&
           json_object_del(kwargs, "alpha") == 0;
}

/* tf.reverse takes a list alone. */
static void fit_axis(struct kf_trace *trace, const json_t *node)
{
    json_t *kwargs = json_object_get(node, "kwargs"), *axis = json_object_get(kwargs, "axis");

    if (strcmp(kf_json_str(node, "function", ""), "reverse") == 0 && !json_is_array(axis))
        trace->starved |= json_object_set_new(kwargs, "axis", json_pack("[O]", axis)) < 0;
}

bool kf_lambda_fit(struct kf_trace *trace, bool floats)
{
    const json_t *node;
    size_t i;

    json_array_foreach(trace->nodes, i, node)
    {
        floats = floats && kf_in_words(FLOATS, kf_json_str(node, "function", ""));
        if (has_ellipsis(json_object_get(json_object_get(node, "kwargs"), "slice_spec")) ||
            !fit_first(trace, node, floats) || !fit_alpha(node))
            return false;
        fit_axis(trace, node);
    }
    return true;
}
