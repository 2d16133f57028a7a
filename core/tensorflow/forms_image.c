/* SPDX-License-Identifier: Apache-2.0 */
#include "translate.h"
#include <string.h>

/* Images that become larger or smaller. */

/* Each element of an axis so many times: an axis of that size is put behind its own, and both
 * become one. The channels are at the end. */
static const char *repeat(struct kf_tf_call *call, const char *x, unsigned axis, int64_t times)
{
    struct kf_tf *tf = call->tf;
    const struct kf_onnx_tensor *of = kf_tf_input(call, 0);
    const char *sizes[KF_ONNX_RANK_MAX], *copies[KF_TF_EDGE_MAX], *y;

    for (unsigned i = 0; i < of->rank; i++)
        sizes[i] = kf_tf_size(tf, of->dtype, x, i);
    sizes[axis] = kf_tf_with(tf, "Mul", KF_DTYPE_INT64, sizes[axis], (double)times);
    y = kf_tf_expand(tf, of->dtype, x, (int64_t)axis + 1);
    for (int64_t i = 0; i < times; i++)
        copies[i] = y;
    y = kf_tf_concat(tf, of->dtype, copies, (size_t)times, (int64_t)axis + 1);
    return kf_tf_reshape(tf, of->dtype, y, kf_tf_concat(tf, KF_DTYPE_INT64, sizes, of->rank, 0));
}

static void repeat_all(struct kf_tf_call *call, const float *scales)
{
    const char *x = kf_tf_last(call->tf, kf_tf_input(call, 0));

    for (unsigned i = 2; i < kf_tf_input(call, 0)->rank; i++) {
        int64_t times = (int64_t)scales[i];

        if (times < 1 || times > KF_TF_EDGE_MAX) {
            kf_tf_refuse(call, "by more than %d times", KF_TF_EDGE_MAX);
            return;
        }
        if (times > 1)
            x = repeat(call, x, i - 1, times);
    }
    kf_tf_give_last(call, 0, x);
}

/* Height and width of what comes out, as int32. */
static const char *size_out(struct kf_tf_call *call, const float *scales)
{
    struct kf_tf *tf = call->tf;
    const struct kf_onnx_tensor *x = kf_tf_input(call, 0), *y = call->node->out[0];
    const char *sizes[2];

    for (unsigned i = 0; i < 2; i++)
        if (y->dims[i + 2] != KF_ONNX_FREE)
            sizes[i] = kf_tf_list(tf, &y->dims[i + 2], 1);
        else
            sizes[i] =
                kf_tf_with(tf, "Mul", KF_DTYPE_INT64,
                           kf_tf_size(tf, x->dtype, kf_tf_last(tf, kf_tf_input(call, 0)), i + 1),
                           scales ? (double)scales[i + 2] : 1);
    return kf_tf_cast(tf, kf_tf_concat(tf, KF_DTYPE_INT64, sizes, 2, 0), KF_DTYPE_INT64,
                      KF_DTYPE_INT32);
}

/* What is not made of whole pixels goes by their middles. */
void kf_tf_form_resize(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0), *scales = kf_tf_input(call, 2);
    const float *by = scales ? scales->bytes : NULL;
    bool linear = kf_onnx_is_text(call->node, "mode", 0, "linear");
    const char *in, *size, *y;
    struct kf_tf_node node;

    if (by && kf_onnx_is_text(call->node, "coordinate_transformation_mode", 0, "asymmetric")) {
        repeat_all(call, by);
        return;
    }
    if (x->rank != 4)
        return;
    in = kf_tf_last(tf, x);
    size = size_out(call, by);
    kf_tf_begin(tf, &node, linear ? "ResizeBilinear" : "ResizeNearestNeighbor");
    kf_tf_in(&node, in);
    kf_tf_in(&node, size);
    kf_tf_set_type(&node, "T", x->dtype);
    kf_tf_set_bool(&node, "half_pixel_centers", true);
    y = kf_tf_end(&node);
    kf_tf_give_last(call, 0, linear ? kf_tf_cast(tf, y, KF_DTYPE_FLOAT32, x->dtype) : y);
}
