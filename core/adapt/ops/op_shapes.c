/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "ops.h"
#include <string.h>

/* Functions whose arguments Keras 3 wants otherwise: axes, shapes, slices. */

static int set_key(struct kf_op *op, const char *key, json_t *value)
{
    return kf_json_set(op->config, key, value, op->ops->adapt->rep);
}

/* A list of one tensor and a tensor look the same in the file, and mean something else here. */
int kf_op_form_stack(struct kf_op *op)
{
    return json_is_array(json_array_get(op->call->args, 0))
               ? 0
               : kf_op_refuse(op, "it stacks one tensor, or one tensor's rows");
}

/* A list of sizes in which those that are not known are -1, and how many these are. */
static int read_sizes(struct kf_op *op, const json_t *given, json_t *sizes, size_t *unknown)
{
    const json_t *one;
    size_t i;

    json_array_foreach(given, i, one)
    {
        struct kf_ref ref;
        bool known = json_is_integer(one) && json_integer_value(one) >= 0;

        if (!known && !kf_ref_get(one, &ref) && !json_is_integer(one))
            return kf_op_refuse(op, "its shape is no list of whole numbers");
        *unknown += !known;
        KF_TRY(kf_json_append(sizes, known ? json_incref((json_t *)one) : json_integer(-1),
                              op->ops->adapt->rep));
    }
    return json_is_array(given) ? 0
                                : kf_op_refuse(op, "its shape is computed, and Keras 3 takes a "
                                                   "constant");
}

static const struct kf_op_state *state_of(const struct kf_op *op, const json_t *value)
{
    struct kf_ref ref;

    return kf_ref_get(value, &ref) && ref.layer < op->ops->n_states ? &op->ops->states[ref.layer]
                                                                    : NULL;
}

/* [size of the batch, -1, 4] is Keras's layer Reshape, which leaves the batch as it is. */
static int reshape_layer(struct kf_op *op, json_t *sizes)
{
    bool floating = op->dtype >= KF_DTYPE_FLOAT16 && op->dtype <= KF_DTYPE_FLOAT64;

    if (op->dtype == KF_DTYPE_NONE)
        return kf_op_refuse(op, "the dtype of its input cannot be told");
    if (json_array_remove(sizes, 0) < 0)
        return kf_adapt_no_memory(op->ops->adapt, op->layer->path);
    op->target = "layers.Reshape";
    KF_TRY(set_key(op, "trainable", json_true()));
    KF_TRY(set_key(op, "dtype", json_string(floating ? kf_dtype_name(op->dtype) : "float32")));
    KF_TRY(set_key(op, "target_shape", json_incref(sizes)));
    return json_object_del(op->config, "newshape");
}

/* One size may be computed: when all the others are known it can only be what is left. */
int kf_op_form_reshape(struct kf_op *op)
{
    const json_t *given = json_object_get(op->call->kwargs, "shape");
    const struct kf_op_state *first = state_of(op, json_array_get(given, 0));
    const struct kf_op_state *input = state_of(op, json_array_get(op->args, 0));
    json_t *sizes = json_array();
    size_t unknown = 0;

    KF_TRY(set_key(op, "newshape", sizes));
    KF_TRY(read_sizes(op, given, sizes, &unknown));
    if (op->why || unknown < 2)
        return 0;
    if (unknown == 2 && first && first->is_batch && input && input->batched)
        return reshape_layer(op, sizes);
    return kf_op_refuse(op, "more than one size of its shape is computed");
}

/* Sizes become the places where Keras cuts. */
static int cut_at(struct kf_op *op, const json_t *sizes)
{
    size_t n = json_array_size(sizes);
    json_t *places = n > 1 ? json_array() : json_integer(1);
    json_int_t at = 0;

    KF_TRY(set_key(op, "indices_or_sections", places));
    for (size_t i = 0; i + 1 < n; i++) {
        const json_t *size = json_array_get(sizes, i);

        if (!json_is_integer(size) || json_integer_value(size) < 0 ||
            __builtin_add_overflow(at, json_integer_value(size), &at))
            return kf_op_refuse(op, "not all of its sizes are known");
        KF_TRY(kf_json_append(places, json_integer(at), op->ops->adapt->rep));
    }
    return n ? 0 : kf_op_refuse(op, "it has no sizes");
}

int kf_op_form_split(struct kf_op *op)
{
    json_t *given = json_object_get(op->config, "indices_or_sections");
    int r;

    if (json_is_integer(given))
        return 0;
    if (!json_is_array(given))
        return kf_op_refuse(op, "its sizes are no whole numbers");
    json_incref(given); /* its key gets another value */
    r = cut_at(op, given);
    json_decref(given);
    return r;
}

/* Apply an operation once for each axis but the last, which is left to the layer itself. */
static int one_by_one(struct kf_op *op, const json_int_t *axes, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        json_t *args = json_pack("[O]", json_array_get(op->args, 0)), *made = NULL;

        KF_TRY(kf_op_node(op, op->target, json_pack("{s:I}", "axis", axes[i]), args, &made));
        KF_TRY(kf_json_set_at(op->args, 0, made, op->ops->adapt->rep));
    }
    return set_key(op, "axis", json_integer(axes[n - 1]));
}

#define AXES_MAX 32

/* The config's axes in a row; refused when there are too many of them. */
static size_t read_axes(struct kf_op *op, json_int_t *out)
{
    const json_t *axes = json_object_get(op->config, "axis"), *one;
    size_t n = json_array_size(axes), i;

    if (n > AXES_MAX)
        kf_op_refuse(op, "it has too many axes");
    json_array_foreach(axes, i, one) if (i < AXES_MAX) out[i] = json_integer_value(one);
    return n < AXES_MAX ? n : AXES_MAX;
}

int kf_op_form_reverse(struct kf_op *op)
{
    json_int_t axes[AXES_MAX] = {0};
    size_t n = read_axes(op, axes);

    if (op->why || n)
        return op->why ? 0 : one_by_one(op, axes, n);
    op->target = "numpy.Copy";
    return json_object_del(op->config, "axis");
}

/* Axes are taken away so that those that are left keep their numbers. */
static bool sort_axes(json_int_t *axes, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        json_int_t one = axes[i];
        size_t k = i;

        if ((one < 0) != (axes[0] < 0))
            return false;
        for (; k > 0 && (one < 0 ? axes[k - 1] > one : axes[k - 1] < one); k--)
            axes[k] = axes[k - 1];
        axes[k] = one;
    }
    return true;
}

int kf_op_form_squeeze(struct kf_op *op)
{
    json_int_t axes[AXES_MAX] = {0};
    size_t n = read_axes(op, axes);

    if (op->why || !json_is_array(json_object_get(op->config, "axis")))
        return 0;
    if (!n)
        return set_key(op, "axis", json_null());
    if (!sort_axes(axes, n))
        return kf_op_refuse(op, "its axes are counted from both ends");
    return one_by_one(op, axes, n);
}

static bool is_pairs(const json_t *value)
{
    const json_t *one;
    size_t i;

    json_array_foreach(value, i, one) if (json_array_size(one) != 2 ||
                                          !json_is_integer(json_array_get(one, 0)) ||
                                          !json_is_integer(json_array_get(one, 1))) return false;
    return json_array_size(value) > 0;
}

int kf_op_form_pad(struct kf_op *op)
{
    json_t *value = json_object_get(op->config, "constant_values");
    const char *mode = kf_json_str(op->config, "mode", "");
    bool zero =
        json_is_number(value) && !(json_number_value(value) < 0) && !(json_number_value(value) > 0);

    if (!is_pairs(json_object_get(op->config, "pad_width")))
        return kf_op_refuse(op, "its paddings are no pairs of whole numbers");
    if (!kf_in_words("constant reflect symmetric", mode) || json_is_array(value))
        return kf_op_refuse(op, "Keras 3 does not pad like that");
    if (!zero && strcmp(mode, "constant") == 0)
        KF_TRY(kf_json_append(op->args, json_incref(value), op->ops->adapt->rep));
    json_object_del(op->config, "constant_values");
    return 0;
}

static bool is_bound(const json_t *value)
{
    return json_is_null(value) || json_is_integer(value);
}

static bool is_ellipsis(const json_t *part)
{
    return kf_streq(kf_json_str(part, "class_name", NULL), "__ellipsis__");
}

static bool is_slice(const json_t *part)
{
    const json_t *start = json_object_get(part, "start"), *stop = json_object_get(part, "stop");
    const json_t *step = json_object_get(part, "step");

    return start && stop && step && is_bound(start) && is_bound(stop) && is_bound(step);
}

/* One part of what stands between the brackets, a new reference; NULL when memory ran out. */
static json_t *key_of(json_t *part)
{
    if (is_bound(part))
        return json_incref(part);
    if (is_ellipsis(part))
        return json_pack("{s:s, s:{}}", "class_name", "__ellipsis__", "config");
    return json_pack("{s:s, s:{s:O, s:O, s:O}}", "class_name", "__slice__", "config", "start",
                     json_object_get(part, "start"), "stop", json_object_get(part, "stop"), "step",
                     json_object_get(part, "step"));
}

/* Releases before 3.2 take no list, those before 3.3 read no ellipsis. */
static int check_release(struct kf_op *op, const json_t *key)
{
    int since = op->ops->adapt->since;
    const json_t *one;
    size_t i;

    if (since < 302)
        return kf_op_refuse(op, "before 3.2 Keras takes only one whole number as index");
    json_array_foreach(key, i, one) if (is_ellipsis(one) && since < 303) return kf_op_refuse(
        op, "before 3.3 Keras reads no ellipsis");
    return 0;
}

int kf_op_form_getitem(struct kf_op *op)
{
    json_t *spec = json_object_get(op->config, "slice_spec"), *key;
    size_t n = json_is_array(spec) ? json_array_size(spec) : 1;

    if (json_is_integer(spec)) {
        KF_TRY(kf_json_append(op->args, json_incref(spec), op->ops->adapt->rep));
        return json_object_clear(op->config);
    }
    key = json_array();
    KF_TRY(kf_json_append(op->args, key, op->ops->adapt->rep));
    for (size_t i = 0; i < n; i++) {
        json_t *part = json_is_array(spec) ? json_array_get(spec, i) : spec;

        if (!is_bound(part) && !is_ellipsis(part) && !is_slice(part))
            return kf_op_refuse(op, "its index is more than whole numbers and slices");
        KF_TRY(kf_json_append(key, key_of(part), op->ops->adapt->rep));
    }
    json_object_clear(op->config);
    return check_release(op, key);
}

/* tf.slice: from `begin` on `size` many, or all for -1. */
int kf_op_form_slice(struct kf_op *op)
{
    const json_t *begin = json_object_get(op->config, "begin");
    const json_t *size = json_object_get(op->config, "size");
    json_t *key = json_array();

    KF_TRY(kf_json_append(op->args, key, op->ops->adapt->rep));
    if (json_array_size(begin) != json_array_size(size))
        return kf_op_refuse(op, "its begin and size do not belong together");
    for (size_t i = 0; i < json_array_size(begin); i++) {
        json_int_t from = json_integer_value(json_array_get(begin, i)), to;
        json_int_t many = json_integer_value(json_array_get(size, i));
        json_t *part;

        if (from < 0 || many < -1 || __builtin_add_overflow(from, many, &to))
            return kf_op_refuse(op, "its begin or size is negative");
        part = json_pack("{s:s, s:{s:I, s:o, s:n}}", "class_name", "__slice__", "config", "start",
                         from, "stop", many < 0 ? json_null() : json_integer(to), "step");
        KF_TRY(kf_json_append(key, part, op->ops->adapt->rep));
    }
    json_object_clear(op->config);
    return 0;
}
