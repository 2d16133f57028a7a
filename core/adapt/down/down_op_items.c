/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "down_ops.h"
#include <string.h>

/* What is taken out of a tensor by a subscript. */

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

static bool is_size(const json_t *value)
{
    return json_integer_value(value) > 0 && json_integer_value(value) <= INT32_MAX;
}

/* One number in lists as deep as a tensor is, for its first axis. */
static int append_deep(struct kf_down_op *op, json_t *list, json_int_t number, size_t rank)
{
    json_t *value = json_integer(number);

    while (rank--)
        value = json_pack("[o]", value);
    return kf_json_append(list, value, op->ops->adapt->rep);
}

/*
 * The last axis runs fastest, but in a tensor of more than one axis the first one does, whose
 * places then come out last. Source: backend/tensorflow/numpy.py, unravel_index (3.15.1)
 */
int kf_down_form_unravel(struct kf_down_op *op)
{
    const json_t *shape = json_object_get(op->kwargs, "shape");
    size_t rank = kf_down_rank(kf_down_argument(op, 0, "indices")), n = json_array_size(shape);
    json_auto_t *strides = json_array(), *sizes = json_array();

    if (!rank || !n || n > KF_RANK_MAX)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    for (size_t i = 0; i < n; i++)
        if (!is_size(json_array_get(shape, i)))
            return kf_down_refuse(op, "an axis of its shape is not as long as TensorFlow's may be");
    for (size_t i = 0; i < n; i++) {
        size_t at = rank == 1 ? i : n - 1 - i, from = rank == 1 ? at + 1 : 0;
        size_t end = rank == 1 ? n : at;
        json_int_t stride = 1;

        for (size_t k = from; k < end && stride <= INT32_MAX; k++)
            stride *= json_integer_value(json_array_get(shape, k));
        KF_TRY(append_deep(op, strides, stride, rank));
        KF_TRY(append_deep(op, sizes, json_integer_value(json_array_get(shape, at)), rank));
    }
    KF_TRY(kf_down_set(op, "strides", json_incref(strides)));
    KF_TRY(kf_down_set(op, "sizes", json_incref(sizes)));
    return kf_down_form_recipe(op);
}
