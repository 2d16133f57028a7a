/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include <string.h>

/* Windows that go over the axes in the middle: of convolutions and poolings. */

bool kf_onnx_channels_first(const struct kf_onnx_call *call)
{
    return kf_streq(kf_onnx_text(call, "data_format", NULL), "channels_first");
}

/* The input with its channels behind the batch. */
struct kf_onnx_tensor *kf_onnx_take(struct kf_onnx_call *call)
{
    return kf_onnx_channels_first(call) ? kf_onnx_plain(call->onnx, call->in[0])
                                        : kf_onnx_moved(call->onnx, call->in[0]);
}

/* The sizes in the middle of `x` are those of the axes from the third on. */
bool kf_onnx_window_read(struct kf_onnx_call *call, struct kf_onnx_window *window,
                         const struct kf_onnx_tensor *x, const char *size, const char *stride)
{
    bool pool = kf_streq(size, "pool_size");

    *window = (struct kf_onnx_window){.n = x && x->rank > 2 ? x->rank - 2 : 0};
    if (!window->n || window->n > KF_ONNX_SPATIAL_MAX ||
        !kf_onnx_sizes(call, size, 1, window->size, window->n) ||
        !kf_onnx_sizes(call, "dilation_rate", 1, window->dilation, window->n))
        return false;
    if (!kf_onnx_sizes(call, stride, 0, window->stride, window->n))
        return false;
    for (unsigned i = 0; i < window->n; i++)
        if (!window->stride[i]) /* not told */
            window->stride[i] = pool ? window->size[i] : 1;
    for (unsigned i = 0; i < window->n; i++)
        if (window->size[i] < 1 || window->stride[i] < 1 || window->dilation[i] < 1) {
            kf_onnx_refuse(call, "its window has no size");
            return false;
        }
    return true;
}

int64_t kf_onnx_window_reach(const struct kf_onnx_window *window, unsigned i)
{
    return (window->size[i] - 1) * window->dilation[i] + 1;
}

static bool is_dilated(const struct kf_onnx_window *window)
{
    for (unsigned i = 0; i < window->n; i++)
        if (window->dilation[i] > 1)
            return true;
    return false;
}

/*
 * Zeros so that an output is as large as the input, divided by the stride. ONNX Runtime does not
 * find out itself how many a dilated window needs; as it strides by 1, no size has to be known.
 */
void kf_onnx_window_same(struct kf_onnx_window *window, const struct kf_onnx_tensor *x)
{
    const bool dilated = is_dilated(window);

    for (unsigned i = 0; i < window->n; i++) {
        int64_t size = x->dims[i + 2], pad;

        if (size == KF_ONNX_FREE && !dilated) {
            window->automatic = true;
            continue;
        }
        pad = size == KF_ONNX_FREE
                  ? kf_onnx_window_reach(window, i) - 1
                  : ((size + window->stride[i] - 1) / window->stride[i] - 1) * window->stride[i] +
                        kf_onnx_window_reach(window, i) - size;
        window->before[i] = pad > 0 ? pad / 2 : 0;
        window->after[i] = pad > 0 ? pad - pad / 2 : 0;
    }
}

void kf_onnx_window_pad(struct kf_onnx_call *call, struct kf_onnx_window *window,
                        const struct kf_onnx_tensor *x)
{
    const char *padding = kf_onnx_text(call, "padding", "valid");

    if (kf_streq(padding, "same"))
        kf_onnx_window_same(window, x);
    else if (kf_streq(padding, "causal"))
        window->before[0] = kf_onnx_window_reach(window, 0) - 1;
    else if (!kf_streq(padding, "valid"))
        kf_onnx_refuse(call, "padding %.40s", padding);
}

int64_t kf_onnx_window_out(const struct kf_onnx_window *window, const struct kf_onnx_tensor *x,
                           unsigned i)
{
    int64_t size = x->dims[i + 2], room;

    if (size == KF_ONNX_FREE)
        return KF_ONNX_FREE;
    if (window->automatic)
        return (size + window->stride[i] - 1) / window->stride[i];
    room = size + window->before[i] + window->after[i] - kf_onnx_window_reach(window, i);
    return room < 0 ? 0 : room / window->stride[i] + 1;
}

void kf_onnx_window_set(struct kf_onnx *onnx, struct kf_onnx_node *node,
                        const struct kf_onnx_window *window, bool dilated)
{
    int64_t pads[2 * KF_ONNX_SPATIAL_MAX];

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

bool kf_onnx_window_fits(struct kf_onnx_call *call, const struct kf_onnx_window *window,
                         const struct kf_onnx_tensor *x)
{
    for (unsigned i = 0; i < window->n; i++)
        if (kf_onnx_window_out(window, x, i) == 0) {
            kf_onnx_refuse(call, "its window is larger than its input");
            return false;
        }
    return true;
}

/* One Conv; its kernel has the axes (outputs, inputs of a group, ...). */
struct kf_onnx_tensor *kf_onnx_conv(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                    struct kf_onnx_tensor *kernel, struct kf_onnx_tensor *bias,
                                    const struct kf_onnx_window *window, int64_t groups)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *in[3] = {x, kernel, bias};
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;

    if (!x || !kernel || !kf_onnx_window_fits(call, window, x))
        return NULL;
    if (kernel->rank != x->rank || x->dims[1] != kernel->dims[1] * groups) {
        kf_onnx_refuse(call, "its kernel does not fit its input");
        return NULL;
    }
    node = kf_onnx_node_new(onnx, "Conv", in, bias ? 3 : 2);
    kf_onnx_window_set(onnx, node, window, true);
    kf_onnx_set_int(onnx, node, "group", groups);
    dims[0] = x->dims[0];
    dims[1] = kernel->dims[0];
    for (unsigned i = 0; i < window->n; i++)
        dims[i + 2] = kf_onnx_window_out(window, x, i);
    return kf_onnx_output(onnx, node, x->dtype, x->rank, dims);
}

/* (..., inputs, filters) becomes (filters, inputs, ...). */
struct kf_onnx_tensor *kf_onnx_kernel(struct kf_onnx_call *call, const char *variable, unsigned n)
{
    unsigned axes[KF_ONNX_SPATIAL_MAX + 2] = {n + 1, n};

    for (unsigned i = 0; i < n; i++)
        axes[i + 2] = i;
    return kf_onnx_weight_moved(call, variable, axes, n + 2);
}
