/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../ops/ops.h"
#include "down_ops.h"
#include <math.h>
#include <string.h>

/* Operations that are more than a function with the same arguments. */

#define DECIMALS_MAX 30

static int no_memory(struct kf_down_op *op)
{
    return kf_adapt_no_memory(op->ops->adapt, op->layer->path);
}

int kf_down_set_first(struct kf_down_op *op, json_t *first)
{
    if (!first)
        return no_memory(op);
    json_decref(op->first);
    op->first = first;
    return 0;
}

int kf_down_set(struct kf_down_op *op, const char *parameter, json_t *value)
{
    return kf_json_set(op->kwargs, parameter, value, op->ops->adapt->rep);
}

int kf_down_before(struct kf_down_op *op, const char *function, json_t *kwargs)
{
    json_t *first = op->first;

    op->first = NULL;
    return kf_down_function(op, function, first, kwargs, &op->first);
}

int kf_down_form_plain(struct kf_down_op *op)
{
    (void)op;
    return 0;
}

/* Keras 3 takes no axis as all of them, flattened, or several; TensorFlow takes one. */
int kf_down_form_one_axis(struct kf_down_op *op)
{
    const json_t *axis = json_object_get(op->kwargs, "axis");

    return json_is_integer(axis) ? 0 : kf_down_refuse(op, "TensorFlow takes one axis for it");
}

/* Along no axis, all of it. */
int kf_down_form_running(struct kf_down_op *op)
{
    if (json_object_get(op->kwargs, "axis"))
        return kf_down_form_one_axis(op);
    KF_TRY(kf_down_before(op, "reshape", json_pack("{s:[i]}", "shape", -1)));
    return kf_down_set(op, "axis", json_integer(0));
}

/* TensorFlow takes the axis away. */
int kf_down_form_argmax(struct kf_down_op *op)
{
    json_t *axis = json_incref(json_object_get(op->kwargs, "axis"));
    bool keep = kf_json_bool(op->kwargs, "keepdims", false);
    int r = kf_down_form_running(op);

    if (r >= 0 && keep && !axis)
        kf_down_refuse(op, "TensorFlow takes one axis for it");
    json_object_del(op->kwargs, "keepdims");
    if (r >= 0 && !op->why)
        r = kf_down_set(op, "output_type", json_string("int32"));
    if (r >= 0 && !op->why && keep) {
        r = kf_down_before(op, op->function, json_incref(op->kwargs));
        json_decref(op->kwargs);
        op->kwargs = json_pack("{s:O}", "axis", axis);
        op->function = "expand_dims";
    }
    json_decref(axis);
    return r;
}

/* The largest, or the smallest, of a tensor and a number. */
int kf_down_form_from(struct kf_down_op *op)
{
    json_t *initial = json_incref(json_object_get(op->kwargs, "initial"));

    if (!initial)
        return 0;
    json_object_del(op->kwargs, "initial");
    KF_TRY(kf_down_before(op, op->function, json_incref(op->kwargs)));
    json_decref(op->kwargs);
    op->kwargs = json_object();
    op->function =
        strcmp(op->row->function, "math.reduce_max") == 0 ? "math.maximum" : "math.minimum";
    return kf_down_set(op, "y", initial);
}

int kf_down_form_round(struct kf_down_op *op)
{
    json_int_t decimals = kf_json_int(op->kwargs, "decimals", 0);
    double factor = pow(10, (double)decimals);

    if (decimals < -DECIMALS_MAX || decimals > DECIMALS_MAX)
        return kf_down_refuse(op, "it rounds to more decimals than a float has");
    json_object_clear(op->kwargs);
    if (factor > 1 || factor < 1) {
        KF_TRY(kf_down_before(op, "math.multiply", json_pack("{s:f}", "y", factor)));
        KF_TRY(kf_down_before(op, "math.round", json_object()));
        op->function = "math.truediv";
        KF_TRY(kf_down_set(op, "y", json_real(factor)));
    }
    return 0;
}

/* Functions that make tensors of their constants as NumPy would, in dtypes of 64 bits. */
int kf_down_form_tensors(struct kf_down_op *op)
{
    struct kf_ref ref;

    return kf_ref_get(op->first, &ref) && kf_ref_get(json_object_get(op->kwargs, "x2"), &ref)
               ? 0
               : kf_down_refuse(op, "it is called with what is no tensor");
}

int kf_down_form_fliplr(struct kf_down_op *op)
{
    return kf_down_set(op, "axis", json_pack("[i]", 1));
}

int kf_down_form_flipud(struct kf_down_op *op)
{
    return kf_down_set(op, "axis", json_pack("[i]", 0));
}

int kf_down_form_ravel(struct kf_down_op *op)
{
    return kf_down_set(op, "shape", json_pack("[i]", -1));
}

/* Keras 3 takes any number for a truth value. */
int kf_down_form_truths(struct kf_down_op *op)
{
    enum kf_dtype dtype = kf_down_dtype(op->ops, op->first);
    json_t *other = json_object_get(op->kwargs, "y"), *made = NULL;
    struct kf_ref ref;

    if (!kf_ref_get(op->first, &ref))
        return kf_down_refuse(op, "it is called with a number for a truth value");
    if (dtype != KF_DTYPE_BOOL) {
        KF_TRY(kf_down_function(op, "cast", json_incref(op->first),
                                json_pack("{s:s}", "dtype", "bool"), &made));
        KF_TRY(kf_down_set_first(op, made));
    }
    if (!other || kf_down_dtype(op->ops, other) == KF_DTYPE_BOOL || json_is_boolean(other))
        return 0;
    if (!kf_ref_get(other, &ref))
        return kf_down_refuse(op, "it is called with a number for a truth value");
    KF_TRY(kf_down_function(op, "cast", json_incref(other), json_pack("{s:s}", "dtype", "bool"),
                            &made));
    return kf_down_set(op, "y", made);
}

/* A missing `approximate` is true in Keras 3 and false in TensorFlow. */
int kf_down_form_gelu(struct kf_down_op *op)
{
    return json_object_get(op->kwargs, "approximate") ? 0
                                                      : kf_down_set(op, "approximate", json_true());
}

/* Keras 3 keeps the ends in a list of places where it cuts; TensorFlow takes the sizes. */
int kf_down_form_split(struct kf_down_op *op)
{
    json_t *at = json_object_get(op->kwargs, "num_or_size_splits"), *one;
    json_auto_t *sizes = NULL;
    json_int_t last = 0;
    size_t i;

    KF_TRY(kf_down_form_one_axis(op));
    if (op->why || json_is_integer(at))
        return 0;
    sizes = json_array();
    json_array_foreach(at, i, one)
    {
        if (!json_is_integer(one) || json_integer_value(one) < last)
            return kf_down_refuse(op, "it is not cut in rising order");
        KF_TRY(kf_json_append(sizes, json_integer(json_integer_value(one) - last),
                              op->ops->adapt->rep));
        last = json_integer_value(one);
    }
    KF_TRY(kf_json_append(sizes, json_integer(-1), op->ops->adapt->rep));
    return kf_down_set(op, "num_or_size_splits", json_incref(sizes));
}

/* A size that is not known is -1. */
int kf_down_form_reshape(struct kf_down_op *op)
{
    json_t *shape = json_object_get(op->kwargs, "shape"), *one;
    size_t i, n_free = 0;

    json_array_foreach(shape, i, one)
    {
        n_free += json_is_null(one) || json_integer_value(one) == -1;
        if (json_is_null(one))
            KF_TRY(kf_json_set_at(shape, i, json_integer(-1), op->ops->adapt->rep));
    }
    return n_free < 2 && shape ? 0 : kf_down_refuse(op, "more than one size is not known");
}

int kf_down_form_one_hot(struct kf_down_op *op)
{
    const char *dtype = kf_json_str(op->kwargs, "dtype", NULL);
    json_t *made = NULL;

    if (!dtype)
        KF_TRY(kf_down_set(op, "dtype", json_string("float32")));
    if (!kf_down_is_floating(kf_down_dtype(op->ops, op->first)))
        return 0;
    KF_TRY(kf_down_function(op, "cast", json_incref(op->first),
                            json_pack("{s:s}", "dtype", "int64"), &made));
    return kf_down_set_first(op, made);
}

/* The condition is a truth value in TensorFlow. */
int kf_down_form_where(struct kf_down_op *op)
{
    json_t *made = NULL;

    if (!json_object_get(op->kwargs, "x") || !json_object_get(op->kwargs, "y"))
        return kf_down_refuse(op, "it looks for what is not zero");
    if (kf_down_dtype(op->ops, op->first) == KF_DTYPE_BOOL)
        return 0;
    KF_TRY(kf_down_function(op, "cast", json_incref(op->first), json_pack("{s:s}", "dtype", "bool"),
                            &made));
    return kf_down_set_first(op, made);
}

int kf_down_form_pad(struct kf_down_op *op)
{
    const char *mode = kf_json_str(op->kwargs, "mode", "constant");
    char upper[16] = "";

    if (!kf_in_words("constant reflect symmetric", mode))
        return kf_down_refuse(op, "TensorFlow does not pad so");
    for (size_t i = 0; mode[i]; i++)
        upper[i] = (char)(mode[i] - 'a' + 'A');
    return kf_down_set(op, "mode", json_string(upper));
}

/* x * rsqrt(max(sum(x * x), epsilon^2)) in both; or by the sum of absolute values. */
int kf_down_form_normalize(struct kf_down_op *op)
{
    const json_t *given = json_object_get(op->kwargs, "epsilon");
    json_int_t order = kf_json_int(op->kwargs, "order", 2);
    double epsilon = given ? json_number_value(given) : 1e-7;

    json_object_del(op->kwargs, "order");
    if (order == 1)
        return kf_down_recipe(op, "Normalize of 1");
    return order == 2 ? kf_down_set(op, "epsilon", json_real(epsilon * epsilon))
                      : kf_down_refuse(op, "no few functions compute a norm of this order");
}
