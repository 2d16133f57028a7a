/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../ops/ops.h"
#include "down_ops.h"
#include <string.h>

/* Operations that are one function or another by how many axes their tensors have. */

#define SIZE_MAX_SAID 65536 /* numbers that are written out in a config */

static size_t rank_of(const struct kf_down_op *op, size_t index, const char *key)
{
    return kf_down_rank(kf_down_argument(op, index, key));
}

int kf_down_set_order(struct kf_down_op *op, const size_t *order, size_t rank)
{
    json_t *perm = json_array();

    for (size_t i = 0; i < rank; i++)
        KF_TRY(kf_json_append(perm, json_integer((json_int_t)order[i]), op->ops->adapt->rep));
    return kf_down_set(op, "perm", perm);
}

/* Whether every entry of a list is an axis of the tensor, and none twice; a number is a list. */
static size_t read_axes(const json_t *list, size_t rank, size_t *out)
{
    size_t n = json_is_integer(list) ? 1 : json_array_size(list), seen = 0;

    for (size_t i = 0; i < n && i < KF_RANK_MAX; i++) {
        const json_t *one = json_is_integer(list) ? list : json_array_get(list, i);

        out[i] = json_is_integer(one) ? kf_down_axis(json_integer_value(one), rank) : rank;
        if (out[i] == rank || (seen >> out[i] & 1))
            return 0;
        seen |= (size_t)1 << out[i];
    }
    return n <= KF_RANK_MAX ? n : 0;
}

/* The order in which the axes `from` stand at the places `to`, as Keras moves them. */
static void move_axes(size_t *order, size_t rank, const size_t *from, const size_t *to, size_t n)
{
    size_t left = 0;

    for (size_t at = 0; at < rank; at++) {
        size_t moved = 0, i = 0;

        while (moved < n && to[moved] != at)
            moved++;
        if (moved < n) {
            order[at] = from[moved];
            continue;
        }
        for (bool taken = true; taken; left += taken)
            for (taken = false, i = 0; i < n; i++)
                taken |= from[i] == left;
        order[at] = left++;
    }
}

int kf_down_form_moveaxis(struct kf_down_op *op)
{
    size_t rank = rank_of(op, 0, "x"), order[KF_RANK_MAX], from[KF_RANK_MAX], to[KF_RANK_MAX];
    size_t n = read_axes(json_object_get(op->kwargs, "source"), rank, from);

    if (!rank)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    if (!n || n != read_axes(json_object_get(op->kwargs, "destination"), rank, to))
        return kf_down_refuse(op, "it moves axes that its tensor does not have");
    move_axes(order, rank, from, to, n);
    json_object_clear(op->kwargs);
    return kf_down_set_order(op, order, rank);
}

int kf_down_form_swapaxes(struct kf_down_op *op)
{
    size_t rank = rank_of(op, 0, "x"), order[KF_RANK_MAX];
    json_int_t a = kf_json_int(op->kwargs, "axis1", 0), b = kf_json_int(op->kwargs, "axis2", 0);
    size_t first = kf_down_axis(a, rank), second = kf_down_axis(b, rank);

    json_object_clear(op->kwargs);
    if (a + b == -3 && a * b == 2)
        return 0;
    if (first == rank || second == rank)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    for (size_t i = 0; i < rank; i++)
        order[i] = i == first ? second : i == second ? first : i;
    op->function = "compat.v1.transpose";
    return kf_down_set_order(op, order, rank);
}

int kf_down_form_flip(struct kf_down_op *op)
{
    json_t *axis = json_object_get(op->kwargs, "axis"), *all;
    size_t rank = rank_of(op, 0, "x");

    if (axis)
        return json_is_integer(axis) ? kf_down_set(op, "axis", json_pack("[O]", axis)) : 0;
    if (!rank)
        return kf_down_refuse(op, "it turns all axes round, and how many there are is not known");
    all = json_array();
    for (size_t i = 0; i < rank; i++)
        KF_TRY(kf_json_append(all, json_integer((json_int_t)i), op->ops->adapt->rep));
    return kf_down_set(op, "axis", all);
}

/* The diagonal of the last two axes, behind a transpose where it is one of others. */
int kf_down_form_diagonal(struct kf_down_op *op)
{
    json_int_t k = kf_json_int(op->kwargs, "k", 0), a = kf_json_int(op->kwargs, "axis1", 0);
    json_int_t b = kf_json_int(op->kwargs, "axis2", 1);
    const json_t *own = kf_down_argument(op, 0, "x");
    size_t rank = kf_down_rank(own), order[KF_RANK_MAX];
    size_t from[] = {kf_down_axis(a, rank), kf_down_axis(b, rank)}, to[] = {rank - 2, rank - 1};
    json_t *function = op->first, *moved = json_object();

    if (rank < 2 || from[0] == rank || from[1] == rank || from[0] == from[1]) {
        json_decref(moved);
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    }
    if (k != 0 && (-k >= kf_down_size(own, a) || k >= kf_down_size(own, b))) {
        json_decref(moved);
        return kf_down_refuse(op, "whether its diagonal is in the tensor is not known");
    }
    move_axes(order, rank, from, to, 2);
    json_decref(op->kwargs);
    op->kwargs = moved;
    if (from[0] != to[0] || from[1] != to[1]) {
        KF_TRY(kf_down_set_order(op, order, rank));
        op->first = NULL;
        KF_TRY(kf_down_function(op, "compat.v1.transpose", function, json_incref(op->kwargs),
                                &op->first));
        json_decref(op->kwargs);
        op->kwargs = json_object();
    }
    return kf_down_set(op, "k", json_integer(k));
}

int kf_down_form_trace(struct kf_down_op *op)
{
    json_t *line = NULL;

    KF_TRY(kf_down_form_diagonal(op));
    if (op->why)
        return 0;
    KF_TRY(kf_down_function(op, "linalg.diag_part", json_incref(op->first), json_incref(op->kwargs),
                            &line));
    json_decref(op->kwargs);
    op->kwargs = json_object();
    KF_TRY(kf_down_set_first(op, line));
    return kf_down_set(op, "axis", json_integer(-1));
}

/* Along an axis that shallower tensors do not have: Keras 3 then takes another one. */
int kf_down_form_deep(struct kf_down_op *op)
{
    const json_t *list = kf_down_argument(op, 0, "xs");
    size_t rank =
        kf_down_rank(json_is_array(list) ? json_array_get(list, 0) : kf_down_argument(op, 0, "x"));
    size_t axis = (size_t)kf_json_int(op->kwargs, "axis", 0);

    return rank >= 2 && axis < rank ? 0
           : rank                   ? kf_down_refuse(op, "its tensors have too few axes")
                                    : kf_down_refuse(op, KF_DOWN_NOT_TOLD);
}

int kf_down_form_deep_split(struct kf_down_op *op)
{
    KF_TRY(kf_down_form_deep(op));
    return op->why ? 0 : kf_down_form_split(op);
}

/* Whether an axis is the last one of the operation's tensor. */
static bool is_last(const struct kf_down_op *op, const char *key, size_t rank)
{
    json_int_t axis = kf_json_int(op->kwargs, key, -1);

    return axis == -1 || (rank && axis == (json_int_t)rank - 1);
}

int kf_down_form_cross(struct kf_down_op *op)
{
    json_t *a = kf_down_argument(op, 0, "x1"), *b = kf_down_argument(op, 1, "x2");
    size_t rank = kf_down_rank(a);

    if (!rank || !kf_rules_same(json_object_get(a, "shape"), json_object_get(b, "shape")))
        return kf_down_refuse(op, "TensorFlow takes two tensors of the same shape");
    if (kf_down_size(a, -1) != 3 || !is_last(op, "axisa", rank) || !is_last(op, "axisb", rank) ||
        !is_last(op, "axisc", rank))
        return kf_down_refuse(op, "TensorFlow takes three numbers along the last axis");
    json_object_del(op->kwargs, "axisa");
    json_object_del(op->kwargs, "axisb");
    json_object_del(op->kwargs, "axisc");
    return 0;
}

/* Indices along the last axis, one list for each row; one below 0 counts from the end. */
int kf_down_form_take_along(struct kf_down_op *op)
{
    json_t *own = kf_down_argument(op, 0, "x"), *at = kf_down_argument(op, 1, "indices"), *made;
    enum kf_dtype dtype = kf_down_dtype(op->ops, at);
    size_t rank = kf_down_rank(own), n = 0;
    json_int_t size = kf_down_size(own, -1);
    struct kf_ref ref;

    while (n + 1 < rank && json_equal(json_array_get(json_object_get(own, "shape"), n),
                                      json_array_get(json_object_get(at, "shape"), n)))
        n++;
    if (!rank || kf_down_rank(at) != rank || n + 1 != rank ||
        !json_is_integer(json_object_get(op->kwargs, "axis")) || !is_last(op, "axis", rank))
        return kf_down_refuse(op, "TensorFlow takes indices of the same shape along the last axis");
    if (!kf_ref_get(at, &ref) || size < 1 || (dtype != KF_DTYPE_INT32 && dtype != KF_DTYPE_INT64))
        return kf_down_refuse(op, "how its indices count is not known");
    op->dtype = dtype;
    KF_TRY(kf_down_function(op, "math.floormod", json_deep_copy(at), json_pack("{s:I}", "y", size),
                            &made));
    op->dtype = kf_down_dtype(op->ops, own);
    KF_TRY(kf_down_set(op, "indices", made));
    KF_TRY(kf_down_set(op, "axis", json_integer((json_int_t)rank - 1)));
    return kf_down_set(op, "batch_dims", json_integer((json_int_t)rank - 1));
}

/* What an axis has from one end to the other but for its first number, or its last. */
static int without(struct kf_down_op *op, size_t axis, bool first, json_t **out)
{
    json_t *begin = json_array(), *end = json_array(), *strides = json_array();
    int free = (1 << (axis + first)) - 1;

    for (size_t i = 0; i <= axis; i++) {
        KF_TRY(kf_json_append(begin, json_integer(i == axis && first), op->ops->adapt->rep));
        KF_TRY(
            kf_json_append(end, json_integer(i == axis && !first ? -1 : 0), op->ops->adapt->rep));
        KF_TRY(kf_json_append(strides, json_integer(1), op->ops->adapt->rep));
    }
    return kf_down_function(op, "strided_slice", json_deep_copy(op->first),
                            json_pack("{s:o, s:o, s:o, s:i}", "begin", begin, "end", end, "strides",
                                      strides, "end_mask", free),
                            out);
}

int kf_down_form_diff(struct kf_down_op *op)
{
    size_t rank = rank_of(op, 0, "a");
    size_t axis = kf_down_axis(kf_json_int(op->kwargs, "axis", -1), rank);
    json_t *later = NULL, *earlier = NULL;

    if (axis == rank)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    KF_TRY(without(op, axis, true, &later));
    KF_TRY(without(op, axis, false, &earlier));
    json_object_clear(op->kwargs);
    KF_TRY(kf_down_set_first(op, later));
    return kf_down_set(op, "y", earlier);
}

/* Places in a list whose length is told: of another one Keras 3 gives them as int64. */
int kf_down_form_sorted_list(struct kf_down_op *op)
{
    const json_t *list = kf_down_argument(op, 0, "sorted_sequence");

    return kf_down_rank(list) == 1 &&
                   (!json_object_get(list, "shape") || kf_down_size(list, 0) >= 0)
               ? 0
               : kf_down_refuse(op, "how long the list is that it looks in, is not in the file");
}

/* Recipes for the last axis. */
int kf_down_form_last_axis(struct kf_down_op *op)
{
    size_t rank = kf_down_rank(json_array_get(op->layer->calls[0].args, 0));

    if (!is_last(op, "axis", rank))
        return kf_down_refuse(op, "only the last axis can be cut everywhere");
    return kf_down_form_recipe(op);
}

/* A tensor beside a plain list of numbers. */
int kf_down_form_list_beside(struct kf_down_op *op)
{
    const json_t *list = json_object_get(op->kwargs, "y");
    bool inverted = kf_json_bool(op->kwargs, "invert", false);

    if (!json_array_size(list) || kf_down_rank(list) != 1)
        return kf_down_refuse(op, "it is not called with a list of numbers");
    return inverted ? kf_down_recipe(op, "IsIn not") : kf_down_form_recipe(op);
}

int kf_down_form_average(struct kf_down_op *op)
{
    json_t *weights = kf_down_argument(op, 1, "weights");
    size_t rank = rank_of(op, 0, "x");

    if (!weights)
        return 0;
    if (!rank || (kf_down_rank(weights) != rank &&
                  !(kf_down_rank(weights) == 1 && json_object_get(op->kwargs, "axis") &&
                    is_last(op, "axis", rank))))
        return kf_down_refuse(op, "its weights are not along the last axis");
    return kf_down_recipe(op, "Average");
}

/*
 * Keras 3 divides by 1, 2, 3... along the axis, which a graph of TensorFlow makes products of where
 * they are constants. Where a number is just at the edge of what is left, rounding decides, and
 * outputs jump: only the same constants give the same numbers.
 *
 * Source: keras/src/backend/tensorflow/nn.py, sparsemax (3.15.1); TensorFlow's
 * core/grappler/optimizers/constant_folding.cc
 */
int kf_down_form_sparsemax(struct kf_down_op *op)
{
    const json_t *own = kf_down_argument(op, 0, "x");
    json_int_t axis = kf_json_int(op->kwargs, "axis", -1), size = kf_down_size(own, axis);
    size_t behind = kf_down_rank(own) - kf_down_axis(axis, kf_down_rank(own));
    json_t *list = json_array();

    for (json_int_t i = 1; i <= size && size <= SIZE_MAX_SAID; i++) {
        json_t *number = json_real((double)i);

        for (size_t k = 1; k < behind; k++)
            number = json_pack("[o]", number);
        KF_TRY(kf_json_append(list, number, op->ops->adapt->rep));
    }
    KF_TRY(kf_down_set(op, "places", list));
    return json_array_size(list) ? kf_down_form_recipe(op)
                                 : kf_down_refuse(op, "how long its axis is, is not in the file");
}

/* The same bytes as numbers of another dtype. */
int kf_down_form_view(struct kf_down_op *op)
{
    enum kf_dtype to = kf_op_dtype_named(kf_json_str(op->kwargs, "type", NULL));

    return to && kf_dtype_size(to) == kf_dtype_size(op->dtype)
               ? 0
               : kf_down_refuse(op, "numbers of another size have other shapes");
}
