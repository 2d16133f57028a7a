/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/rewrite.h"
#include "window.h"
#include <string.h>

/*
 * Convolutions: their input has the channels behind the batch, and so has what comes out. A layer
 * with channels_last takes and leaves the moved form of its values.
 */

static void give(struct kf_onnx_call *call, struct kf_onnx_tensor *y)
{
    kf_onnx_give_as(call, y, !kf_onnx_channels_first(call));
}

static struct kf_onnx_tensor *activated(struct kf_onnx_call *call, struct kf_onnx_tensor *y)
{
    const json_t *activation = json_object_get(call->layer->config, "activation");

    if (!kf_onnx_channels_first(call))
        return kf_onnx_activate(call, activation, y, true);
    return kf_onnx_activate(call, activation, y, false);
}

/* The bias, or NULL; false when there should be one. */
static bool bias_of(struct kf_onnx_call *call, struct kf_onnx_tensor **out)
{
    *out = kf_onnx_flag(call, "use_bias", true) ? kf_onnx_weight(call, "bias") : NULL;
    return *out || !kf_onnx_flag(call, "use_bias", true);
}

void kf_onnx_form_conv(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_cast(call->onnx, kf_onnx_take(call), call->dtype), *kernel,
                          *bias;
    struct kf_onnx_window window;

    if (!kf_onnx_window_read(call, &window, x, "kernel_size", "strides") || !bias_of(call, &bias))
        return;
    kernel = kf_onnx_kernel(call, "kernel", window.n);
    kf_onnx_window_pad(call, &window, x);
    give(call, activated(call, kf_onnx_conv(call, x, kernel, bias, &window,
                                            kf_onnx_number(call, "groups", 1))));
}

/*
 * (..., channels, multiplier) becomes (channels * multiplier, 1, ...): behind each other in memory
 * stand the multiples of one channel.
 */
static const struct kf_payload *make_depthwise(struct kf_arena *arena,
                                               const struct kf_payload *payload, const void *how,
                                               bool *fits)
{
    unsigned n = payload->rank - 2, axes[KF_ONNX_SPATIAL_MAX + 2] = {n, n + 1};
    struct kf_payload *flat = kf_arena_alloc(arena, sizeof(*flat));
    const struct kf_payload *moved;

    (void)how;
    *fits = payload->rank >= 3 && n <= KF_ONNX_SPATIAL_MAX;
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
                                        struct kf_onnx_window *window)
{
    struct kf_onnx_tensor *kernel =
        kf_onnx_weight_made(call, variable, "transposed", make_depthwise, NULL);

    if (!kernel || !x || x->dims[1] < 1)
        return NULL;
    kf_onnx_window_pad(call, window, x);
    return kf_onnx_conv(call, x, kernel, bias, window, x->dims[1]);
}

static bool has_kernel(const struct kf_onnx_call *call)
{
    return kf_onnx_has_weight(call, "kernel");
}

void kf_onnx_form_depthwise_conv(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_cast(call->onnx, kf_onnx_take(call), call->dtype), *bias;
    struct kf_onnx_window window;

    if (!kf_onnx_window_read(call, &window, x, "kernel_size", "strides") || !bias_of(call, &bias))
        return;
    give(call, activated(call, depthwise(call, x, has_kernel(call) ? "kernel" : "depthwise_kernel",
                                         bias, &window)));
}

/* First channel by channel, then across the channels. */
void kf_onnx_form_separable_conv(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_cast(call->onnx, kf_onnx_take(call), call->dtype), *bias;
    struct kf_onnx_window window, point = {0};

    if (!kf_onnx_window_read(call, &window, x, "kernel_size", "strides") || !bias_of(call, &bias))
        return;
    x = depthwise(call, x, "depthwise_kernel", NULL, &window);
    point.n = window.n;
    for (unsigned i = 0; i < point.n; i++)
        point.size[i] = point.stride[i] = point.dilation[i] = 1;
    give(call,
         activated(call, kf_onnx_conv(call, x, kf_onnx_kernel(call, "pointwise_kernel", point.n),
                                      bias, &point, 1)));
}

/*
 * How large a transposed convolution's output is beyond its last window: below 0 it is cut.
 *
 * Source: keras/src/backend/common/backend_utils.py, _get_output_shape_given_tf_padding (3.15.1);
 * what is cut is divided as TensorFlow does, the smaller half in front.
 */
static int64_t extra(const struct kf_onnx_window *window, unsigned i, bool same,
                     int64_t output_padding)
{
    int64_t k = kf_onnx_window_reach(window, i), stride = window->stride[i];

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
    struct kf_onnx_tensor *in[3] = {kf_onnx_cast(onnx, kf_onnx_take(call), call->dtype)},
                          *x = in[0];
    bool same = kf_streq(kf_onnx_text(call, "padding", "valid"), "same");
    int64_t added[KF_ONNX_SPATIAL_MAX], padding[KF_ONNX_SPATIAL_MAX], dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;
    struct kf_onnx_window window;

    if (!kf_onnx_window_read(call, &window, x, "kernel_size", "strides") ||
        !bias_of(call, &in[2]) || !kf_onnx_sizes(call, "output_padding", -1, padding, window.n) ||
        !(in[1] = kf_onnx_kernel(call, "kernel", window.n)))
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
                          : (size - 1) * window.stride[i] + kf_onnx_window_reach(&window, i) + more;
    }
    node = kf_onnx_node_new(onnx, "ConvTranspose", in, in[2] ? 3 : 2);
    kf_onnx_window_set(onnx, node, &window, true);
    kf_onnx_set_ints(onnx, node, "output_padding", added, window.n);
    give(call, activated(call, kf_onnx_output(onnx, node, x->dtype, x->rank, dims)));
}

void kf_onnx_form_pool(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_take(call);
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;
    struct kf_onnx_window window;

    if (!kf_onnx_window_read(call, &window, x, "pool_size", "strides"))
        return;
    kf_onnx_window_pad(call, &window, x);
    if (!kf_onnx_window_fits(call, &window, x))
        return;
    node = kf_onnx_node_new(onnx, call->op, &x, 1);
    kf_onnx_window_set(onnx, node, &window, false);
    memcpy(dims, x->dims, sizeof(dims));
    for (unsigned i = 0; i < window.n; i++)
        dims[i + 2] = kf_onnx_window_out(&window, x, i);
    give(call, kf_onnx_output(onnx, node, x->dtype, x->rank, dims));
}
