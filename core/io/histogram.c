/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* Bins to the unit at first; what is smaller than such a bin is one value with zero. */
#define SCALE_FIRST 0x1p100
/* Below it a bin's number is a whole number of int64_t, and so are its neighbours'. */
#define INDEX_MAX 0x1p60

/* IEEE half precision: five bits of exponent, ten of mantissa. */
static double half(uint16_t bits)
{
    int exponent = bits >> 10 & 0x1f;
    double mantissa = bits & 0x3ff;
    double value = exponent == 0x1f ? (mantissa > 0 ? (double)NAN : (double)INFINITY)
                   : exponent == 0  ? ldexp(mantissa, -24)
                                    : ldexp(mantissa + 1024, exponent - 25);

    return bits >> 15 ? -value : value;
}

/* The upper half of a float32. */
static double bfloat(uint16_t bits)
{
    uint32_t whole = (uint32_t)bits << 16;
    float value;

    memcpy(&value, &whole, sizeof value);
    return (double)value;
}

/* read_TYPE(data, i): the element i as a double. */
#define READER(name, type, as)                                                                     \
    static double read_##name(const char *data, size_t i)                                          \
    {                                                                                              \
        type value;                                                                                \
        memcpy(&value, data + i * sizeof value, sizeof value);                                     \
        return as(value);                                                                          \
    }
READER(half, uint16_t, half)
READER(bfloat, uint16_t, bfloat)
READER(float, float, (double))
READER(double, double, (double))
READER(i8, int8_t, (double))
READER(i16, int16_t, (double))
READER(i32, int32_t, (double))
READER(i64, int64_t, (double))
READER(u8, uint8_t, (double))
READER(u16, uint16_t, (double))
READER(u32, uint32_t, (double))
READER(u64, uint64_t, (double))

static double (*const readers[KF_DTYPE_COUNT])(const char *data, size_t i) = {
    [KF_DTYPE_FLOAT16] = read_half,  [KF_DTYPE_BFLOAT16] = read_bfloat,
    [KF_DTYPE_FLOAT32] = read_float, [KF_DTYPE_FLOAT64] = read_double,
    [KF_DTYPE_INT8] = read_i8,       [KF_DTYPE_INT16] = read_i16,
    [KF_DTYPE_INT32] = read_i32,     [KF_DTYPE_INT64] = read_i64,
    [KF_DTYPE_UINT8] = read_u8,      [KF_DTYPE_UINT16] = read_u16,
    [KF_DTYPE_UINT32] = read_u32,    [KF_DTYPE_UINT64] = read_u64,
    [KF_DTYPE_BOOL] = read_u8,
};

void kf_spread_init(struct kf_spread *spread)
{
    *spread = (struct kf_spread){.scale = SCALE_FIRST, .least = INFINITY, .greatest = -INFINITY};
}

/* Towards minus infinity. */
static int64_t half_of(int64_t index)
{
    return (index - (index & 1)) / 2;
}

/* Make every two bins one. */
static void coarsen(struct kf_spread *spread)
{
    uint64_t counts[KF_HISTOGRAM_BINS] = {0};
    int64_t first = half_of(spread->first);

    for (unsigned i = 0; i < spread->n; i++)
        counts[half_of(spread->first + i) - first] += spread->counts[i];
    if (spread->n > 0)
        spread->n = (unsigned)(half_of(spread->first + spread->n - 1) - first) + 1;
    memcpy(spread->counts, counts, sizeof counts);
    spread->first = first;
    spread->scale /= 2;
}

/* Whether the bin `index` can stand beside those in use. */
static bool fits(const struct kf_spread *spread, double index)
{
    int64_t at, low, high;

    if (!(fabs(index) < INDEX_MAX))
        return false;
    if (spread->n == 0)
        return true;
    at = (int64_t)index;
    low = at < spread->first ? at : spread->first;
    high = spread->first + spread->n - 1;
    return (at > high ? at : high) - low < KF_HISTOGRAM_BINS;
}

/* Count in a bin that fits. */
static void count(struct kf_spread *spread, int64_t at)
{
    if (spread->n == 0) {
        spread->first = at;
        spread->n = 1;
    } else if (at < spread->first) {
        size_t shift = (size_t)(spread->first - at);

        memmove(spread->counts + shift, spread->counts, spread->n * sizeof *spread->counts);
        memset(spread->counts, 0, shift * sizeof *spread->counts);
        spread->first = at;
        spread->n += (unsigned)shift;
    } else if (at - spread->first >= spread->n) {
        spread->n = (unsigned)(at - spread->first) + 1;
    }
    spread->counts[at - spread->first]++;
}

static void add(struct kf_spread *spread, double value)
{
    double index;

    if (!isfinite(value)) {
        spread->not_finite++;
        return;
    }
    while (!fits(spread, index = floor(value * spread->scale)))
        coarsen(spread);
    count(spread, (int64_t)index);
    spread->values++;
    spread->sum += value;
    spread->least = fmin(spread->least, value);
    spread->greatest = fmax(spread->greatest, value);
}

void kf_spread_update(struct kf_spread *spread, enum kf_dtype dtype, const void *data, size_t n)
{
    size_t size = kf_dtype_size(dtype);

    for (size_t i = 0; readers[dtype] && i < n / size; i++)
        add(spread, readers[dtype](data, i));
}

void kf_spread_finish(const struct kf_spread *spread, struct kf_histogram *out)
{
    *out = (struct kf_histogram){.not_finite = spread->not_finite, .n = spread->n};
    if (spread->n == 0)
        return;
    out->low = fmax((double)spread->first / spread->scale, -DBL_MAX);
    out->width = 1 / spread->scale;
    memcpy(out->counts, spread->counts, sizeof out->counts);
    out->least = spread->least;
    out->greatest = spread->greatest;
    out->mean = fmin(fmax(spread->sum / (double)spread->values, out->least), out->greatest);
}
