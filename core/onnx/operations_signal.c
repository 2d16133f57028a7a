/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include <math.h>
#include <string.h>

/*
 * Fourier transforms as products with matrices of waves, which every set of operators has.
 *
 * Source: keras/src/backend/tensorflow/math.py (3.15.1)
 */
#define PI         3.14159265358979323846
#define LENGTH_MAX 2048

/* A matrix of cosines or sines: the number of a step times the number of a wave. */
struct waves {
    int64_t steps, waves, length; /* of the whole circle */
    bool sine, mirrored;          /* mirrored: each wave stands for its mirror, too */
    double scale;
    double (*window)(double turn); /* what steps are multiplied by, NULL for nothing */
};

static double wave(const struct waves *waves, int64_t step, int64_t number)
{
    double angle = 2 * PI * (double)(step * number % waves->length) / (double)waves->length;
    double value = waves->scale * (waves->sine ? sin(angle) : cos(angle));
    int64_t of = waves->mirrored ? step : number;

    if (waves->window)
        value *= waves->window((double)step / (double)waves->length);
    if (waves->mirrored && of > 0 && 2 * of != waves->length)
        value *= 2;
    return value;
}

static struct kf_onnx_tensor *matrix(struct kf_onnx *onnx, const struct waves *waves,
                                     enum kf_dtype dtype)
{
    int64_t dims[2] = {waves->steps, waves->waves};
    size_t size = kf_dtype_size(dtype);
    char *bytes = kf_onnx_alloc(onnx, (size_t)(dims[0] * dims[1]) * size + 1);

    for (int64_t i = 0; bytes && i < dims[0] * dims[1]; i++)
        kf_number_write(dtype, bytes + (size_t)i * size, wave(waves, i / dims[1], i % dims[1]));
    return bytes ? kf_onnx_constant(onnx, dtype, 2, dims, bytes) : kf_onnx_no_memory(onnx);
}

static struct kf_onnx_tensor *times(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                    struct waves waves, bool sine)
{
    waves.sine = sine;
    return x ? kf_onnx_matmul(onnx, x, matrix(onnx, &waves, x->dtype)) : NULL;
}

/* Real and imaginary part; false when their last axis is not known, or too long. */
static bool complex_operands(struct kf_onnx_call *call, struct kf_onnx_tensor **x)
{
    size_t n = 0;
    struct kf_onnx_tensor **both = kf_onnx_operand_list(call, "x", &n);

    if (!both || n != 2)
        return false;
    for (unsigned i = 0; i < 2; i++)
        x[i] = kf_onnx_as_real(call->onnx, both[i]);
    return x[0] && x[1] && x[0]->rank;
}

static bool fits(struct kf_onnx_call *call, int64_t length)
{
    if (length > 0 && length <= LENGTH_MAX)
        return true;
    kf_onnx_refuse(call, "the length of its signal is not known, or larger than %d", LENGTH_MAX);
    return false;
}

/* Along the last axis; `inverse` without the division by its length. */
static void transform(struct kf_onnx *onnx, struct kf_onnx_tensor **x, bool inverse)
{
    int64_t n = x[0]->dims[x[0]->rank - 1];
    struct waves waves = {.steps = n, .waves = n, .length = n, .scale = 1};
    struct kf_onnx_tensor *even[2], *odd[2];

    for (unsigned i = 0; i < 2; i++) {
        even[i] = times(onnx, x[i], waves, false);
        odd[i] = times(onnx, x[i], waves, true);
    }
    x[0] = kf_onnx_binary(onnx, inverse ? "Sub" : "Add", even[0], odd[1]);
    x[1] = kf_onnx_binary(onnx, inverse ? "Add" : "Sub", even[1], odd[0]);
}

static void swap_last(struct kf_onnx *onnx, struct kf_onnx_tensor **x)
{
    unsigned axes[KF_ONNX_RANK_MAX];

    for (unsigned i = 0; x[0] && i < x[0]->rank; i++)
        axes[i] = i + 2 < x[0]->rank ? i : 2 * x[0]->rank - 3 - i;
    for (unsigned i = 0; i < 2; i++)
        x[i] = kf_onnx_transpose(onnx, x[i], axes);
}

/* "1", "2" or "-2": along how many of the last axes, and below zero backwards. */
void kf_onnx_form_op_fft(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    bool two = strchr(call->op, '2') != NULL, inverse = *call->op == '-';
    struct kf_onnx_tensor *x[2];
    double size = 1;

    if (!complex_operands(call, x))
        return;
    for (unsigned i = 0; i < 1U + two; i++) {
        if (x[0]->rank < 1U + two || !fits(call, x[0]->dims[x[0]->rank - 1]))
            return;
        size *= (double)x[0]->dims[x[0]->rank - 1];
        transform(onnx, x, inverse);
        if (two)
            swap_last(onnx, x);
        if (!x[0] || !x[1])
            return;
    }
    for (unsigned i = 0; i < 2; i++)
        kf_onnx_give(call, inverse ? kf_onnx_binary_with(onnx, "Div", x[i], size) : x[i]);
}

/* No more than `n` of what stands along the last axis. */
static struct kf_onnx_tensor *cut(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int64_t n)
{
    return x->dims[x->rank - 1] > n ? kf_onnx_slice(onnx, x, (int)x->rank - 1, 0, n, 1) : x;
}

/* The waves of what is real: the other half is their mirror. */
void kf_onnx_form_op_rfft(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call);
    int64_t size = x && x->rank ? x->dims[x->rank - 1] : 0;
    int64_t length = (int64_t)kf_onnx_operand_number(call, "fft_length", (double)size);
    struct waves waves = {.length = length, .waves = length / 2 + 1, .scale = 1};

    if (!x || !fits(call, size) || !fits(call, length))
        return;
    x = cut(onnx, x, length);
    waves.steps = size < length ? size : length;
    kf_onnx_give(call, times(onnx, x, waves, false));
    waves.scale = -1;
    kf_onnx_give(call, times(onnx, x, waves, true));
}

void kf_onnx_form_op_irfft(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct waves waves = {.mirrored = true};
    struct kf_onnx_tensor *x[2];
    int64_t size;

    if (!complex_operands(call, x) || !fits(call, size = x[0]->dims[x[0]->rank - 1]))
        return;
    waves.length = (int64_t)kf_onnx_operand_number(call, "fft_length", 2 * (double)(size - 1));
    if (!fits(call, waves.length))
        return;
    waves.waves = waves.length;
    waves.steps = size < waves.length / 2 + 1 ? size : waves.length / 2 + 1;
    waves.scale = 1 / (double)waves.length;
    for (unsigned i = 0; i < 2; i++)
        x[i] = times(onnx, cut(onnx, x[i], waves.steps), waves, i == 1);
    kf_onnx_give(call, kf_onnx_binary(onnx, "Sub", x[0], x[1]));
}

static double hann(double turn)
{
    return 0.5 - 0.5 * cos(2 * PI * turn);
}

static double hamming(double turn)
{
    return 0.54 - 0.46 * cos(2 * PI * turn);
}

/* Spectra of windows, which begin half of one before the signal where they are centred. */
void kf_onnx_form_op_stft(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call);
    int64_t length = (int64_t)kf_onnx_operand_number(call, "fft_length", 0);
    const char *window = kf_json_str(call->layer->config, "window", NULL);
    int64_t pads[2 * KF_ONNX_RANK_MAX] = {0};
    struct waves waves = {.steps = length, .waves = length / 2 + 1, .length = length, .scale = 1};
    struct kf_onnx_windows windows = {
        .size = length,
        .step = (int64_t)kf_onnx_operand_number(call, "sequence_stride", 0),
        .dilation = 1,
    };

    if (!x || !x->rank || !fits(call, length) || x->dims[x->rank - 1] < 1)
        return;
    waves.window = kf_streq(window, "hann") ? hann : kf_streq(window, "hamming") ? hamming : NULL;
    if ((int64_t)kf_onnx_operand_number(call, "sequence_length", 0) != length || !waves.window) {
        kf_onnx_refuse(call, "its windows are shorter than its waves, or of numbers of their own");
        return;
    }
    if (kf_onnx_operand_number(call, "center", 1) > 0) {
        pads[x->rank - 1] = pads[2 * x->rank - 1] = length / 2;
        x = kf_onnx_pad(onnx, x, pads, "reflect", NULL);
    }
    if (!x || !kf_onnx_windows_count(call, &windows, x->dims[x->rank - 1]))
        return;
    x = kf_onnx_gather(onnx, x, kf_onnx_windows_places(onnx, &windows), (int)x->rank - 1);
    kf_onnx_give(call, times(onnx, x, waves, false));
    waves.scale = -1;
    kf_onnx_give(call, times(onnx, x, waves, true));
}
