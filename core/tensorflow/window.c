/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"
#include <string.h>

static void read_axis(const struct kf_tf_call *call, struct kf_tf_window *window, unsigned to,
                      unsigned i)
{
    const struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    unsigned n_spatial = x->rank - 2;
    size_t n;
    const int64_t *list;

    if ((list = kf_onnx_get_ints(call->node, "kernel_shape", &n)) && i < n)
        window->size[to] = list[i];
    if ((list = kf_onnx_get_ints(call->node, "strides", &n)) && i < n)
        window->stride[to] = list[i];
    if ((list = kf_onnx_get_ints(call->node, "dilations", &n)) && i < n)
        window->dilation[to] = list[i];
    if ((list = kf_onnx_get_ints(call->node, "pads", &n)) && n == 2 * (size_t)n_spatial) {
        window->before[to] = list[i];
        window->after[to] = list[i + n_spatial];
    }
    window->in[to] = x->dims[i + 2];
}

bool kf_tf_window_read(const struct kf_tf_call *call, struct kf_tf_window *window)
{
    const struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    unsigned n = x->rank > 2 ? x->rank - 2 : 0;

    *window = (struct kf_tf_window){.n = n < 2 ? 2 : n, .thin = n == 1};
    if (n < 1 || n > KF_TF_SPATIAL_MAX)
        return false;
    for (unsigned i = 0; i < KF_TF_SPATIAL_MAX; i++)
        window->size[i] = window->stride[i] = window->dilation[i] = window->in[i] = 1;
    for (unsigned i = 0; i < n; i++)
        read_axis(call, window, i + window->thin, i);
    if (window->thin)
        window->stride[0] = window->stride[1]; /* some ops want both to be the same */
    window->automatic = kf_onnx_is_text(call->node, "auto_pad", 0, "SAME_UPPER");
    return true;
}

int64_t kf_tf_window_reach(const struct kf_tf_window *window, unsigned i)
{
    return (window->size[i] - 1) * window->dilation[i] + 1;
}

bool kf_tf_window_is_same(const struct kf_tf_window *window)
{
    for (unsigned i = 0; i < window->n; i++) {
        int64_t stride = window->stride[i], total;

        if (window->in[i] < 0)
            return false;
        total = ((window->in[i] + stride - 1) / stride - 1) * stride +
                kf_tf_window_reach(window, i) - window->in[i];
        total = total > 0 ? total : 0;
        if (window->before[i] != total / 2 || window->after[i] != total - total / 2)
            return false;
    }
    return true;
}

bool kf_tf_window_is_padded(const struct kf_tf_window *window)
{
    for (unsigned i = 0; i < window->n; i++)
        if (window->before[i] || window->after[i])
            return true;
    return false;
}

const char *kf_tf_window_padding(struct kf_tf_call *call, const struct kf_tf_window *window,
                                 const char **x)
{
    int64_t pads[2 * (KF_TF_SPATIAL_MAX + 2)] = {0};

    if (window->automatic || (kf_tf_window_is_padded(window) && kf_tf_window_is_same(window)))
        return "SAME";
    for (unsigned i = 0; i < window->n; i++) {
        pads[2 * i + 2] = window->before[i];
        pads[2 * i + 3] = window->after[i];
    }
    if (kf_tf_window_is_padded(window))
        *x = kf_tf_pad(call->tf, kf_tf_input(call, 0)->dtype, *x, pads, window->n + 2, NULL);
    return "VALID";
}

const char *kf_tf_window_thicken(struct kf_tf *tf, enum kf_dtype dtype,
                                 const struct kf_tf_window *window, const char *x, int64_t at)
{
    return window->thin ? kf_tf_expand(tf, dtype, x, at) : x;
}

const char *kf_tf_window_thin_out(struct kf_tf *tf, enum kf_dtype dtype,
                                  const struct kf_tf_window *window, const char *x)
{
    static const int64_t second = 1;

    return window->thin ? kf_tf_squeeze(tf, dtype, x, &second, 1) : x;
}

void kf_tf_window_around(const struct kf_tf_window *window, const int64_t *middle, int64_t *out)
{
    out[0] = 1;
    memcpy(out + 1, middle, window->n * sizeof(*middle));
    out[window->n + 1] = 1;
}
