/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/rewrite.h"
#include "tfjs.h"
#include <string.h>

#define LEAST_VARIANCE 1e-14 /* the square of the least deviation that Normalization divides by */
#define LEAKY_SLOPE    0.2   /* of tf.nn.leaky_relu, which is what Keras takes for the word */

enum operation { JOIN, SHIFT, SCALE, ACTIVATION };

static const struct operation_row {
    const char *function;
    enum operation form;
    const char *word, *name;
} operations[] = {
#define KF_TFJS_OPERATION(function, form, word)                                                    \
    {function, form, word, "tfjs-operation:" #form ":" function},
#include "tfjs.def"
};

static json_t *rescaling(double scale, double offset)
{
    return json_pack("{s:f, s:f}", "scale", scale, "offset", offset);
}

int kf_tfjs_form_renamed(struct kf_instead *one)
{
    return kf_instead_rename(one, one->word);
}

/* a - b as a + -b. */
int kf_tfjs_form_subtract(struct kf_instead *one)
{
    struct kf_layer *layer = one->layer;

    for (size_t k = 0; k < layer->n_calls; k++)
        if (json_array_size(json_array_get(layer->calls[k].args, 0)) != 2)
            return 0;
    for (size_t k = 0; k < layer->n_calls; k++) {
        json_t *pair = json_array_get(layer->calls[k].args, 0), *negative = NULL;

        KF_TRY(kf_instead_call(one, "negative", "Rescaling", rescaling(-1, 0),
                               json_pack("[O]", json_array_get(pair, 1)), &negative));
        KF_TRY(kf_json_set_at(pair, 1, negative, one->adapt->rep));
    }
    return kf_instead_rename(one, "Add");
}

static const struct operation_row *row_of(const struct kf_layer *layer, bool constant, bool alone)
{
    const char *function = kf_json_str(layer->config, "function", "");

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        enum operation form = operations[i].form;

        if (strcmp(operations[i].function, function) == 0 && alone == (form == ACTIVATION) &&
            (alone || constant == (form != JOIN)))
            return &operations[i];
    }
    return NULL;
}

bool kf_tfjs_keeps_shape(const struct kf_layer *layer)
{
    const json_t *y = layer->n_calls ? json_object_get(layer->calls[0].kwargs, "y") : NULL;

    return kf_streq(layer->class_name, "TFOpLambda") && row_of(layer, json_is_number(y), !y);
}

/* Shapes that TensorFlow.js lays over each other as TensorFlow does. */
static bool are_alike(const struct kf_shape *a, const struct kf_shape *b)
{
    bool same = a->rank > 1 && a->rank == b->rank;

    for (size_t i = 1; same && i < a->rank; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

static json_t *config_for(const struct operation_row *row, double number)
{
    switch (row->form) {
    case JOIN:
        return json_object();
    case SHIFT:
        return rescaling(1, *row->word ? -number : number);
    case SCALE:
        return rescaling(*row->word ? 1 / number : number, 0);
    default:
        return json_pack("{s:s}", "activation", row->word);
    }
}

int kf_tfjs_form_operation(struct kf_instead *one)
{
    static const char *const classes[] = {
        [SHIFT] = "Rescaling", [SCALE] = "Rescaling", [ACTIVATION] = "Activation"};
    struct kf_call *call = one->layer->n_calls == 1 ? &one->layer->calls[0] : NULL;
    json_t *x = call ? json_array_get(call->args, 0) : NULL;
    json_t *y = call ? json_object_get(call->kwargs, "y") : NULL;
    const struct operation_row *row;
    struct kf_ref ref;

    row = row_of(one->layer, json_is_number(y), !y);
    if (!row || !kf_ref_get(x, &ref) || !kf_instead_is_float32(one) || one->whole || one->masks ||
        json_array_size(call->args) != 1 || !kf_instead_is_bare(one, "y name"))
        return 0;
    if (row->form == JOIN) {
        if (!kf_ref_get(y, &ref) || !are_alike(&one->in[0], &one->in[1]))
            return 0;
        KF_TRY(kf_json_set_at(call->args, 0, json_pack("[O, O]", x, y), one->adapt->rep));
    }
    if (row->form == SCALE && *row->word && json_number_value(y) == 0)
        return 0;
    kf_report_rule(one->adapt->rep, row->name);
    KF_TRY(kf_instead_become(one, row->form == JOIN ? row->word : classes[row->form],
                             config_for(row, json_number_value(y))));
    json_object_clear(call->kwargs);
    return 0;
}

/* An activation that is a layer there. */
int kf_tfjs_form_activation(struct kf_instead *one)
{
    json_t *value = json_object_get(one->layer->config, "activation");
    const char *class_name = kf_json_str(value, "class_name", "LeakyReLU");
    json_t *config = NULL;

    if (kf_streq(json_string_value(value), "leaky_relu"))
        config = json_pack("{s:f}", "alpha", LEAKY_SLOPE);
    else if (json_is_object(json_object_get(value, "config")) &&
             kf_in_words("ELU LeakyReLU ReLU Softmax", class_name))
        config = json_deep_copy(json_object_get(value, "config"));
    else
        return 0;
    class_name = kf_streq(class_name, "ELU")       ? "ELU"
                 : kf_streq(class_name, "ReLU")    ? "ReLU"
                 : kf_streq(class_name, "Softmax") ? "Softmax"
                                                   : "LeakyReLU";
    KF_TRY(kf_json_set(one->layer->config, "activation", json_string("linear"), one->adapt->rep));
    return kf_instead_behind(one, class_name, config);
}

static struct kf_tensor *find_tensor(const struct kf_layer *layer, const char *name)
{
    struct kf_tensor *tensor = kf_layer_tensor(layer, name);

    return tensor && tensor->payload ? tensor : NULL;
}

/* Whether an axis, which may stand in a list, is the last. */
static bool is_last(const struct kf_instead *one, const json_t *axis)
{
    json_int_t value;

    if (json_array_size(axis) == 1)
        axis = json_array_get(axis, 0);
    value = json_is_integer(axis) ? json_integer_value(axis) : 0;
    return value == -1 || (value > 0 && value == (json_int_t)one->in[0].rank - 1);
}

/* (x - mean) / max(sqrt(variance), 1e-7) */
int kf_tfjs_form_normalization(struct kf_instead *one)
{
    struct kf_layer *layer = one->layer;
    struct kf_tensor *mean = find_tensor(layer, "mean"), *variance = find_tensor(layer, "variance");
    struct kf_tensor *tensors = kf_arena_alloc(one->adapt->model->arena, 2 * sizeof(*tensors));
    bool fits = true;

    if (!mean || !variance || mean->payload->rank != 1 || variance->payload->rank != 1 ||
        one->whole || one->masks || !kf_instead_is_float32(one) ||
        !is_last(one, json_object_get(layer->config, "axis")) ||
        kf_json_bool(layer->config, "invert", false) || one->in[0].rank < 2 || one->in[0].rank > 4)
        return 0;
    if (!tensors)
        return kf_adapt_no_memory(one->adapt, layer->path);
    tensors[0] = *mean;
    tensors[1] = *variance;
    tensors[0].variable = "moving_mean";
    tensors[1].variable = "moving_variance";
    layer->tensors = tensors;
    layer->n_tensors = 2;
    KF_TRY(kf_instead_take(
        one, &tensors[1],
        kf_rewrite_at_least(one->adapt->model->arena, tensors[1].payload, LEAST_VARIANCE, &fits),
        fits, "at least 1e-14"));
    return kf_instead_become(one, "BatchNormalization",
                             json_pack("{s:i, s:f, s:f, s:b, s:b}", "axis", -1, "momentum", 0.99,
                                       "epsilon", 0.0, "center", false, "scale", false));
}

/* "...a,ab->...b": the last axis of what comes in, and the last of what goes out. */
static bool is_dense(const char *equation)
{
    const char *comma = strchr(equation, ','), *arrow = strstr(equation, "->");
    size_t n = comma ? (size_t)(comma - equation) : 0;

    return n > 1 && arrow == comma + 3 && equation[n - 1] == comma[1] && comma[1] != comma[2] &&
           strlen(arrow + 2) == n && strncmp(arrow + 2, equation, n - 1) == 0 &&
           arrow[2 + n - 1] == comma[2] && !memchr(equation, comma[2], n);
}

int kf_tfjs_form_einsum(struct kf_instead *one)
{
    struct kf_layer *layer = one->layer;
    const char *equation = kf_json_str(layer->config, "equation", "");
    const char *bias = kf_json_str(layer->config, "bias_axes", NULL);
    const struct kf_tensor *kernel = find_tensor(layer, "kernel");
    const struct kf_tensor *added = find_tensor(layer, "bias");
    json_t *activation = json_object_get(layer->config, "activation");

    if (!kernel || kernel->payload->rank != 2 || !is_dense(equation) ||
        !kf_instead_is_float32(one) || one->masks ||
        (bias && (bias[0] != equation[strlen(equation) - 1] || bias[1])) ||
        (added && added->payload->rank != 1) || !added != !bias)
        return 0;
    return kf_instead_become(
        one, "Dense",
        json_pack("{s:I, s:b, s:O}", "units", (json_int_t)kernel->payload->dims[1], "use_bias",
                  bias != NULL, "activation", activation ? activation : json_null()));
}
