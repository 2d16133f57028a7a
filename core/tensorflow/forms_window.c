/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"
#include <string.h>

/* Convolutions and pooling. */

/* The kernel of a convolution with its axes as TensorFlow has them: in the middle, in, out. */
struct kernel {
    const char *tensor;
    enum kf_dtype dtype;
    int64_t dims[KF_TF_SPATIAL_MAX + 2];
};

/* A weight stands in the file as Keras has it, which is TensorFlow's way; NULL for others. */
static const char *given_kernel(struct kf_tf_call *call, int64_t *dims)
{
    struct kf_onnx_tensor *w = kf_tf_input(call, 1);
    const struct kf_tf_place *place = w->place;
    const struct kf_onnx_tensor *weight = place && place->cast ? place->cast : w;

    if (!weight->given || weight->given->rank != w->rank)
        return NULL;
    for (unsigned i = 0; i < w->rank; i++)
        dims[i] = (int64_t)weight->given->dims[i];
    return kf_tf_given(call->tf, w);
}

/* What is computed, or a constant of an operation, has the two axes in front, the other way. */
static const char *turned_kernel(struct kf_tf_call *call, int64_t *dims)
{
    struct kf_onnx_tensor *w = kf_tf_input(call, 1);
    int64_t axes[KF_TF_SPATIAL_MAX + 2];

    for (unsigned i = 0; i < w->rank; i++) {
        axes[i] = i + 2 < w->rank ? i + 2 : (int64_t)(w->rank - 1 - i);
        dims[i] = w->dims[axes[i]];
        if (dims[i] < 0) {
            kf_tf_refuse(call, "with a kernel whose sizes are not known");
            return NULL;
        }
    }
    return kf_tf_transpose(call->tf, w->dtype, kf_tf_in_plain(call, 1), axes, w->rank);
}

static bool find_kernel(struct kf_tf_call *call, const struct kf_tf_window *window,
                        struct kernel *kernel)
{
    const struct kf_onnx_tensor *w = kf_tf_input(call, 1);
    unsigned first = window->thin;
    const char *found;

    *kernel = (struct kernel){.dtype = w->dtype};
    if (w->rank + first != window->n + 2)
        return false;
    kernel->dims[0] = 1;
    found = given_kernel(call, kernel->dims + first);
    if (!found)
        found = turned_kernel(call, kernel->dims + first);
    kernel->tensor = kf_tf_window_thicken(call->tf, w->dtype, window, found, 0);
    return kernel->tensor != NULL;
}

/* Zeros between the rows of a kernel along an axis: what the op cannot do by itself. */
static void spread_axis(struct kf_tf *tf, struct kernel *kernel, unsigned rank, unsigned axis,
                        int64_t by)
{
    int64_t pads[2 * (KF_TF_SPATIAL_MAX + 3)] = {0}, shape[KF_TF_SPATIAL_MAX + 2];
    struct kf_tf_range ranges[KF_TF_SPATIAL_MAX + 2];
    const char *x = kf_tf_expand(tf, kernel->dtype, kernel->tensor, (int64_t)axis + 1);

    pads[2 * (axis + 1) + 1] = by - 1;
    x = kf_tf_pad(tf, kernel->dtype, x, pads, rank + 1, NULL);
    memcpy(shape, kernel->dims, sizeof(shape));
    shape[axis] *= by;
    x = kf_tf_reshape(tf, kernel->dtype, x, kf_tf_list(tf, shape, rank));
    kernel->dims[axis] = (kernel->dims[axis] - 1) * by + 1;
    for (unsigned i = 0; i < rank; i++)
        ranges[i] = (struct kf_tf_range){.step = 1, .from_start = true, .to_end = true};
    ranges[axis].to_end = false;
    ranges[axis].end = kernel->dims[axis];
    kernel->tensor = kf_tf_slice(tf, kernel->dtype, x, ranges, rank);
}

static void spread(struct kf_tf *tf, struct kernel *kernel, struct kf_tf_window *window)
{
    for (unsigned i = 0; i < window->n; i++)
        if (window->dilation[i] > 1) {
            spread_axis(tf, kernel, window->n + 2, i, window->dilation[i]);
            window->size[i] = kf_tf_window_reach(window, i);
            window->dilation[i] = 1;
        }
}

/* One op over images or volumes. */
static const char *slide(struct kf_tf_call *call, const char *op, const struct kf_tf_window *window,
                         const char *x, const char *kernel, const char *padding)
{
    int64_t strides[KF_TF_SPATIAL_MAX + 2], dilations[KF_TF_SPATIAL_MAX + 2];
    struct kf_tf_node node;

    kf_tf_window_around(window, window->stride, strides);
    kf_tf_window_around(window, window->dilation, dilations);
    kf_tf_begin(call->tf, &node, op);
    kf_tf_in(&node, x);
    kf_tf_in(&node, kernel);
    kf_tf_set_type(&node, "T", kf_tf_input(call, 0)->dtype);
    kf_tf_set_ints(&node, "strides", strides, window->n + 2);
    kf_tf_set_ints(&node, "dilations", dilations, window->n + 2);
    kf_tf_set_text(&node, "padding", padding);
    return kf_tf_end(&node);
}

/* Channels [from, from + n) of the last axis. */
static const char *channels(struct kf_tf *tf, enum kf_dtype dtype, const char *x, unsigned rank,
                            int64_t from, int64_t n)
{
    struct kf_tf_range ranges[KF_TF_SPATIAL_MAX + 2];

    for (unsigned i = 0; i < rank; i++)
        ranges[i] = (struct kf_tf_range){.step = 1, .from_start = true, .to_end = true};
    ranges[rank - 1] = (struct kf_tf_range){.start = from, .end = from + n, .step = 1};
    return kf_tf_slice(tf, dtype, x, ranges, rank);
}

/*
 * Each group by itself: volumes know no groups, and images do only as long as nothing is fused
 * with the convolution, as TensorFlow likes to.
 */
#define GROUPS_MAX 1024
static const char *slide_groups(struct kf_tf_call *call, const struct kf_tf_window *window,
                                const char *x, const struct kernel *kernel, const char *padding,
                                int64_t groups)
{
    struct kf_tf *tf = call->tf;
    unsigned rank = window->n + 2;
    int64_t n_in = kernel->dims[rank - 2], n_out = kernel->dims[rank - 1] / groups;
    const char *pieces[GROUPS_MAX], *op = window->n == 3 ? "Conv3D" : "Conv2D";

    if (groups > GROUPS_MAX) {
        kf_tf_refuse(call, "of more than %d groups", GROUPS_MAX);
        return NULL;
    }
    for (int64_t i = 0; i < groups; i++) {
        const char *own = channels(tf, kernel->dtype, kernel->tensor, rank, i * n_out, n_out);

        pieces[i] = slide(call, op, window, channels(tf, kernel->dtype, x, rank, i * n_in, n_in),
                          own, padding);
        if (!pieces[i])
            return NULL;
    }
    return kf_tf_concat(tf, kernel->dtype, pieces, (size_t)groups, rank - 1);
}

/* The kernel with its last two axes of these sizes: the order of its elements is the same. */
static void split_outputs(struct kf_tf *tf, struct kernel *kernel, unsigned n, int64_t in,
                          int64_t out)
{
    if (kernel->dims[n] == in)
        return;
    kernel->dims[n] = in;
    kernel->dims[n + 1] = out;
    kernel->tensor =
        kf_tf_reshape(tf, kernel->dtype, kernel->tensor, kf_tf_list(tf, kernel->dims, n + 2));
}

/* Where each channel is a group the op for that is faster, if it takes the strides. */
static const char *convolve(struct kf_tf_call *call, struct kf_tf_window *window, const char *x,
                            struct kernel *kernel, int64_t groups)
{
    const struct kf_onnx_tensor *w = kf_tf_input(call, 1);
    bool alone = groups > 1 && w->dims[1] == 1;
    bool depthwise = alone && window->n == 2 && window->stride[0] == window->stride[1];
    const char *padding = kf_tf_window_padding(call, window, &x);

    if (depthwise || window->n == 3)
        spread(call->tf, kernel, window);
    if (depthwise) {
        split_outputs(call->tf, kernel, window->n, groups, w->dims[0] / groups);
        return slide(call, "DepthwiseConv2dNative", window, x, kernel->tensor, padding);
    }
    if (alone)
        split_outputs(call->tf, kernel, window->n, 1, w->dims[0]);
    if (groups > 1)
        return slide_groups(call, window, x, kernel, padding, groups);
    return slide(call, window->n == 3 ? "Conv3D" : "Conv2D", window, x, kernel->tensor, padding);
}

static void give_biased(struct kf_tf_call *call, const struct kf_tf_window *window, const char *y)
{
    enum kf_dtype dtype = kf_tf_input(call, 0)->dtype;

    y = kf_tf_window_thin_out(call->tf, dtype, window, y);
    if (kf_tf_input(call, 2))
        y = kf_tf_binary(call->tf, "BiasAdd", dtype, y, kf_tf_in_plain(call, 2));
    kf_tf_give_last(call, 0, y);
}

void kf_tf_form_conv(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    struct kf_tf_window window;
    struct kernel kernel;
    const char *in;

    if (!kf_tf_window_read(call, &window) || !find_kernel(call, &window, &kernel))
        return;
    in = kf_tf_window_thicken(call->tf, x->dtype, &window, kf_tf_last(call->tf, x), 1);
    give_biased(call, &window,
                convolve(call, &window, in, &kernel, kf_onnx_get_int(call->node, "group", 1)));
}

/* The size of an output axis as a list of one; `more` is what it is beyond its windows. */
static const char *size_out(struct kf_tf_call *call, const struct kf_tf_window *window,
                            const char *x, unsigned i, int64_t more)
{
    struct kf_tf *tf = call->tf;
    int64_t rest = kf_tf_window_reach(window, i) + more - window->stride[i], known[1];
    const char *size;

    if (window->in[i] >= 0) {
        known[0] = window->in[i] * window->stride[i] + rest;
        return kf_tf_list(tf, known, 1);
    }
    size = kf_tf_size(tf, kf_tf_input(call, 0)->dtype, x, i + 1);
    size = kf_tf_with(tf, "Mul", KF_DTYPE_INT64, size, (double)window->stride[i]);
    return kf_tf_with(tf, "AddV2", KF_DTYPE_INT64, size, (double)rest);
}

/* The shape that comes out, with the channels at the end. */
static const char *shape_out(struct kf_tf_call *call, const struct kf_tf_window *window,
                             const char *x, int64_t filters)
{
    struct kf_tf *tf = call->tf;
    const char *sizes[KF_TF_SPATIAL_MAX + 2];
    size_t n;
    const int64_t *added = kf_onnx_get_ints(call->node, "output_padding", &n);

    sizes[0] = kf_tf_size(tf, kf_tf_input(call, 0)->dtype, x, 0);
    for (unsigned i = 0; i < window->n; i++) {
        int64_t more = -window->before[i] - window->after[i];

        if (i >= window->thin && i - window->thin < n)
            more += added[i - window->thin];
        sizes[i + 1] = size_out(call, window, x, i, more);
    }
    sizes[window->n + 1] = kf_tf_list(tf, &filters, 1);
    return kf_tf_cast(tf, kf_tf_concat(tf, KF_DTYPE_INT64, sizes, window->n + 2, 0), KF_DTYPE_INT64,
                      KF_DTYPE_INT32);
}

/* The gradient of a convolution is the transposed one. */
void kf_tf_form_conv_transpose(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    int64_t strides[KF_TF_SPATIAL_MAX + 2];
    const char *in, *shape;
    struct kf_tf_node node;
    struct kf_tf_window window;
    struct kernel kernel;

    if (!kf_tf_window_read(call, &window) || !find_kernel(call, &window, &kernel))
        return;
    if (window.thin)
        window.stride[0] = 1;
    spread(tf, &kernel, &window);
    in = kf_tf_window_thicken(tf, x->dtype, &window, kf_tf_last(tf, x), 1);
    shape = shape_out(call, &window, in, kernel.dims[window.n]);
    kf_tf_window_around(&window, window.stride, strides);
    kf_tf_begin(tf, &node, window.n == 3 ? "Conv3DBackpropInputV2" : "Conv2DBackpropInput");
    kf_tf_in(&node, shape);
    kf_tf_in(&node, kernel.tensor);
    kf_tf_in(&node, in);
    kf_tf_set_type(&node, "T", x->dtype);
    kf_tf_set_ints(&node, "strides", strides, window.n + 2);
    kf_tf_set_text(&node, "padding", kf_tf_window_is_padded(&window) ? "SAME" : "VALID");
    give_biased(call, &window, kf_tf_end(&node));
}

/* "Images Volumes" are two ops for one operator. */
void kf_tf_form_pool(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    const char *space = strchr(call->op, ' '), *in, *padding, *op;
    int64_t sizes[KF_TF_SPATIAL_MAX + 2], strides[KF_TF_SPATIAL_MAX + 2];
    struct kf_tf_node node;
    struct kf_tf_window window;

    if (!kf_tf_window_read(call, &window))
        return;
    if (kf_tf_window_is_padded(&window) && !kf_tf_window_is_same(&window)) {
        kf_tf_refuse(call, "with these zeros around its input");
        return;
    }
    op = window.n == 3 ? space + 1
                       : kf_arena_strndup(tf->arena, call->op, (size_t)(space - call->op));
    in = kf_tf_window_thicken(tf, x->dtype, &window, kf_tf_last(tf, x), 1);
    padding = kf_tf_window_padding(call, &window, &in);
    kf_tf_window_around(&window, window.size, sizes);
    kf_tf_window_around(&window, window.stride, strides);
    if (!op)
        return;
    kf_tf_begin(tf, &node, op);
    kf_tf_in(&node, in);
    kf_tf_set_type(&node, "T", x->dtype);
    kf_tf_set_ints(&node, "ksize", sizes, window.n + 2);
    kf_tf_set_ints(&node, "strides", strides, window.n + 2);
    kf_tf_set_text(&node, "padding", padding);
    kf_tf_give_last(call, 0, kf_tf_window_thin_out(tf, x->dtype, &window, kf_tf_end(&node)));
}
