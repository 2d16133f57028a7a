/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "ops.h"
#include <stdint.h>

/* Constants among the arguments, and the dtype that they and the result take. */

static int find_refusal(json_t *value, void *context)
{
    const struct kf_op *op = context;
    struct kf_ref ref;

    return kf_ref_get(value, &ref) && ref.layer < op->ops->n_states &&
                   op->ops->states[ref.layer].why
               ? -1
               : 0;
}

/* Nothing is known of what comes out of a refused operation, and one report of it is enough. */
static bool after_refusal(struct kf_op *op)
{
    return kf_refs_each(op->args, find_refusal, op) < 0;
}

enum kf_dtype kf_op_content(const json_t *value)
{
    enum kf_dtype all = KF_DTYPE_NONE;
    const json_t *one;
    size_t i;

    if (json_is_integer(value))
        return json_integer_value(value) < INT32_MIN || json_integer_value(value) > INT32_MAX
                   ? KF_DTYPE_INT64
                   : KF_DTYPE_INT32;
    if (!json_is_array(value))
        return json_is_boolean(value) ? KF_DTYPE_BOOL : KF_DTYPE_FLOAT32;
    json_array_foreach(value, i, one)
    {
        enum kf_dtype dtype = kf_op_content(one);

        if (all == KF_DTYPE_NONE || dtype == KF_DTYPE_FLOAT32 ||
            (dtype == KF_DTYPE_INT64 && all == KF_DTYPE_INT32))
            all = dtype;
    }
    return all == KF_DTYPE_NONE ? KF_DTYPE_FLOAT32 : all;
}

int kf_op_constant(struct kf_op *op, json_t **out, json_t *value, enum kf_dtype dtype)
{
    if (dtype == KF_DTYPE_NONE)
        return kf_op_refuse(op, after_refusal(op) ? ""
                                                  : "it has a constant whose dtype cannot be told");
    *out = json_pack("{s:s, s:{s:O, s:s}}", "class_name", "__numpy__", "config", "value", value,
                     "dtype", kf_dtype_name(dtype));
    return *out ? 0 : kf_adapt_no_memory(op->ops->adapt, op->layer->path);
}

/* The dtype of an argument: of a ref or an array, in a list of its first member that has one. */
static enum kf_dtype argument_dtype(const struct kf_op *op, const json_t *value)
{
    const json_t *config = json_object_get(value, "config"), *one;
    enum kf_dtype dtype;
    struct kf_ref ref;
    size_t i;

    if (kf_ref_get(value, &ref))
        return ref.layer < op->ops->n_states ? op->ops->states[ref.layer].dtype : KF_DTYPE_NONE;
    if (config)
        return kf_op_dtype_named(kf_json_str(config, "dtype", NULL));
    json_array_foreach(value, i, one) if ((dtype = argument_dtype(op, one))) return dtype;
    return KF_DTYPE_NONE;
}

/* What row->takes and the constants are measured by. */
static void find_dtype(struct kf_op *op)
{
    size_t n = json_array_size(op->args), first = op->row->gives == KF_GIVES_SECOND ? 1 : 0;

    for (size_t i = first; i < n; i++) {
        json_t *value = json_array_get(op->args, i);

        op->dtype = argument_dtype(op, value);
        if (op->dtype != KF_DTYPE_NONE || kf_op_has_refs(value))
            return;
    }
    if (first < n)
        op->dtype = kf_op_content(json_array_get(op->args, first));
}

/* Array constants take the dtype of the tensors beside them, as TensorFlow gives it to them. */
static int write_constants(struct kf_op *op, json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && !op->why; i++) {
        json_t *value = json_array_get(list, i), *made = NULL;

        if (list == op->args && json_is_array(value) && kf_op_has_refs(value)) {
            KF_TRY(write_constants(op, value));
            continue;
        }
        if (!kf_op_is_array(value))
            continue;
        KF_TRY(kf_op_constant(op, &made, value, op->dtype));
        if (made)
            KF_TRY(kf_json_set_at(list, i, made, op->ops->adapt->rep));
    }
    return 0;
}

static int check_dtype(struct kf_op *op)
{
    enum kf_dtype dtype = op->dtype;
    bool floating = dtype >= KF_DTYPE_FLOAT16 && dtype <= KF_DTYPE_FLOAT64;

    if (op->why || op->row->takes == KF_TAKES_ANY)
        return 0;
    if (dtype == KF_DTYPE_NONE)
        return kf_op_refuse(op, after_refusal(op) ? "" : "the dtype of its input cannot be told");
    if (op->row->takes == KF_TAKES_WIDE &&
        (floating || dtype == KF_DTYPE_INT32 || dtype == KF_DTYPE_INT64 ||
         dtype == KF_DTYPE_UINT32 || dtype == KF_DTYPE_UINT64))
        return 0;
    if (op->row->takes == KF_TAKES_FLOAT && floating)
        return 0;
    return kf_op_refuse(op, "Keras 3 gives another dtype for this one");
}

int kf_op_settle(struct kf_op *op)
{
    find_dtype(op);
    KF_TRY(check_dtype(op));
    return op->why ? 0 : write_constants(op, op->args);
}
