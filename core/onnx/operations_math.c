/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "activations.h"
#include "operation.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Operations that compute. */

void kf_onnx_form_op_activation(struct kf_onnx_call *call)
{
    bool moved, known;
    struct kf_onnx_tensor *x = kf_onnx_operand_either(call, &moved);
    int axis = x && x->rank ? kf_onnx_operand_axis(call, x, "axis", -1) : 0;

    if (x && moved)
        axis = kf_onnx_moved_axis(axis, x->rank);
    if (x && axis >= 0)
        kf_onnx_give_as(call, kf_onnx_activation(call->onnx, call->op, x, axis, &known), moved);
}

void kf_onnx_form_op_gelu(struct kf_onnx_call *call)
{
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_operand_either_real(call, &moved);

    kf_onnx_give_as(
        call, kf_onnx_gelu(call->onnx, x, kf_json_bool(call->layer->config, "approximate", true)),
        moved);
}

void kf_onnx_form_op_sloped(struct kf_onnx_call *call)
{
    double slope = kf_onnx_operand_number(call, "alpha", 1);
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_operand_either_real(call, &moved);

    if (strcmp(call->op, "LeakyRelu") == 0)
        slope = kf_onnx_operand_number(call, "negative_slope", 0.2);
    kf_onnx_give_as(call, kf_onnx_unary_with(call->onnx, call->op, x, "alpha", slope), moved);
}

void kf_onnx_form_op_along(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call);
    json_t *given = kf_onnx_operand_json(call, "axis");
    int axis;

    if (!x)
        return;
    if (given && !json_is_integer(given)) {
        kf_onnx_refuse(call, "it goes along more than one axis");
        return;
    }
    axis = kf_onnx_axis(call->onnx, x, given ? json_integer_value(given) : -1);
    if (axis >= 0)
        kf_onnx_give(call, kf_onnx_along(call->onnx, call->op, x, axis));
}

void kf_onnx_form_op_square(struct kf_onnx_call *call)
{
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_operand_either(call, &moved);

    kf_onnx_give_as(call, kf_onnx_binary(call->onnx, "Mul", x, x), moved);
}

/* Two operators, one after the other. */
void kf_onnx_form_op_two(struct kf_onnx_call *call)
{
    const char *second = strchr(call->op, ' ');
    const char *first =
        second ? kf_arena_strndup(call->onnx->arena, call->op, (size_t)(second - call->op)) : NULL;
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_operand_either_real(call, &moved);

    if (!first)
        kf_onnx_no_memory(call->onnx);
    else
        kf_onnx_give_as(call,
                        kf_onnx_unary(call->onnx, second + 1, kf_onnx_unary(call->onnx, first, x)),
                        moved);
}

/* To the base 2 or 10; "1" is the logarithm of what is 1 larger. */
void kf_onnx_form_op_log(struct kf_onnx_call *call)
{
    double base = strtod(call->op, NULL);
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call);

    if (base < 2)
        x = kf_onnx_unary(call->onnx, "Log", kf_onnx_binary_with(call->onnx, "Add", x, 1));
    else
        x = kf_onnx_binary_with(call->onnx, "Div", kf_onnx_unary(call->onnx, "Log", x), log(base));
    kf_onnx_give(call, x);
}

void kf_onnx_form_op_expm1(struct kf_onnx_call *call)
{
    kf_onnx_give(
        call, kf_onnx_binary_with(call->onnx, "Sub",
                                  kf_onnx_unary(call->onnx, "Exp", kf_onnx_operand_real(call)), 1));
}

void kf_onnx_form_op_power(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x[2];
    bool moved;

    if (kf_onnx_operand_pair_either(call, x, &moved))
        kf_onnx_give_as(call, kf_onnx_binary(call->onnx, "Pow", x[0], x[1]), moved);
}

/* What is left over, with the sign of the divisor. */
static struct kf_onnx_tensor *rest(struct kf_onnx *onnx, struct kf_onnx_tensor **x)
{
    struct kf_onnx_tensor *whole;

    if (!kf_number_is_float(x[0]->dtype))
        return kf_onnx_binary(onnx, "Mod", x[0], x[1]);
    whole = kf_onnx_unary(onnx, "Floor", kf_onnx_binary(onnx, "Div", x[0], x[1]));
    return kf_onnx_binary(onnx, "Sub", x[0], kf_onnx_binary(onnx, "Mul", whole, x[1]));
}

void kf_onnx_form_op_mod(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x[2];

    if (kf_onnx_operand_pair(call, x))
        kf_onnx_give(call, rest(call->onnx, x));
}

void kf_onnx_form_op_floor_divide(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2], *y;

    if (!kf_onnx_operand_pair(call, x))
        return;
    if (kf_number_is_float(x[0]->dtype))
        y = kf_onnx_unary(onnx, "Floor", kf_onnx_binary(onnx, "Div", x[0], x[1]));
    else
        y = kf_onnx_binary(onnx, "Div", kf_onnx_binary(onnx, "Sub", x[0], rest(onnx, x)), x[1]);
    kf_onnx_give(call, y);
}

void kf_onnx_form_op_round(struct kf_onnx_call *call)
{
    double factor = pow(10, kf_onnx_operand_number(call, "decimals", 0));
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    bool scaled = factor < 1 || factor > 1;

    if (!x || !kf_number_is_float(x->dtype)) {
        if (x)
            kf_onnx_refuse(call, "it rounds whole numbers");
        return;
    }
    if (scaled)
        x = kf_onnx_binary_with(call->onnx, "Mul", x, factor);
    x = kf_onnx_unary(call->onnx, "Round", x);
    kf_onnx_give(call, scaled ? kf_onnx_binary_with(call->onnx, "Div", x, factor) : x);
}

/* Both bounds broadcast, so they may be tensors. */
void kf_onnx_form_op_clip(struct kf_onnx_call *call)
{
    json_t *values[3] = {kf_onnx_operand_json(call, "x"), kf_onnx_operand_json(call, "x_min"),
                         kf_onnx_operand_json(call, "x_max")};
    struct kf_onnx_tensor *x[3];
    bool moved;

    if (values[0] && values[1] && values[2] && kf_onnx_operands_either(call, values, 3, x, &moved))
        kf_onnx_give_as(
            call,
            kf_onnx_binary(call->onnx, "Min", kf_onnx_binary(call->onnx, "Max", x[0], x[1]), x[2]),
            moved);
}

void kf_onnx_form_op_full_like(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    enum kf_dtype dtype = kf_onnx_dtype_named(kf_json_str(call->layer->config, "dtype", NULL));
    struct kf_onnx_tensor *value;

    if (!x)
        return;
    dtype = dtype == KF_DTYPE_NONE ? x->dtype : dtype;
    value = kf_onnx_operand(call, kf_onnx_operand_json(call, "fill_value"), dtype);
    kf_onnx_give(call, kf_onnx_expand(onnx, kf_onnx_cast(onnx, value, dtype),
                                      kf_onnx_shape(onnx, x), x->dims, x->rank));
}

void kf_onnx_form_op_test(struct kf_onnx_call *call)
{
    kf_onnx_give(call, kf_onnx_test(call->onnx, call->op, kf_onnx_operand_real(call)));
}

void kf_onnx_form_op_variance(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call), *mean;
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;

    if (!x || !n)
        return;
    mean = kf_onnx_reduce(onnx, "ReduceMean", x, axes, n, true);
    x = kf_onnx_binary(onnx, "Sub", x, mean);
    x = kf_onnx_reduce(onnx, "ReduceMean", kf_onnx_binary(onnx, "Mul", x, x), axes, n,
                       kf_json_bool(call->layer->config, "keepdims", false));
    kf_onnx_give(call, *call->op ? kf_onnx_unary(onnx, call->op, x) : x);
}

/* The place of the largest or smallest, as int32. */
void kf_onnx_form_op_arg(struct kf_onnx_call *call)
{
    static const int64_t flat = -1;
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    json_t *given = kf_onnx_operand_json(call, "axis");
    bool keep = kf_json_bool(call->layer->config, "keepdims", false);
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;
    unsigned rank = 0;
    int axis;

    if (!given)
        x = kf_onnx_reshape(onnx, x, &flat, 1);
    axis = x ? kf_onnx_axis(onnx, x, given ? json_integer_value(given) : 0) : -1;
    if (axis < 0)
        return;
    if (keep && !given) {
        kf_onnx_refuse(call, "it keeps all axes");
        return;
    }
    node = kf_onnx_node_new(onnx, call->op, &x, 1);
    kf_onnx_set_int(onnx, node, "axis", axis);
    kf_onnx_set_int(onnx, node, "keepdims", keep);
    for (unsigned i = 0; i < x->rank; i++)
        if ((int)i != axis || keep)
            dims[rank++] = (int)i == axis ? 1 : x->dims[i];
    kf_onnx_give(call, kf_onnx_cast(onnx, kf_onnx_output(onnx, node, KF_DTYPE_INT64, rank, dims),
                                    KF_DTYPE_INT32));
}

void kf_onnx_form_op_cumsum(struct kf_onnx_call *call)
{
    static const int64_t flat = -1;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    json_t *given = kf_onnx_operand_json(call, "axis");
    int axis;

    if (!given)
        x = kf_onnx_reshape(call->onnx, x, &flat, 1);
    axis = x ? kf_onnx_axis(call->onnx, x, given ? json_integer_value(given) : 0) : -1;
    if (axis >= 0)
        kf_onnx_give(call, kf_onnx_cumsum(call->onnx, x, axis, false));
}

void kf_onnx_form_op_top_k(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *in[2], *values, *places;
    int64_t k = (int64_t)kf_onnx_operand_number(call, "k", 1), dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;

    if (!x || !x->rank || k < 1)
        return;
    in[0] = x;
    in[1] = kf_onnx_list(onnx, &k, 1);
    node = kf_onnx_node_new(onnx, "TopK", in, 2);
    memcpy(dims, x->dims, sizeof(dims));
    dims[x->rank - 1] = k;
    values = kf_onnx_output(onnx, node, x->dtype, x->rank, dims);
    places = kf_onnx_output(onnx, node, KF_DTYPE_INT64, x->rank, dims);
    kf_onnx_give(call, values);
    kf_onnx_give(call, kf_onnx_cast(onnx, places, KF_DTYPE_INT32));
}

/* Where a number is its own place: one, else zero. */
void kf_onnx_form_op_one_hot(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t n = (int64_t)kf_onnx_operand_number(call, "num_classes", 0);
    enum kf_dtype dtype = kf_onnx_dtype_named(kf_json_str(call->layer->config, "dtype", "float32"));
    json_t *axis = kf_onnx_operand_json(call, "axis");

    if (!x || n < 1 || n > 1000000 || dtype == KF_DTYPE_NONE ||
        kf_json_bool(call->layer->config, "sparse", false) ||
        (axis && json_integer_value(axis) != -1 && json_integer_value(axis) != (int)x->rank)) {
        kf_onnx_refuse(call, "its axis is not the last one, or it is sparse");
        return;
    }
    kf_onnx_give(call, kf_onnx_cast(onnx, kf_onnx_hot(onnx, x, n), dtype));
}

/* The equation stands in the config, the tensors are all arguments. */
void kf_onnx_form_op_einsum(struct kf_onnx_call *call)
{
    json_t *values[2] = {json_array_get(call->args, 0), json_array_get(call->args, 1)};
    const char *equation = kf_json_str(call->layer->config, "subscripts", "");
    struct kf_onnx_tensor *x[2];

    if (json_array_size(call->args) == 1 && json_is_array(values[0]) &&
        !kf_onnx_is_tensor(values[0])) {
        values[1] = json_array_get(values[0], 1);
        values[0] = json_array_get(values[0], 0);
    }
    if (!values[0] || !values[1])
        kf_onnx_refuse(call, "it does not take two tensors");
    else if (kf_onnx_operands(call, values, 2, x))
        kf_onnx_give(call, kf_onnx_einsum(call, equation, x[0], x[1]));
}
