/* SPDX-License-Identifier: Apache-2.0 */
#include "../model/numbers.h"
#include "curves.h"
#include "translate.h"
#include <string.h>

/* Operators that work element by element, in the form in which their input is there. */

static const char *take(struct kf_tf_call *call, size_t index, bool last)
{
    struct kf_onnx_tensor *tensor = kf_tf_input(call, index);

    return last ? kf_tf_last(call->tf, tensor) : kf_tf_plain(call->tf, tensor);
}

void kf_tf_form_unary(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    bool last = kf_tf_is_last(x);

    kf_tf_give_as(call, 0, kf_tf_unary(call->tf, call->op, x->dtype, take(call, 0, last)), last);
}

void kf_tf_form_curved(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    bool last = kf_tf_is_last(x), shrinks = strcmp(call->op, "shrink") == 0;
    double a = kf_onnx_get_float(call->node, shrinks ? "lambd" : "alpha", 1);
    double b = kf_onnx_get_float(call->node, shrinks ? "bias" : "beta", 0);

    kf_tf_give_as(call, 0, kf_tf_curve(call->tf, call->op, x->dtype, take(call, 0, last), a, b),
                  last);
}

void kf_tf_form_negation(struct kf_tf_call *call)
{
    bool last = kf_tf_is_last(kf_tf_input(call, 0));

    kf_tf_give_as(call, 0, kf_tf_logical(call->tf, call->op, take(call, 0, last), NULL), last);
}

void kf_tf_form_clip(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    bool last = kf_tf_is_last(x);
    const char *y = take(call, 0, last);

    if (kf_tf_input(call, 1))
        y = kf_tf_binary(call->tf, "Maximum", x->dtype, y, kf_tf_in_plain(call, 1));
    if (kf_tf_input(call, 2))
        y = kf_tf_binary(call->tf, "Minimum", x->dtype, y, kf_tf_in_plain(call, 2));
    kf_tf_give_as(call, 0, y, last);
}

/* max(x, 0) - slope * max(-x, 0) */
void kf_tf_form_prelu(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0), *slope = kf_tf_input(call, 1);
    bool last = kf_tf_is_last(x);
    const char *by = last && slope->done ? kf_tf_given(tf, slope) : take(call, 1, last);
    const char *y = take(call, 0, last);
    const char *below = kf_tf_unary(tf, "Relu", x->dtype, kf_tf_unary(tf, "Neg", x->dtype, y));

    below = kf_tf_binary(tf, "Mul", x->dtype, below, by);
    y = kf_tf_unary(tf, "Relu", x->dtype, y);
    kf_tf_give_as(call, 0, kf_tf_binary(tf, "Sub", x->dtype, y, below), last);
}

/* True when all inputs can be met with their axis 1 at the end: numbers alone fit everywhere. */
static bool all_last(const struct kf_tf_call *call)
{
    bool any = false;

    for (size_t i = 0; i < call->node->n_in; i++) {
        const struct kf_onnx_tensor *x = kf_tf_input(call, i);
        const struct kf_tf_place *place = x ? x->place : NULL;

        if (x && x->rank == 0)
            continue;
        if (!place || !place->last || x->rank != call->node->out[0]->rank)
            return false;
        any = any || kf_tf_is_last(x);
    }
    return any;
}

/* A number alone has one form. */
static const char *take_any(struct kf_tf_call *call, size_t index, bool last)
{
    return take(call, index, last && kf_tf_input(call, index)->rank > 0);
}

/* "Reals Integers" are two ops for one operator. */
void kf_tf_form_binary(struct kf_tf_call *call)
{
    enum kf_dtype dtype = kf_tf_input(call, 0)->dtype;
    const char *space = strchr(call->op, ' '), *op = call->op;
    bool last = all_last(call);

    if (space && !kf_number_is_float(dtype))
        op = space + 1;
    else if (space)
        op = kf_arena_strndup(call->tf->arena, op, (size_t)(space - op));
    if (!op)
        kf_tf_no_memory(call->tf);
    else
        kf_tf_give_as(
            call, 0,
            kf_tf_binary(call->tf, op, dtype, take_any(call, 0, last), take_any(call, 1, last)),
            last);
}

/* Of numbers without a sign: only where there is one are TensorFlow's others. */
void kf_tf_form_shift(struct kf_tf_call *call)
{
    bool left = kf_onnx_is_text(call->node, "direction", 0, "LEFT");

    kf_tf_give(call, 0,
               kf_tf_binary(call->tf, left ? "LeftShift" : "RightShift",
                            kf_tf_input(call, 0)->dtype, kf_tf_in_plain(call, 0),
                            kf_tf_in_plain(call, 1)));
}

void kf_tf_form_logical(struct kf_tf_call *call)
{
    kf_tf_give(call, 0,
               kf_tf_logical(call->tf, call->op, kf_tf_in_plain(call, 0), kf_tf_in_plain(call, 1)));
}

void kf_tf_form_where(struct kf_tf_call *call)
{
    kf_tf_give(call, 0,
               kf_tf_select(call->tf, kf_tf_input(call, 1)->dtype, kf_tf_in_plain(call, 0),
                            kf_tf_in_plain(call, 1), kf_tf_in_plain(call, 2)));
}

/* A weight is cast in the form that is asked for. */
void kf_tf_form_cast(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    enum kf_dtype dtype = call->node->out[0]->dtype;
    bool last = kf_tf_is_last(x);

    if (x->given && x->done)
        kf_tf_give_cast(call, x);
    else
        kf_tf_give_as(call, 0, kf_tf_cast(call->tf, take(call, 0, last), x->dtype, dtype), last);
}

/* The op goes along the last axis: others are brought there and back. */
void kf_tf_form_along_last(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    int64_t axis = kf_onnx_get_int(call->node, "axis", -1), axes[KF_ONNX_RANK_MAX];
    int64_t end = (int64_t)x->rank - 1;
    const char *y;

    axis = axis < 0 ? axis + (int64_t)x->rank : axis;
    if (axis == 1 && x->rank > 2) {
        kf_tf_give_last(call, 0, kf_tf_unary(call->tf, call->op, x->dtype, take(call, 0, true)));
        return;
    }
    for (int64_t i = 0; i <= end; i++)
        axes[i] = i == axis ? end : i == end ? axis : i;
    y = take(call, 0, false);
    if (axis != end)
        y = kf_tf_transpose(call->tf, x->dtype, y, axes, x->rank);
    y = kf_tf_unary(call->tf, call->op, x->dtype, y);
    if (axis != end)
        y = kf_tf_transpose(call->tf, x->dtype, y, axes, x->rank);
    kf_tf_give(call, 0, y);
}
