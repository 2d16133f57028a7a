/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/rewrite.h"
#include "layer.h"
#include <string.h>

/*
 * Convolutions: their input has the channels behind the batch, and so has what comes out. A layer
 * with channels_last takes and leaves the moved form of its values.
 */
#define SPATIAL_MAX 3

/* What a window does along each axis in the middle. */
struct window {
    unsigned n; /* axes in the middle */
    int64_t size[SPATIAL_MAX], stride[SPATIAL_MAX], dilation[SPATIAL_MAX];
    int64_t before[SPATIAL_MAX], after[SPATIAL_MAX]; /* zeros in front and behind */
    bool automatic;                                  /* which are not known: SAME_UPPER */
};

static bool channels_first(const struct kf_onnx_call *call)
{
    return kf_streq(kf_onnx_text(call, "data_format", NULL), "channels_first");
}

/* The input with its channels behind the batch. */
static struct kf_onnx_tensor *take(struct kf_onnx_call *call)
{
    return channels_first(call) ? kf_onnx_plain(call->onnx, call->in[0])
                                : kf_onnx_moved(call->onnx, call->in[0]);
}

static void give(struct kf_onnx_call *call, struct kf_onnx_tensor *y)
{
    kf_onnx_give_as(call, y, !channels_first(call));
}

static struct kf_onnx_tensor *activated(struct kf_onnx_call *call, struct kf_onnx_tensor *y)
{
    const json_t *activation = json_object_get(call->layer->config, "activation");

    if (!channels_first(call))
        return kf_onnx_activate(call, activation, y, true);
    return kf_onnx_activate(call, activation, y, false);
}

/* The sizes in the middle of `x` are those of the axes from the third on. */
static bool read_window(struct kf_onnx_call *call, struct window *window,
                        const struct kf_onnx_tensor *x, const char *size, const char *stride)
{
    const json_t *strides = json_object_get(call->layer->config, stride);

    *window = (struct window){.n = x && x->rank > 2 ? x->rank - 2 : 0};
    if (!window->n || window->n > SPATIAL_MAX ||
        !kf_onnx_sizes(call, size, 1, window->size, window->n) ||
        !kf_onnx_sizes(call, "dilation_rate", 1, window->dilation, window->n))
        return false;
    if (!strides || json_is_null(strides)) /* of a pooling: as large as the window */
        memcpy(window->stride, window->size, sizeof(window->stride));
    else if (!kf_onnx_sizes(call, stride, 1, window->stride, window->n))
        return false;
    for (unsigned i = 0; i < window->n; i++)
        if (window->size[i] < 1 || window->stride[i] < 1 || window->dilation[i] < 1) {
            kf_onnx_refuse(call, "its window has no size");
            return false;
        }
    return true;
}

static int64_t reach(const struct window *window, unsigned i)
{
    return (window->size[i] - 1) * window->dilation[i] + 1;
}

/* Zeros so that an output is as large as the input, divided by the stride. */
static void pad_same(struct window *window, const struct kf_onnx_tensor *x)
{
    for (unsigned i = 0; i < window->n; i++) {
        int64_t size = x->dims[i + 2], pad;

        if (size == KF_ONNX_FREE) {
            window->automatic = true;
            continue;
        }
        pad = ((size + window->stride[i] - 1) / window->stride[i] - 1) * window->stride[i] +
              reach(window, i) - size;
        window->before[i] = pad > 0 ? pad / 2 : 0;
        window->after[i] = pad > 0 ? pad - pad / 2 : 0;
    }
}

static void pad_window(struct kf_onnx_call *call, struct window *window,
                       const struct kf_onnx_tensor *x)
{
    const char *padding = kf_onnx_text(call, "padding", "valid");

    if (kf_streq(padding, "same"))
        pad_same(window, x);
    else if (kf_streq(padding, "causal"))
        window->before[0] = reach(window, 0) - 1;
    else if (!kf_streq(padding, "valid"))
        kf_onnx_refuse(call, "padding %.40s", padding);
}

static int64_t window_out(const struct window *window, const struct kf_onnx_tensor *x, unsigned i)
{
    int64_t size = x->dims[i + 2], room;

    if (size == KF_ONNX_FREE)
        return KF_ONNX_FREE;
    if (window->automatic)
        return (size + window->stride[i] - 1) / window->stride[i];
    room = size + window->before[i] + window->after[i] - reach(window, i);
    return room < 0 ? 0 : room / window->stride[i] + 1;
}

static void set_window(struct kf_onnx *onnx, struct kf_onnx_node *node, const struct window *window,
                       bool dilated)
{
    int64_t pads[2 * SPATIAL_MAX];

    kf_onnx_set_ints(onnx, node, "kernel_shape", window->size, window->n);
    kf_onnx_set_ints(onnx, node, "strides", window->stride, window->n);
    if (dilated)
        kf_onnx_set_ints(onnx, node, "dilations", window->dilation, window->n);
    if (window->automatic) {
        kf_onnx_set_text(onnx, node, "auto_pad", "SAME_UPPER");
        return;
    }
    for (unsigned i = 0; i < window->n; i++) {
        pads[i] = window->before[i];
        pads[i + window->n] = window->after[i];
    }
    kf_onnx_set_ints(onnx, node, "pads", pads, (size_t)window->n * 2);
}

static bool window_fits(struct kf_onnx_call *call, const struct window *window,
                        const struct kf_onnx_tensor *x)
{
    for (unsigned i = 0; i < window->n; i++)
        if (window_out(window, x, i) == 0) {
            kf_onnx_refuse(call, "its window is larger than its input");
            return false;
        }
    return true;
}

/* One Conv; its kernel has the axes (outputs, inputs of a group, ...). */
static struct kf_onnx_tensor *conv(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                   struct kf_onnx_tensor *kernel, struct kf_onnx_tensor *bias,
                                   const struct window *window, int64_t groups)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *in[3] = {x, kernel, bias};
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;

    if (!x || !kernel || !window_fits(call, window, x))
        return NULL;
    if (kernel->rank != x->rank || x->dims[1] != kernel->dims[1] * groups) {
        kf_onnx_refuse(call, "its kernel does not fit its input");
        return NULL;
    }
    node = kf_onnx_node_new(onnx, "Conv", in, bias ? 3 : 2);
    set_window(onnx, node, window, true);
    kf_onnx_set_int(onnx, node, "group", groups);
    dims[0] = x->dims[0];
    dims[1] = kernel->dims[0];
    for (unsigned i = 0; i < window->n; i++)
        dims[i + 2] = window_out(window, x, i);
    return kf_onnx_output(onnx, node, x->dtype, x->rank, dims);
}

/* (..., inputs, filters) becomes (filters, inputs, ...). */
static struct kf_onnx_tensor *kernel_of(struct kf_onnx_call *call, const char *variable, unsigned n)
{
    unsigned axes[SPATIAL_MAX + 2] = {n + 1, n};

    for (unsigned i = 0; i < n; i++)
        axes[i + 2] = i;
    return kf_onnx_weight_moved(call, variable, axes, n + 2);
}

/* The bias, or NULL; false when there should be one. */
static bool bias_of(struct kf_onnx_call *call, struct kf_onnx_tensor **out)
{
    *out = kf_onnx_flag(call, "use_bias", true) ? kf_onnx_weight(call, "bias") : NULL;
    return *out || !kf_onnx_flag(call, "use_bias", true);
}

void kf_onnx_form_conv(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_cast(call->onnx, take(call), call->dtype), *kernel, *bias;
    struct window window;

    if (!read_window(call, &window, x, "kernel_size", "strides") || !bias_of(call, &bias))
        return;
    kernel = kernel_of(call, "kernel", window.n);
    pad_window(call, &window, x);
    give(call,
         activated(call, conv(call, x, kernel, bias, &window, kf_onnx_number(call, "groups", 1))));
}

/*
 * (..., channels, multiplier) becomes (channels * multiplier, 1, ...): behind each other in memory
 * stand the multiples of one channel.
 */
static const struct kf_payload *make_depthwise(struct kf_arena *arena,
                                               const struct kf_payload *payload, const void *how,
                                               bool *fits)
{
    unsigned n = payload->rank - 2, axes[SPATIAL_MAX + 2] = {n, n + 1};
    struct kf_payload *flat = kf_arena_alloc(arena, sizeof(*flat));
    const struct kf_payload *moved;

    (void)how;
    *fits = payload->rank >= 3 && n <= SPATIAL_MAX;
    if (!*fits || !flat)
        return NULL;
    for (unsigned i = 0; i < n; i++)
        axes[i + 2] = i;
    moved = kf_rewrite_transpose(arena, payload, axes, payload->rank, fits);
    if (!moved)
        return NULL;
    *flat = *moved;
    flat->dims[0] = moved->dims[0] * moved->dims[1];
    flat->dims[1] = 1;
    return flat;
}

static struct kf_onnx_tensor *depthwise(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                        const char *variable, struct kf_onnx_tensor *bias,
                                        struct window *window)
{
    struct kf_onnx_tensor *kernel =
        kf_onnx_weight_made(call, variable, "transposed", make_depthwise, NULL);

    if (!kernel || !x || x->dims[1] < 1)
        return NULL;
    pad_window(call, window, x);
    return conv(call, x, kernel, bias, window, x->dims[1]);
}

static bool has_kernel(const struct kf_onnx_call *call)
{
    return kf_onnx_has_weight(call, "kernel");
}

void kf_onnx_form_depthwise_conv(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_cast(call->onnx, take(call), call->dtype), *bias;
    struct window window;

    if (!read_window(call, &window, x, "kernel_size", "strides") || !bias_of(call, &bias))
        return;
    give(call, activated(call, depthwise(call, x, has_kernel(call) ? "kernel" : "depthwise_kernel",
                                         bias, &window)));
}

/* First channel by channel, then across the channels. */
void kf_onnx_form_separable_conv(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_cast(call->onnx, take(call), call->dtype), *bias;
    struct window window, point = {0};

    if (!read_window(call, &window, x, "kernel_size", "strides") || !bias_of(call, &bias))
        return;
    x = depthwise(call, x, "depthwise_kernel", NULL, &window);
    point.n = window.n;
    for (unsigned i = 0; i < point.n; i++)
        point.size[i] = point.stride[i] = point.dilation[i] = 1;
    give(call, activated(call, conv(call, x, kernel_of(call, "pointwise_kernel", point.n), bias,
                                    &point, 1)));
}

/*
 * How large a transposed convolution's output is beyond its last window: below 0 it is cut.
 *
 * Source: keras/src/backend/common/backend_utils.py, _get_output_shape_given_tf_padding (3.15.1);
 * what is cut is divided as TensorFlow does, the smaller half in front.
 */
static int64_t extra(const struct window *window, unsigned i, bool same, int64_t output_padding)
{
    int64_t k = reach(window, i), stride = window->stride[i];

    if (!same)
        return output_padding < 0 ? (k > stride ? k : stride) - k : output_padding;
    if (output_padding < 0)
        return stride - k;
    return k % 2 + output_padding - k;
}

/* (..., filters, inputs) becomes (inputs, filters, ...), which is the same order of axes. */
void kf_onnx_form_conv_transpose(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *in[3] = {kf_onnx_cast(onnx, take(call), call->dtype)}, *x = in[0];
    bool same = kf_streq(kf_onnx_text(call, "padding", "valid"), "same");
    int64_t added[SPATIAL_MAX], padding[SPATIAL_MAX], dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;
    struct window window;

    if (!read_window(call, &window, x, "kernel_size", "strides") || !bias_of(call, &in[2]) ||
        !kf_onnx_sizes(call, "output_padding", -1, padding, window.n) ||
        !(in[1] = kernel_of(call, "kernel", window.n)))
        return;
    dims[0] = x->dims[0];
    dims[1] = in[1]->dims[1];
    for (unsigned i = 0; i < window.n; i++) {
        int64_t more = extra(&window, i, same, padding[i]), size = x->dims[i + 2];

        added[i] = more > 0 ? more : 0;
        window.before[i] = more < 0 ? -more / 2 : 0;
        window.after[i] = more < 0 ? -more - -more / 2 : 0;
        dims[i + 2] = size == KF_ONNX_FREE
                          ? KF_ONNX_FREE
                          : (size - 1) * window.stride[i] + reach(&window, i) + more;
    }
    node = kf_onnx_node_new(onnx, "ConvTranspose", in, in[2] ? 3 : 2);
    set_window(onnx, node, &window, true);
    kf_onnx_set_ints(onnx, node, "output_padding", added, window.n);
    give(call, activated(call, kf_onnx_output(onnx, node, x->dtype, x->rank, dims)));
}

void kf_onnx_form_pool(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = take(call);
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;
    struct window window;

    if (!read_window(call, &window, x, "pool_size", "strides"))
        return;
    pad_window(call, &window, x);
    if (!window_fits(call, &window, x))
        return;
    node = kf_onnx_node_new(onnx, call->op, &x, 1);
    set_window(onnx, node, &window, false);
    memcpy(dims, x->dims, sizeof(dims));
    for (unsigned i = 0; i < window.n; i++)
        dims[i + 2] = window_out(&window, x, i);
    give(call, kf_onnx_output(onnx, node, x->dtype, x->rank, dims));
}
