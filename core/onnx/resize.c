/* SPDX-License-Identifier: Apache-2.0 */
#include "resize.h"
#include "../model/numbers.h"
#include <math.h>
#include <string.h>

/*
 * Source: tensorflow/core/kernels/image/{scale_and_translate_op,sampling_kernels,resize_bicubic_op,
 * resize_area_op}.cc (2.21); keras/src/backend/tensorflow/image.py, resize (3.15.1)
 */
#define PI         3.14159265358979323846
#define MATRIX_MAX ((int64_t)1 << 22)
/* ResizeBicubic looks its kernel up in a table of so many steps. */
#define CUBIC_STEPS 1024

static double triangle(double x, double radius)
{
    return x < radius ? 1 - x : 0;
}

static double cubic(double x, double radius)
{
    if (x >= radius)
        return 0;
    return x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1;
}

static double lanczos(double x, double radius)
{
    if (x > radius)
        return 0;
    return x <= 1e-3 ? 1 : radius * sin(PI * x) * sin(PI * x / radius) / (PI * PI * x * x);
}

static double gaussian(double x, double radius)
{
    double sigma = radius / 3;

    return x < radius ? exp(-x * x / (2 * sigma * sigma)) : 0;
}

static double mitchell(double x, double radius)
{
    if (x >= radius)
        return 0;
    return x >= 1 ? ((-7.0 / 18 * x + 2) * x - 10.0 / 3) * x + 16.0 / 9
                  : (7.0 / 6 * x - 2) * x * x + 8.0 / 9;
}

/* Kernels of interpolations, those of Keras 2 among them; the area has none. */
static const struct kernel {
    const char *mode;
    double (*at)(double x, double radius);
    double radius;
    bool table; /* looked up where it does not smooth */
} kernels[] = {
    {"bilinear", triangle, 1, false},   {"bicubic", cubic, 2, true},
    {"lanczos3", lanczos, 3, false},    {"lanczos5", lanczos, 5, false},
    {"gaussian", gaussian, 1.5, false}, {"mitchellcubic", mitchell, 2, false},
    {"area", NULL, 0, false},
};

static const struct kernel *find(const char *mode)
{
    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
        if (strcmp(kernels[i].mode, mode) == 0)
            return &kernels[i];
    return NULL;
}

bool kf_onnx_resizes_linear(const char *mode)
{
    return find(mode) != NULL;
}

/* What the pixels of a line of `n` give to one of `out`. */
struct line {
    const struct kernel *kernel;
    int64_t n, out;
    bool smooth;
};

/* How much of pixel `i` lies within the part of the line that becomes `to`. */
static double share(const struct line *line, int64_t to, int64_t i)
{
    double scale = (double)((float)line->n / (float)line->out);
    double from = (double)to * scale, end = (double)(to + 1) * scale;
    double low = (double)i > from ? (double)i : from;
    double high = (double)(i + 1) < end ? (double)(i + 1) : end;

    return high > low ? (high - low) / scale : 0;
}

static double weight(const struct line *line, int64_t to, int64_t i)
{
    double scale = (double)line->n / (double)line->out, stretch = 1, far, whole;

    if (!line->kernel->at)
        return share(line, to, i);
    if (line->smooth && scale > 1)
        stretch = scale;
    far = ((double)to + 0.5) * scale - 0.5;
    whole = floor(far);
    if (line->kernel->table && !line->smooth)
        far = whole + (double)lrintf((float)(far - whole) * CUBIC_STEPS) / CUBIC_STEPS;
    return line->kernel->at(fabs((double)i - far) / stretch, line->kernel->radius);
}

/* (out, n), or with its axes turned. */
static struct kf_onnx_tensor *matrix(struct kf_onnx *onnx, const struct line *line,
                                     enum kf_dtype dtype, bool turned)
{
    int64_t dims[2] = {turned ? line->n : line->out, turned ? line->out : line->n};
    size_t size = kf_dtype_size(dtype);
    char *bytes = kf_onnx_alloc(onnx, (size_t)(line->n * line->out) * size);

    for (int64_t to = 0; bytes && to < line->out; to++) {
        double sum = 0;

        for (int64_t i = 0; i < line->n; i++)
            sum += weight(line, to, i);
        for (int64_t i = 0; i < line->n; i++)
            kf_number_write(dtype,
                            bytes + (size_t)(turned ? i * line->out + to : to * line->n + i) * size,
                            weight(line, to, i) / sum);
    }
    return bytes ? kf_onnx_constant(onnx, dtype, 2, dims, bytes) : kf_onnx_no_memory(onnx);
}

struct kf_onnx_tensor *kf_onnx_resize_linear(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                             const int64_t *size, const char *mode, bool smooth)
{
    struct kf_onnx *onnx = call->onnx;
    struct line lines[2];

    for (unsigned i = 0; i < 2; i++) {
        lines[i] = (struct line){find(mode), x->dims[i + 2], size[i], smooth};
        if (lines[i].n < 1 || lines[i].out < 1 || lines[i].n > MATRIX_MAX / lines[i].out) {
            kf_onnx_refuse(
                call, "the interpolation %.20s of images whose size is not known, or too large",
                mode);
            return NULL;
        }
    }
    x = kf_onnx_matmul(onnx, x, matrix(onnx, &lines[1], x->dtype, true));
    return x ? kf_onnx_matmul(onnx, matrix(onnx, &lines[0], x->dtype, false), x) : NULL;
}

/* The largest part, or the smallest frame, of a length beside another that has the ratio. */
static int64_t by_ratio(int64_t other, int64_t wanted, int64_t wanted_other)
{
    return (int64_t)((float)(other * wanted) / (float)wanted_other);
}

struct kf_onnx_tensor *kf_onnx_resize_frame(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                            const int64_t *size)
{
    struct kf_onnx *onnx = call->onnx;
    bool crop = kf_onnx_flag(call, "crop_to_aspect_ratio", false);
    int64_t pads[8] = {0}, was[2] = {x->dims[2], x->dims[3]};

    if (!crop && !kf_onnx_flag(call, "pad_to_aspect_ratio", false))
        return x;
    if (was[0] < 1 || was[1] < 1 || size[0] < 1 || size[1] < 1) {
        kf_onnx_refuse(call, "it keeps the aspect ratio of images whose size is not known");
        return NULL;
    }
    for (int i = 0; x && i < 2; i++) {
        int64_t to = by_ratio(was[1 - i], size[i], size[1 - i]), from;

        if (!crop && to > was[i]) {
            pads[i + 2] = pads[i + 6] = (to - was[i]) / 2;
        } else if (crop && to < was[i]) {
            to = to > 1 ? to : 1;
            from = (was[i] - to) / 2;
            x = kf_onnx_slice(onnx, x, i + 2, from, from + to, 1);
        }
    }
    if (!pads[2] && !pads[3])
        return x;
    return kf_onnx_pad(onnx, x, pads, "constant",
                       kf_onnx_scalar(onnx, x->dtype, kf_onnx_real(call, "fill_value", 0)));
}
