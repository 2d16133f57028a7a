/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../ops/ops.h"
#include "lambdas.h"
#include "python.h"
#include <math.h>
#include <string.h>

/*
 * Nodes as a TFOpLambda of Keras 2 runs them. On the way to Keras 3 they are read by ops.def,
 * which takes more.
 */

#define KF_FLOATS(functions)   static const char floating[] = functions;
#define KF_COMMUTES(functions) static const char commutes[] = functions;
#define KF_FIXED(...)
#define KF_LISTED(...)
#include "lambda_fit.def"
#undef KF_FLOATS
#undef KF_COMMUTES
#undef KF_FIXED
#undef KF_LISTED
#define KF_FLOATS(...)
#define KF_COMMUTES(...)

static const struct {
    const char *function, *key;
    double value; /* NAN: a list */
} taken[] = {
#define KF_FIXED(function, key, value) {function, key, value},
#define KF_LISTED(function, key)       {function, key, NAN},
#include "lambda_fit.def"
};

static bool is_float_layer(const struct kf_layer *layer)
{
    if (layer->inner)
        return kf_lambda_floats(layer->inner);
    return kf_op_dtype(layer, KF_DTYPE_FLOAT32) == KF_DTYPE_FLOAT32 ||
           strcmp(layer->class_name, "Lambda") == 0 ||
           kf_in_words(floating, kf_json_str(layer->config, "function", "?"));
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
    if (!kf_in_words(commutes, kf_json_str(node, "function", ""))) {
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

/* Keys that the function takes otherwise than Keras 3, or not at all. */
static bool fit_keys(struct kf_trace *trace, const json_t *node)
{
    json_t *kwargs = json_object_get(node, "kwargs"), *value;
    bool fits = true;

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (strcmp(kf_json_str(node, "function", ""), taken[i].function) != 0)
            continue;
        value = json_object_get(kwargs, taken[i].key);
        if (!isnan(taken[i].value))
            fits &= json_number_value(value) == taken[i].value &&
                    json_object_del(kwargs, taken[i].key) == 0;
        else if (!json_is_array(value))
            trace->starved |=
                json_object_set_new(kwargs, taken[i].key, json_pack("[O]", value)) < 0;
    }
    return fits;
}

bool kf_lambda_fit(struct kf_trace *trace, bool floats)
{
    const json_t *node;
    size_t i;

    json_array_foreach(trace->nodes, i, node)
    {
        floats = floats && kf_in_words(floating, kf_json_str(node, "function", ""));
        if (has_ellipsis(json_object_get(json_object_get(node, "kwargs"), "slice_spec")) ||
            !fit_first(trace, node, floats) || !fit_keys(trace, node))
            return false;
    }
    return true;
}
