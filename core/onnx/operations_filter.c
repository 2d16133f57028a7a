/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include "window.h"
#include <math.h>
#include <string.h>

/*
 * Filters of signals and images with numbers that are known, and colours.
 *
 * Source: keras/src/backend/tensorflow/{numpy,image}.py (3.15.1)
 */
#define KERNEL_MAX   63
#define CHANNELS_MAX 1024

/* The products of one list with another one that is moved along it. */
void kf_onnx_form_op_correlate(struct kf_onnx_call *call)
{
    static const int64_t flat = -1;
    struct kf_onnx *onnx = call->onnx;
    const char *mode = kf_json_str(call->layer->config, "mode", "valid");
    struct kf_onnx_window window = {.n = 1, .stride = {1}, .dilation = {1}};
    int64_t n, m, from = 0, out;
    struct kf_onnx_tensor *x[2];

    if (!kf_onnx_operand_pair(call, x) || x[0]->rank != 1 || x[1]->rank != 1)
        return;
    n = x[0]->dims[0];
    m = x[1]->dims[0];
    out = n + m - 1;
    if (kf_streq(mode, "same"))
        out = n > m ? n : m;
    else if (kf_streq(mode, "valid"))
        out = n - m + 1;
    from = (n + m - 1 - out) / 2;
    if (n < 1 || m < 1 || out < 1) {
        kf_onnx_refuse(call, "the length of its lists is not known, or they never meet as a whole");
        return;
    }
    window.size[0] = m;
    window.before[0] = m - 1 - from;
    window.after[0] = out + m - 1 - n - window.before[0];
    for (unsigned i = 0; i < 2; i++)
        x[i] = kf_onnx_reshape(onnx, kf_onnx_as_real(onnx, x[i]),
                               (const int64_t[]){1, 1, i ? m : n}, 3);
    kf_onnx_give(call,
                 kf_onnx_reshape(onnx, kf_onnx_conv(call, x[0], x[1], NULL, &window, 1), &flat, 1));
}

/* The same kernel for each channel of `x`, which stand behind the batch. */
static struct kf_onnx_tensor *filtered(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                       const double *kernel, const struct kf_onnx_window *window)
{
    struct kf_onnx *onnx = call->onnx;
    int64_t dims[4] = {x->dims[1], 1, window->size[0], window->size[1]};
    size_t n = (size_t)(dims[2] * dims[3]), size = kf_dtype_size(x->dtype);
    char *bytes = kf_onnx_alloc(onnx, (size_t)dims[0] * n * size);

    if (!bytes)
        return kf_onnx_no_memory(onnx);
    for (size_t i = 0; i < (size_t)dims[0] * n; i++)
        kf_number_write(x->dtype, bytes + i * size, kernel[i % n]);
    return kf_onnx_conv(call, x, kf_onnx_constant(onnx, x->dtype, 4, dims, bytes), NULL, window,
                        x->dims[1]);
}

/* Images of floats whose channels have a number, or NULL (refused). */
static struct kf_onnx_tensor *images(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_take(call);

    if (x && x->rank == 4 && x->dims[1] > 0 && x->dims[1] <= CHANNELS_MAX &&
        kf_number_is_float(x->dtype))
        return x;
    kf_onnx_refuse(call, "it is not of a batch of images of floats of up to %d channels",
                   CHANNELS_MAX);
    return NULL;
}

/* A bell of `n` numbers whose sum is 1. */
static void bell(double *out, int64_t n, double sigma)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++) {
        double at = ((double)i - (double)(n - 1) / 2) / sigma;

        out[i] = exp(-0.5 * at * at);
        sum += out[i];
    }
    for (int64_t i = 0; i < n; i++)
        out[i] /= sum;
}

/* The bell of the first size runs along the rows of the kernel, whatever its sizes are. */
void kf_onnx_form_op_blur(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = images(call);
    struct kf_onnx_window window = {.n = 2, .stride = {1, 1}, .dilation = {1, 1}};
    const json_t *sigma = json_object_get(call->layer->config, "sigma");
    double bells[2][KERNEL_MAX], *kernel;

    if (!x || !kf_onnx_sizes(call, "kernel_size", 3, window.size, 2))
        return;
    for (unsigned i = 0; i < 2; i++) {
        double width = json_number_value(json_is_array(sigma) ? json_array_get(sigma, i) : sigma);

        if (window.size[i] < 1 || window.size[i] > KERNEL_MAX || width <= 0) {
            kf_onnx_refuse(call, "its kernel is larger than %d, or has no width", KERNEL_MAX);
            return;
        }
        bell(bells[i], window.size[i], width);
    }
    kernel = kf_onnx_alloc(onnx, (size_t)(window.size[0] * window.size[1]) * sizeof(*kernel));
    for (int64_t i = 0; kernel && i < window.size[0] * window.size[1]; i++)
        kernel[i] = bells[1][i / window.size[0]] * bells[0][i % window.size[0]];
    kf_onnx_window_same(&window, x);
    if (kernel)
        kf_onnx_give_as(call, filtered(call, x, kernel, &window), !kf_onnx_channels_first(call));
}

/* How images change downwards and to the right, as a last axis. */
void kf_onnx_form_op_sobel(struct kf_onnx_call *call)
{
    static const double kernels[2][9] = {{-1, -2, -1, 0, 0, 0, 1, 2, 1},
                                         {-1, 0, 1, -2, 0, 2, -1, 0, 1}};
    static const int64_t pads[8] = {0, 0, 1, 1, 0, 0, 1, 1}, end = 4;
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = images(call), *both[2];
    struct kf_onnx_window window = {.n = 2, .size = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}};

    x = x ? kf_onnx_pad(onnx, x, pads, "reflect", NULL) : NULL;
    if (!x)
        return;
    for (unsigned i = 0; i < 2; i++) {
        both[i] = filtered(call, x, kernels[i], &window);
        if (!kf_onnx_channels_first(call))
            both[i] = kf_onnx_plain(onnx, kf_onnx_value_new(onnx, NULL, both[i]));
        if (!(both[i] = kf_onnx_unsqueeze(onnx, both[i], &end, 1)))
            return;
    }
    kf_onnx_give(call, kf_onnx_concat(onnx, both, 2, 4));
}
