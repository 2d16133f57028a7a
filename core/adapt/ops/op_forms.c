/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "ops.h"

/* Functions that are several operations of Keras 3: the layer becomes the last one of them. */

static int no_memory(struct kf_op *op)
{
    return kf_adapt_no_memory(op->ops->adapt, op->layer->path);
}

/* A copy of an argument: each ref in a graph is an object of its own. */
static json_t *argument(const struct kf_op *op, size_t index)
{
    return json_deep_copy(json_array_get(op->args, index));
}

/* Set what the layer itself is called with; takes `args`. */
static int set_args(struct kf_op *op, json_t *args)
{
    if (!args)
        return no_memory(op);
    json_decref(op->args);
    op->args = args;
    return 0;
}

static int set_config(struct kf_op *op, json_t *config)
{
    if (!config)
        return no_memory(op);
    json_decref(op->config);
    op->config = config;
    return 0;
}

int kf_op_form_plain(struct kf_op *op)
{
    (void)op;
    return 0;
}

/* Of one tensor it is that tensor, of more they are added one by one. */
int kf_op_form_add_n(struct kf_op *op)
{
    json_t *list = json_array_get(op->args, 0), *sum = json_deep_copy(json_array_get(list, 0));
    size_t n = json_array_size(list);

    if (n < 2) {
        op->target = "numpy.Copy";
        return n ? set_args(op, json_pack("[o]", sum)) : kf_op_refuse(op, "it adds nothing");
    }
    for (size_t i = 1; i + 1 < n; i++) {
        json_t *args = json_pack("[o, o]", sum, json_deep_copy(json_array_get(list, i)));

        KF_TRY(kf_op_node(op, "numpy.Add", json_object(), args, &sum));
    }
    return set_args(op, json_pack("[o, o]", sum, json_deep_copy(json_array_get(list, n - 1))));
}

int kf_op_form_squared_difference(struct kf_op *op)
{
    json_t *difference = NULL;

    KF_TRY(kf_op_node(op, "numpy.Subtract", json_object(), json_incref(op->args), &difference));
    return set_args(op, json_pack("[o]", difference));
}

/* Bounds that are numbers stand in the config; others are tensors like any. */
int kf_op_form_clip(struct kf_op *op)
{
    json_t *low = json_array_get(op->args, 1), *high = json_array_get(op->args, 2), *below = NULL;

    if (!json_is_object(low) && !json_is_object(high)) {
        KF_TRY(set_config(op, json_pack("{s:O, s:O}", "x_min", low, "x_max", high)));
        return set_args(op, json_pack("[o]", argument(op, 0)));
    }
    KF_TRY(kf_op_node(op, "numpy.Minimum", json_object(),
                      json_pack("[o, o]", argument(op, 0), argument(op, 2)), &below));
    op->target = "numpy.Maximum";
    return set_args(op, json_pack("[o, o]", below, argument(op, 1)));
}

static bool has_negative(const json_t *list)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one) if (json_integer_value(one) < 0) return true;
    return false;
}

/*
 * Before 3.12 the shape of a reduction goes wrong with several axes of which one is counted from
 * the end, and Logsumexp takes only a list.
 *
 * Source: keras/src/ops/operation_utils.py, reduce_shape (3.11.3, 3.12.1)
 */
int kf_op_form_reduce(struct kf_op *op)
{
    json_t *axis = json_object_get(op->config, "axis");

    if (op->ops->adapt->since >= 312)
        return 0;
    if (json_array_size(axis) > 1 && has_negative(axis) &&
        !kf_json_bool(op->config, "keepdims", false))
        return kf_op_refuse(op, "before 3.12 Keras takes no several axes of which one is negative");
    if (!json_is_integer(axis))
        return 0;
    return kf_json_set(op->config, "axis", json_pack("[O]", axis), op->ops->adapt->rep);
}

/* The sum of the squares along the config's axis. */
static int squares(struct kf_op *op, json_t *keepdims, json_t **out)
{
    json_t *axis = json_object_get(op->config, "axis"), *square = NULL;

    KF_TRY(
        kf_op_node(op, "numpy.Square", json_object(), json_pack("[o]", argument(op, 0)), &square));
    return kf_op_node(op, "numpy.Sum", json_pack("{s:O, s:O}", "axis", axis, "keepdims", keepdims),
                      json_pack("[o]", square), out);
}

/*
 * x * rsqrt(max(sum(x * x), epsilon)), as TensorFlow computes it; Keras's Normalize has the
 * epsilon elsewhere, and none before 3.6.
 */
int kf_op_form_l2_normalize(struct kf_op *op)
{
    json_t *epsilon = json_object_get(op->config, "epsilon"), *at = NULL;

    KF_TRY(squares(op, json_true(), &at));
    KF_TRY(kf_op_node(op, "numpy.Maximum", json_object(), json_pack("[o, O]", at, epsilon), &at));
    KF_TRY(kf_op_node(op, "math.Rsqrt", json_object(), json_pack("[o]", at), &at));
    KF_TRY(set_args(op, json_pack("[o, o]", argument(op, 0), at)));
    return set_config(op, json_object());
}

int kf_op_form_norm(struct kf_op *op)
{
    json_t *sum = NULL;

    KF_TRY(kf_op_form_reduce(op));
    if (op->why)
        return 0;
    KF_TRY(squares(op, json_object_get(op->config, "keepdims"), &sum));
    KF_TRY(set_args(op, json_pack("[o]", sum)));
    return set_config(op, json_object());
}

/* Exchange the last two axes of an argument. */
static int swap_axes(struct kf_op *op, size_t index)
{
    json_t *value = json_array_get(op->args, index), *swapped = NULL;
    struct kf_ref ref;

    if (!kf_ref_get(value, &ref))
        return kf_op_refuse(op, "a constant is transposed");
    KF_TRY(kf_op_node(op, "numpy.Swapaxes", json_pack("{s:i, s:i}", "axis1", -1, "axis2", -2),
                      json_pack("[o]", argument(op, index)), &swapped));
    if (index == 1) /* the product begins as the first one does, if the second has the batch too */
        op->ops->states[op->ops->n_states - 1].batched =
            ref.layer < op->ops->n_states && op->ops->states[ref.layer].batched;
    return kf_json_set_at(op->args, index, swapped, op->ops->adapt->rep);
}

int kf_op_form_matmul(struct kf_op *op)
{
    const json_t *config = op->config;

    if (kf_json_bool(config, "transpose_a", false) || kf_json_bool(config, "adjoint_a", false))
        KF_TRY(swap_axes(op, 0));
    if (kf_json_bool(config, "transpose_b", false) || kf_json_bool(config, "adjoint_b", false))
        KF_TRY(swap_axes(op, 1));
    return set_config(op, json_object());
}

/* zeros_like and ones_like: another dtype than the tensor's is cast to. */
int kf_op_form_like(struct kf_op *op)
{
    const char *dtype = kf_json_str(op->config, "dtype", NULL);
    json_t *made = NULL;

    if (!dtype || kf_op_dtype_named(dtype) == op->dtype)
        return set_config(op, json_object());
    KF_TRY(kf_op_node(op, op->target, json_object(), json_incref(op->args), &made));
    op->target = "core.Cast";
    return set_args(op, json_pack("[o]", made));
}
