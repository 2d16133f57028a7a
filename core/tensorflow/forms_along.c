/* SPDX-License-Identifier: Apache-2.0 */
#include "translate.h"

/* Operators that go along axes. */

/* The axes of an attribute or an input, from the front; how many. */
static size_t axes_of(const struct kf_tf_call *call, int64_t *axes)
{
    const struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    size_t n;
    const int64_t *given = kf_onnx_get_ints(call->node, "axes", &n);

    if (!given)
        given = kf_tf_numbers(call, 1, &n);
    n = given && n <= KF_ONNX_RANK_MAX ? n : 0;
    for (size_t i = 0; i < n; i++)
        axes[i] = given[i] < 0 ? given[i] + (int64_t)x->rank : given[i];
    return n;
}

static bool keeps(const struct kf_tf_call *call)
{
    return kf_onnx_get_int(call->node, "keepdims", 1) != 0;
}

/* In the form in which the input is there; what is left of that form decides which one it gives. */
void kf_tf_form_reduce(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = axes_of(call, axes);
    bool last = kf_tf_is_last(x), channels = false;
    const char *y;

    if (!n)
        return;
    for (size_t i = 0; last && i < n; i++) {
        channels = channels || axes[i] == 1;
        axes[i] = kf_tf_axis_last(axes[i], x->rank);
    }
    y = last ? kf_tf_last(call->tf, x) : kf_tf_plain(call->tf, x);
    y = kf_tf_reduce(call->tf, call->op, x->dtype, y, axes, n, keeps(call));
    kf_tf_give_as(call, 0, y, last && (keeps(call) || !channels));
}

void kf_tf_form_reduce_l2(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = axes_of(call, axes);
    const char *y = kf_tf_unary(tf, "Square", x->dtype, kf_tf_in_plain(call, 0));

    if (n)
        kf_tf_give(call, 0,
                   kf_tf_unary(tf, "Sqrt", x->dtype,
                               kf_tf_reduce(tf, "Sum", x->dtype, y, axes, n, keeps(call))));
}

/* What is subtracted before it is added again must be finite. */
void kf_tf_form_reduce_log_sum_exp(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = axes_of(call, axes);
    const char *in = kf_tf_in_plain(call, 0), *most, *y;

    if (!n)
        return;
    most = kf_tf_reduce(tf, "Max", x->dtype, in, axes, n, true);
    most = kf_tf_select(tf, x->dtype, kf_tf_unary(tf, "IsFinite", x->dtype, most), most,
                        kf_tf_scalar(tf, x->dtype, 0));
    y = kf_tf_unary(tf, "Exp", x->dtype, kf_tf_binary(tf, "Sub", x->dtype, in, most));
    y = kf_tf_unary(tf, "Log", x->dtype, kf_tf_reduce(tf, "Sum", x->dtype, y, axes, n, true));
    y = kf_tf_binary(tf, "AddV2", x->dtype, y, most);
    kf_tf_give(call, 0, keeps(call) ? y : kf_tf_squeeze(tf, x->dtype, y, axes, n));
}

void kf_tf_form_arg(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    int64_t axis = kf_onnx_get_int(call->node, "axis", 0);
    const char *in = kf_tf_in_plain(call, 0), *at, *y;
    struct kf_tf_node node;

    axis = axis < 0 ? axis + (int64_t)x->rank : axis;
    at = kf_tf_scalar(tf, KF_DTYPE_INT64, (double)axis);
    kf_tf_begin(tf, &node, call->op);
    kf_tf_in(&node, in);
    kf_tf_in(&node, at);
    kf_tf_set_type(&node, "T", x->dtype);
    kf_tf_set_type(&node, "Tidx", KF_DTYPE_INT64);
    kf_tf_set_type(&node, "output_type", KF_DTYPE_INT64);
    y = kf_tf_end(&node);
    kf_tf_give(call, 0, keeps(call) ? kf_tf_expand(tf, KF_DTYPE_INT64, y, axis) : y);
}

void kf_tf_form_cumsum(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    const char *in[2] = {kf_tf_in_plain(call, 0), kf_tf_in_plain(call, 1)};
    struct kf_tf_node node;

    kf_tf_begin(call->tf, &node, call->op);
    kf_tf_in(&node, in[0]);
    kf_tf_in(&node, in[1]);
    kf_tf_set_type(&node, "T", x->dtype);
    kf_tf_set_type(&node, "Tidx", KF_DTYPE_INT64);
    kf_tf_set_bool(&node, "reverse", kf_onnx_get_int(call->node, "reverse", 0) != 0);
    kf_tf_set_bool(&node, "exclusive", kf_onnx_get_int(call->node, "exclusive", 0) != 0);
    kf_tf_give(call, 0, kf_tf_end(&node));
}

/* The largest of the last axis: other axes are brought there, and the smallest are negated. */
void kf_tf_form_top_k(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    int64_t axis = kf_onnx_get_int(call->node, "axis", -1), axes[KF_ONNX_RANK_MAX];
    int64_t end = (int64_t)x->rank - 1;
    bool largest = kf_onnx_get_int(call->node, "largest", 1) != 0;
    const char *in = kf_tf_in_plain(call, 0), *k, *made, *out[2];
    struct kf_tf_node node;

    axis = axis < 0 ? axis + (int64_t)x->rank : axis;
    for (int64_t i = 0; i <= end; i++)
        axes[i] = i == axis ? end : i == end ? axis : i;
    if (axis != end)
        in = kf_tf_transpose(tf, x->dtype, in, axes, x->rank);
    in = largest ? in : kf_tf_unary(tf, "Neg", x->dtype, in);
    k = kf_tf_reshape(tf, KF_DTYPE_INT64, kf_tf_in_plain(call, 1), kf_tf_list(tf, NULL, 0));
    k = kf_tf_cast(tf, k, KF_DTYPE_INT64, KF_DTYPE_INT32);
    kf_tf_begin(tf, &node, call->op);
    kf_tf_in(&node, in);
    kf_tf_in(&node, k);
    kf_tf_set_type(&node, "T", x->dtype);
    made = kf_tf_end(&node);
    out[0] = largest ? made : kf_tf_unary(tf, "Neg", x->dtype, made);
    out[1] = kf_tf_cast(tf, kf_tf_output(tf, made, 1), KF_DTYPE_INT32, KF_DTYPE_INT64);
    for (size_t i = 0; i < call->node->n_out; i++) {
        enum kf_dtype dtype = call->node->out[i]->dtype;

        if (axis != end)
            out[i] = kf_tf_transpose(tf, dtype, out[i], axes, x->rank);
        kf_tf_give(call, i, out[i]);
    }
}
