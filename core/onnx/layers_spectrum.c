/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "window.h"
#include <string.h>

/*
 * Spectra of sound: the waves of a Fourier transform are weights of the layer, so it is a
 * convolution of each channel with them.
 *
 * Source: keras/src/layers/preprocessing/stft_spectrogram.py (3.15.1)
 */
#define EPSILON 1e-7

/* One part, "real_kernel" or "imag_kernel", as (batch, channels, waves, steps). */
static struct kf_onnx_tensor *part(struct kf_onnx_call *call, const char *kernel)
{
    struct kf_onnx_tensor *x = kf_onnx_take(call), *weight = kf_onnx_kernel(call, kernel, 1);
    int64_t channels = x && x->rank == 3 ? x->dims[1] : 0, dims[4] = {-1, 1};
    struct kf_onnx_window window = {.n = 1, .dilation = {1}};

    if (!weight || channels < 1 || (channels != 1 && x->dims[2] == KF_ONNX_FREE)) {
        kf_onnx_refuse(call, "it has more than one channel of a length that is not known");
        return NULL;
    }
    dims[2] = channels == 1 ? 0 : x->dims[2];
    x = kf_onnx_reshape(call->onnx, x, dims, 3);
    window.size[0] = weight->dims[2];
    window.stride[0] = kf_onnx_number(call, "frame_step", weight->dims[2] / 2);
    if (!x || window.stride[0] < 1)
        return NULL;
    kf_onnx_window_pad(call, &window, x);
    x = kf_onnx_conv(call, x, weight, NULL, &window, 1);
    if (!x)
        return NULL;
    dims[1] = channels;
    dims[2] = x->dims[1];
    dims[3] = x->dims[2];
    if (dims[3] != KF_ONNX_FREE)
        return kf_onnx_reshape(call->onnx, x, dims, 4);
    return kf_onnx_unsqueeze(call->onnx, x, &(const int64_t){1}, 1);
}

/* All waves but the first and the last count twice: they stand for their mirrors, too. */
static struct kf_onnx_tensor *doubled(struct kf_onnx *onnx, struct kf_onnx_tensor *power)
{
    static const int64_t pads[8] = {0, 0, 1, 0, 0, 0, 1, 0};

    return kf_onnx_binary(
        onnx, "Add", power,
        kf_onnx_pad(onnx, kf_onnx_slice(onnx, power, 2, 1, -1, 1), pads, "constant", NULL));
}

/* What the mode makes of both parts. */
static struct kf_onnx_tensor *combined(struct kf_onnx_call *call, const char *mode)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *both[2], *x;

    if (kf_streq(mode, "real"))
        return part(call, "real_kernel");
    if (kf_streq(mode, "imag"))
        return part(call, "imag_kernel");
    if (kf_streq(mode, "angle")) {
        kf_onnx_refuse(call, "no operator gives angles of a whole circle");
        return NULL;
    }
    both[0] = part(call, "real_kernel");
    both[1] = part(call, "imag_kernel");
    if (!both[0] || !both[1])
        return NULL;
    if (kf_streq(mode, "stft"))
        return kf_onnx_concat(onnx, both, 2, 2);
    x = kf_onnx_binary(onnx, "Add", kf_onnx_binary(onnx, "Mul", both[0], both[0]),
                       kf_onnx_binary(onnx, "Mul", both[1], both[1]));
    if (kf_streq(mode, "psd"))
        return doubled(onnx, x);
    x = kf_onnx_unary(onnx, "Sqrt", kf_onnx_binary_with(onnx, "Max", x, EPSILON));
    if (kf_streq(mode, "magnitude"))
        return x;
    return kf_onnx_unary(onnx, "Log", kf_onnx_binary_with(onnx, "Max", x, EPSILON));
}

void kf_onnx_form_spectrogram(struct kf_onnx_call *call)
{
    static const unsigned last[4] = {0, 3, 2, 1}, first[4] = {0, 1, 3, 2};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = combined(call, kf_onnx_text(call, "mode", "log"));
    bool ahead = kf_onnx_channels_first(call);
    int64_t dims[3] = {0};

    if (!x)
        return;
    if (kf_onnx_flag(call, "expand_dims", false)) {
        kf_onnx_give(call, kf_onnx_transpose(onnx, x, ahead ? first : last));
        return;
    }
    dims[1] = x->dims[1] * x->dims[2];
    dims[2] = -1;
    kf_onnx_give_as(call, kf_onnx_reshape(onnx, x, dims, 3), !ahead);
}
