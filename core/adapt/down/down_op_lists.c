/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../ops/ops.h"
#include "down_ops.h"
#include <math.h>

/* Operations that order, cut and join what is along an axis. */

#define SIZE_MAX_JOINED 0x7fffffff
#define SORTS                                                                                      \
    "TensorFlow sorts along one axis, whose length must be known, and takes one number of it"
#define NO_LENGTH "how long its axis is, is not in the file"

static int report_to(const struct kf_down_op *op, json_t *list, json_int_t number)
{
    return kf_json_append(list, json_integer(number), op->ops->adapt->rep);
}

/* One tensor behind another; along no axis, both flat. */
int kf_down_form_append(struct kf_down_op *op)
{
    json_t *other = json_incref(json_object_get(op->kwargs, "other")), *list;
    bool flat = !json_object_get(op->kwargs, "axis");
    struct kf_ref ref;

    if (!kf_ref_get(op->first, &ref) || !kf_ref_get(other, &ref)) {
        json_decref(other);
        return kf_down_refuse(op, "it is called with what is no tensor");
    }
    json_object_del(op->kwargs, "other");
    if (flat) {
        KF_TRY(kf_down_before(op, "reshape", json_pack("{s:[i]}", "shape", -1)));
        KF_TRY(kf_down_function(op, "reshape", other, json_pack("{s:[i]}", "shape", -1), &other));
        KF_TRY(kf_down_set(op, "axis", json_integer(0)));
    }
    list = json_pack("[O, o]", op->first, other);
    return kf_down_set_first(op, list);
}

/* Parts of nearly the same length, the first ones one longer. */
int kf_down_form_array_split(struct kf_down_op *op)
{
    const json_t *axis = json_object_get(op->kwargs, "axis");
    json_int_t parts = kf_json_int(op->kwargs, "num_or_size_splits", 0), length;
    json_t *sizes;

    if (!axis)
        KF_TRY(kf_down_set(op, "axis", json_integer(0)));
    length = kf_down_size(kf_down_argument(op, 0, "x"), axis ? json_integer_value(axis) : 0);
    if (length < 0 || parts < 1 || parts > length)
        return kf_down_refuse(op, NO_LENGTH);
    sizes = json_array();
    for (json_int_t i = 0; i < parts; i++)
        KF_TRY(report_to(op, sizes, length / parts + (i < length % parts)));
    return kf_down_set(op, "num_or_size_splits", sizes);
}

/* New axes one after the other, each where it is in what comes out. */
int kf_down_form_expand(struct kf_down_op *op)
{
    const json_t *axes = json_object_get(op->kwargs, "axis");
    size_t n = json_array_size(axes), rank = kf_down_rank(kf_down_argument(op, 0, "x")) + n;
    bool wanted[KF_RANK_MAX] = {false};
    json_int_t last = -1;

    if (!json_is_array(axes) || n == 0)
        return kf_down_form_one_axis(op);
    if (rank == n || rank > KF_RANK_MAX)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    for (size_t i = 0; i < n; i++) {
        size_t at = kf_down_axis(json_integer_value(json_array_get(axes, i)), rank);

        if (at == rank || wanted[at])
            return kf_down_refuse(op, "it adds an axis that cannot be there");
        wanted[at] = true;
    }
    for (size_t at = 0; at < rank; at++) {
        if (!wanted[at])
            continue;
        if (last >= 0)
            KF_TRY(kf_down_before(op, "expand_dims", json_pack("{s:I}", "axis", last)));
        last = (json_int_t)at;
    }
    return kf_down_set(op, "axis", json_integer(last));
}

/*
 * A quarter turn exchanges the two axes and reverses one of them. Of two turns Keras 3 takes the
 * sizes for those of one, which gives other numbers where they are not the same.
 *
 * Source: keras/src/backend/tensorflow/numpy.py, rot90 (3.15.1)
 */
int kf_down_form_rot90(struct kf_down_op *op)
{
    json_t *axes = json_object_get(op->kwargs, "axes");
    const json_t *own = kf_down_argument(op, 0, "array");
    size_t rank = kf_down_rank(own), order[KF_RANK_MAX];
    size_t a = kf_down_axis(axes ? json_integer_value(json_array_get(axes, 0)) : 0, rank);
    size_t b = kf_down_axis(axes ? json_integer_value(json_array_get(axes, 1)) : 1, rank);
    json_int_t turns = ((kf_json_int(op->kwargs, "k", 1) % 4) + 4) % 4;

    if (a == rank || b == rank || a == b || rank > KF_RANK_MAX)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    if (turns == 2 && (kf_down_size(own, (json_int_t)a) < 0 ||
                       kf_down_size(own, (json_int_t)a) != kf_down_size(own, (json_int_t)b)))
        return kf_down_refuse(op, "Keras 3 turns what is not square in its own way");
    json_object_clear(op->kwargs);
    op->function = turns == 0 ? "identity" : "reverse";
    if (turns == 2)
        return kf_down_set(op, "axis", json_pack("[I, I]", (json_int_t)a, (json_int_t)b));
    if (turns == 0)
        return 0;
    for (size_t i = 0; i < rank; i++)
        order[i] = i == a ? b : i == b ? a : i;
    KF_TRY(kf_down_set_order(op, order, rank));
    KF_TRY(kf_down_before(op, "compat.v1.transpose", json_incref(op->kwargs)));
    json_decref(op->kwargs);
    op->kwargs = json_pack("{s:[I]}", "axis", (json_int_t)(turns == 1 ? a : b));
    return 0;
}

/* The number at one place of what is sorted; a list of one place keeps the axis. */
static int pick(struct kf_down_op *op, json_int_t place, double times, json_t **out)
{
    const json_t *axis = json_object_get(op->kwargs, "axis");
    json_t *at =
        kf_json_bool(op->kwargs, "keepdims", false) ? json_pack("[I]", place) : json_integer(place);

    KF_TRY(kf_down_function(op, "compat.v1.gather", json_deep_copy(op->first),
                            json_pack("{s:o, s:O}", "indices", at, "axis", axis), out));
    return kf_down_function(op, "math.multiply", *out, json_pack("{s:f}", "y", times), out);
}

/* Where there is a number that is none, all of it is none. */
static int keep_nan(struct kf_down_op *op, json_t *own, json_t *value)
{
    json_t *none = NULL;

    KF_TRY(kf_down_function(op, "math.is_nan", own, json_object(), &none));
    KF_TRY(kf_down_function(op, "math.reduce_any", none,
                            json_pack("{s:O, s:b}", "axis", json_object_get(op->kwargs, "axis"),
                                      "keepdims", kf_json_bool(op->kwargs, "keepdims", false)),
                            &none));
    KF_TRY(kf_down_set_first(op, none));
    json_object_clear(op->kwargs);
    op->function = "where";
    KF_TRY(kf_down_set(op, "x", json_string(KF_JSON_NAN)));
    return kf_down_set(op, "y", value);
}

/* The last axes, where it is along all of these, as one. */
static int join_axes(struct kf_down_op *op, json_int_t *length)
{
    const json_t *axes = json_object_get(op->kwargs, "axis"), *own = kf_down_argument(op, 0, "x");
    size_t n = json_array_size(axes), rank = kf_down_rank(own);
    json_int_t all = 1;
    json_t *shape = json_pack("[i]", -1);

    for (size_t i = 0; i < n; i++) {
        json_int_t axis = json_integer_value(json_array_get(axes, i));

        all *= kf_down_axis(axis, rank) == rank - n + i ? kf_down_size(own, axis) : 0;
        if (all < 1 || all > SIZE_MAX_JOINED)
            break;
    }
    for (size_t i = 1; all > 0 && i + n < rank; i++) {
        json_int_t size = kf_down_size(own, (json_int_t)i);

        all = size < 0 ? 0 : all;
        KF_TRY(kf_json_append(shape, json_integer(size), op->ops->adapt->rep));
    }
    if (n >= rank || all < 1 || all > SIZE_MAX_JOINED ||
        kf_json_bool(op->kwargs, "keepdims", false)) {
        json_decref(shape);
        return kf_down_refuse(op, SORTS);
    }
    *length = all;
    KF_TRY(kf_json_append(shape, json_integer(all), op->ops->adapt->rep));
    KF_TRY(kf_down_before(op, "reshape", json_pack("{s:o}", "shape", shape)));
    return kf_down_set(op, "axis", json_integer(-1));
}

/* Source: keras/src/backend/tensorflow/numpy.py, _quantile (3.15.1) */
int kf_down_form_quantile(struct kf_down_op *op)
{
    json_t *axis = json_object_get(op->kwargs, "axis"), *q = json_object_get(op->kwargs, "q");
    json_int_t length, above, below;
    json_t *own, *low = NULL, *high = NULL;
    double part = q ? json_number_value(q) : 0.5, exact;

    if (json_array_size(axis) == 1)
        KF_TRY(kf_down_set(op, "axis", json_incref(json_array_get(axis, 0))));
    axis = json_object_get(op->kwargs, "axis");
    length = kf_down_size(kf_down_argument(op, 0, "x"), json_integer_value(axis));
    if (json_array_size(axis) > 1)
        KF_TRY(join_axes(op, &length));
    axis = json_object_get(op->kwargs, "axis");
    if (op->why || !json_is_integer(axis) || length < 1 || (q && !json_is_number(q)) ||
        !(part >= 0) || !(part <= 1))
        return kf_down_refuse(op, SORTS);
    own = json_deep_copy(op->first);
    exact = (double)(length - 1) * part;
    below = (json_int_t)ceil(exact) > 0 ? (json_int_t)ceil(exact) - 1 : 0;
    above = below + 1 < length ? below + 1 : length - 1;
    KF_TRY(kf_down_before(op, "sort", json_pack("{s:O}", "axis", axis)));
    KF_TRY(pick(op, above, 1 - ((double)above - exact), &high));
    KF_TRY(pick(op, below, (double)above - exact, &low));
    KF_TRY(kf_down_function(op, "math.add", high, json_pack("{s:o}", "y", low), &high));
    return keep_nan(op, own, high);
}

int kf_down_form_percentile(struct kf_down_op *op)
{
    const json_t *q = json_object_get(op->kwargs, "q");

    if (!json_is_number(q))
        return kf_down_refuse(op, SORTS);
    KF_TRY(kf_down_set(op, "q", json_real(json_number_value(q) / 100)));
    return kf_down_form_quantile(op);
}

/* The first choice whose condition holds: one `where` a choice, the last one innermost. */
int kf_down_form_select(struct kf_down_op *op)
{
    json_auto_t *conditions = json_incref(op->first);
    json_auto_t *choices = json_incref(json_object_get(op->kwargs, "choicelist"));
    json_t *at = json_incref(json_object_get(op->kwargs, "default")), *one;
    struct kf_ref ref;
    size_t i, n = json_array_size(choices);

    at = at ? at : json_integer(0);
    op->dtype = kf_down_dtype(op->ops, json_array_get(choices, 0));
    json_array_foreach(choices, i, one) if (!kf_ref_get(one, &ref) ||
                                            kf_down_dtype(op->ops, one) != op->dtype ||
                                            !kf_ref_get(json_array_get(conditions, i), &ref) ||
                                            kf_down_dtype(op->ops, json_array_get(conditions, i)) !=
                                                KF_DTYPE_BOOL) n = 0;
    if (!n || op->dtype == KF_DTYPE_NONE || n != json_array_size(conditions)) {
        json_decref(at);
        return kf_down_refuse(op, "it does not choose by truth values between tensors of one "
                                  "dtype");
    }
    if (json_is_integer(at) && op->dtype <= KF_DTYPE_FLOAT64 && op->dtype >= KF_DTYPE_FLOAT16) {
        one = json_real(json_number_value(at));
        json_decref(at);
        at = one;
    }
    json_object_clear(op->kwargs);
    op->function = "where";
    for (i = n - 1; i > 0; i--)
        KF_TRY(kf_down_function(op, "where", json_deep_copy(json_array_get(conditions, i)),
                                json_pack("{s:O, s:o}", "x", json_array_get(choices, i), "y", at),
                                &at));
    KF_TRY(kf_down_set_first(op, json_deep_copy(json_array_get(conditions, 0))));
    KF_TRY(kf_down_set(op, "x", json_deep_copy(json_array_get(choices, 0))));
    return kf_down_set(op, "y", at);
}
