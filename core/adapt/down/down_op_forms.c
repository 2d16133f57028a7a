/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "down_ops.h"
#include <string.h>

/* Operations that are more than a function with the same arguments. */

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

int kf_down_form_argmax(struct kf_down_op *op)
{
    KF_TRY(kf_down_form_one_axis(op));
    return op->why ? 0 : kf_down_set(op, "output_type", json_string("int32"));
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

static bool is_slice(const json_t *value)
{
    return strcmp(kf_json_str(value, "class_name", ""), "__slice__") == 0;
}

static bool has_ellipsis(const json_t *key)
{
    const json_t *one;
    size_t i;

    json_array_foreach(key, i, one) if (has_ellipsis(one)) return true;
    return strcmp(kf_json_str(key, "class_name", ""), "__ellipsis__") == 0;
}

/* {"start", "stop", "step"} of {"class_name": "__slice__", "config"}; a new reference. */
static json_t *slice_of(json_t *value)
{
    const json_t *config = json_object_get(value, "config");

    if (!is_slice(value))
        return json_deep_copy(value);
    return json_pack("{s:O?, s:O?, s:O?}", "start", json_object_get(config, "start"), "stop",
                     json_object_get(config, "stop"), "step", json_object_get(config, "step"));
}

/* An entry of the subscript: a number, None, or a slice of plain numbers. */
static bool is_plain_key(const json_t *value)
{
    const json_t *config = json_object_get(value, "config");
    bool plain = true;

    if (!is_slice(value))
        return json_is_integer(value) || json_is_null(value);
    for (const char *const *key = (const char *const[]){"start", "stop", "step", NULL}; *key; key++)
        plain &= json_is_null(json_object_get(config, *key)) ||
                 json_is_integer(json_object_get(config, *key));
    return plain;
}

/* x[..., 1:3]: as tf.strided_slice says it, because a SlicingOpLambda with ... is not saved. */
static int strided_slice(struct kf_down_op *op, json_t *key)
{
    json_t *lists = json_pack("{s:[], s:[], s:[]}", "begin", "end", "strides");
    json_int_t masks[5] = {0}; /* begin, end, ellipsis, new axis, shrink */
    json_t *one;
    size_t i;

    json_array_foreach(key, i, one)
    {
        const json_t *config = json_object_get(one, "config"), *start, *stop, *step;
        json_int_t bit = (json_int_t)1 << (i & 31);

        start = is_slice(one) ? json_object_get(config, "start") : one;
        stop = is_slice(one) ? json_object_get(config, "stop") : NULL;
        step = is_slice(one) ? json_object_get(config, "step") : NULL;
        masks[0] |= is_slice(one) && !json_is_integer(start) ? bit : 0;
        masks[1] |= is_slice(one) && !json_is_integer(stop) ? bit : 0;
        masks[2] |= has_ellipsis(one) ? bit : 0;
        masks[3] |= json_is_null(one) ? bit : 0;
        masks[4] |= json_is_integer(one) ? bit : 0;
        json_array_append_new(json_object_get(lists, "begin"),
                              json_integer(json_integer_value(start)));
        json_array_append_new(json_object_get(lists, "end"),
                              json_integer(json_is_integer(one) ? json_integer_value(one) + 1
                                                                : json_integer_value(stop)));
        json_array_append_new(json_object_get(lists, "strides"),
                              json_integer(json_is_integer(step) ? json_integer_value(step) : 1));
    }
    json_decref(op->kwargs);
    op->kwargs = lists;
    op->function = "strided_slice";
    KF_TRY(kf_down_set(op, "begin_mask", json_integer(masks[0])));
    KF_TRY(kf_down_set(op, "end_mask", json_integer(masks[1])));
    KF_TRY(kf_down_set(op, "ellipsis_mask", json_integer(masks[2])));
    KF_TRY(kf_down_set(op, "new_axis_mask", json_integer(masks[3])));
    return kf_down_set(op, "shrink_axis_mask", json_integer(masks[4]));
}

int kf_down_form_getitem(struct kf_down_op *op)
{
    json_t *key = json_array_get(op->layer->calls[0].args, 1), *one, *spec;
    size_t i;

    key = key ? key : json_object_get(op->layer->calls[0].kwargs, "key");
    spec = json_is_array(key) ? json_incref(key) : json_pack("[O]", key);
    json_array_foreach(spec, i, one) if (!is_plain_key(one) && !has_ellipsis(one))
    {
        json_decref(spec);
        return kf_down_refuse(op, "it is subscripted by what is no number");
    }
    if (has_ellipsis(spec) && json_array_size(spec) < 32) {
        int r = strided_slice(op, spec);

        json_decref(spec);
        return r;
    }
    json_decref(spec);
    spec = json_array();
    json_array_foreach(key, i, one) if (spec) json_array_append_new(spec, slice_of(one));
    if (!json_is_array(key)) {
        json_decref(spec);
        spec = slice_of(key);
    }
    return kf_down_set(op, "slice_spec", spec);
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

    return dtype ? 0 : kf_down_set(op, "dtype", json_string("float32"));
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

/* "same" and "valid" are written large. */
int kf_down_form_padded(struct kf_down_op *op)
{
    const char *padding = kf_json_str(op->kwargs, "padding", "valid");

    return kf_down_set(op, "padding", json_string(strcmp(padding, "same") == 0 ? "SAME" : "VALID"));
}

int kf_down_form_pool(struct kf_down_op *op)
{
    if (!json_object_get(op->kwargs, "strides"))
        KF_TRY(kf_down_set(op, "strides", json_deep_copy(json_object_get(op->kwargs, "ksize"))));
    return kf_down_form_padded(op);
}

/* x * rsqrt(max(sum(x * x), epsilon^2)) in both. */
int kf_down_form_normalize(struct kf_down_op *op)
{
    const json_t *given = json_object_get(op->kwargs, "epsilon");
    double epsilon = given ? json_number_value(given) : 1e-7;

    return kf_down_set(op, "epsilon", json_real(epsilon * epsilon));
}
