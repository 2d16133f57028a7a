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

/* Modes as the operator has them, and what goes by the middles of pixels. */
static const struct mode {
    const char *name, *op;
    bool half_pixels, same_dtype; /* told that it does; gives what it takes, not float32 */
} modes[] = {
    {"nearest", "ResizeNearestNeighbor", true, true},
    {"linear", "ResizeBilinear", true, false},
    {"bicubic", "ResizeBicubic", true, false},
    {"area", "ResizeArea", false, false},
    {"lanczos3", "ScaleAndTranslate", false, false},
    {"lanczos5", "ScaleAndTranslate", false, false},
};

/* How much larger the output is, and by how much it is moved: not at all. */
static const char *scale_of(struct kf_tf_call *call, const char *size)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    const char *old[2] = {kf_tf_size(tf, x->dtype, kf_tf_last(tf, x), 1),
                          kf_tf_size(tf, x->dtype, kf_tf_last(tf, x), 2)};

    return kf_tf_binary(tf, "RealDiv", KF_DTYPE_FLOAT32,
                        kf_tf_cast(tf, size, KF_DTYPE_INT32, KF_DTYPE_FLOAT32),
                        kf_tf_cast(tf, kf_tf_concat(tf, KF_DTYPE_INT64, old, 2, 0), KF_DTYPE_INT64,
                                   KF_DTYPE_FLOAT32));
}

static const char *sample(struct kf_tf_call *call, const struct mode *mode, const char *size)
{
    static const float none[2] = {0, 0};
    static const int64_t two[1] = {2};
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    bool scaled = strcmp(mode->op, "ScaleAndTranslate") == 0;
    const char *in = kf_tf_last(tf, x), *scale = NULL, *moved = NULL;
    struct kf_tf_node node;

    if (scaled) {
        scale = scale_of(call, size);
        moved = kf_tf_constant(tf, KF_DTYPE_FLOAT32, 1, two, none, sizeof(none));
    }
    kf_tf_begin(tf, &node, mode->op);
    kf_tf_in(&node, in);
    kf_tf_in(&node, size);
    if (scaled) {
        kf_tf_in(&node, scale);
        kf_tf_in(&node, moved);
        kf_tf_set_text(&node, "kernel_type", mode->name);
        kf_tf_set_bool(&node, "antialias", false);
    }
    kf_tf_set_type(&node, "T", x->dtype);
    if (mode->half_pixels)
        kf_tf_set_bool(&node, "half_pixel_centers", true);
    in = kf_tf_end(&node);
    return mode->same_dtype ? in : kf_tf_cast(tf, in, KF_DTYPE_FLOAT32, x->dtype);
}

void kf_tf_form_resize(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0), *scales = kf_tf_input(call, 2);
    const float *by = scales ? scales->bytes : NULL;

    if (by && kf_onnx_is_text(call->node, "coordinate_transformation_mode", 0, "asymmetric")) {
        repeat_all(call, by);
        return;
    }
    for (size_t i = 0; x->rank == 4 && i < sizeof(modes) / sizeof(modes[0]); i++)
        if (kf_onnx_is_text(call->node, "mode", 0, modes[i].name)) {
            kf_tf_give_last(call, 0, sample(call, &modes[i], size_out(call, by)));
            return;
        }
}

/* Blocks of pixels and channels. */
void kf_tf_form_blocks(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    const char *in = kf_tf_last(call->tf, x);
    struct kf_tf_node node;

    kf_tf_begin(call->tf, &node, call->op);
    kf_tf_in(&node, in);
    kf_tf_set_type(&node, "T", x->dtype);
    kf_tf_set_int(&node, "block_size", kf_onnx_get_int(call->node, "blocksize", 1));
    kf_tf_give_last(call, 0, kf_tf_end(&node));
}
