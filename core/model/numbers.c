/* SPDX-License-Identifier: Apache-2.0 */
#include "numbers.h"
#include <math.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "payloads are little-endian");

bool kf_number_is_float(enum kf_dtype dtype)
{
    return dtype == KF_DTYPE_FLOAT16 || dtype == KF_DTYPE_BFLOAT16 || dtype == KF_DTYPE_FLOAT32 ||
           dtype == KF_DTYPE_FLOAT64;
}

static double read_half(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double mantissa = bits & 1023, value;

    if (exponent == 31)
        value = mantissa > 0 ? NAN : INFINITY;
    else if (exponent)
        value = ldexp(1024 + mantissa, exponent - 25);
    else
        value = ldexp(mantissa, -24);
    return bits & 0x8000 ? -value : value;
}

static uint16_t write_half(double value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double size = fabs(value);
    int exponent;

    if (isnan(value))
        return 0x7e00;
    if (size >= 65520)
        return sign | 0x7c00;
    if (size < ldexp(1, -14))
        return sign | (uint16_t)nearbyint(ldexp(size, 24));
    frexp(size, &exponent);
    return sign | (uint16_t)(((exponent + 13) << 10) + (int)nearbyint(ldexp(size, 11 - exponent)));
}

static double read_bfloat16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;

    memcpy(&value, &wide, sizeof(value));
    return (double)value;
}

static uint16_t write_bfloat16(double value)
{
    float narrow = (float)value;
    uint32_t bits;

    memcpy(&bits, &narrow, sizeof(bits));
    if (isnan(value))
        return 0x7fc0;
    bits += 0x7fff + (bits >> 16 & 1);
    return (uint16_t)(bits >> 16);
}

double kf_number_read(enum kf_dtype dtype, const void *from)
{
    uint16_t half;
    float single;
    double value = 0;

    switch (dtype) {
    case KF_DTYPE_FLOAT16:
    case KF_DTYPE_BFLOAT16:
        memcpy(&half, from, sizeof(half));
        return dtype == KF_DTYPE_FLOAT16 ? read_half(half) : read_bfloat16(half);
    case KF_DTYPE_FLOAT32:
        memcpy(&single, from, sizeof(single));
        return (double)single;
    default:
        memcpy(&value, from, sizeof(value));
        return value;
    }
}

void kf_number_write(enum kf_dtype dtype, void *to, double value)
{
    uint16_t half;
    float single;

    switch (dtype) {
    case KF_DTYPE_FLOAT16:
    case KF_DTYPE_BFLOAT16:
        half = dtype == KF_DTYPE_FLOAT16 ? write_half(value) : write_bfloat16(value);
        memcpy(to, &half, sizeof(half));
        break;
    case KF_DTYPE_FLOAT32:
        single = (float)value;
        memcpy(to, &single, sizeof(single));
        break;
    default:
        memcpy(to, &value, sizeof(value));
    }
}

void kf_numbers_scale(enum kf_dtype dtype, void *values, size_t n, double factor)
{
    size_t size = kf_dtype_size(dtype);
    char *p = values;

    for (size_t i = 0; dtype == KF_DTYPE_FLOAT32 && i < n; i++) { /* a loop of its own: vectors */
        float value;

        memcpy(&value, p + i * sizeof(value), sizeof(value));
        value = (float)((double)value * factor);
        memcpy(p + i * sizeof(value), &value, sizeof(value));
    }
    for (size_t i = 0; dtype != KF_DTYPE_FLOAT32 && i < n; i++)
        kf_number_write(dtype, p + i * size, kf_number_read(dtype, p + i * size) * factor);
}

int64_t kf_number_read_int(enum kf_dtype dtype, const void *from)
{
    uint64_t bits = 0;
    unsigned width = 8 * (unsigned)kf_dtype_size(dtype);
    bool is_signed = dtype == KF_DTYPE_INT8 || dtype == KF_DTYPE_INT16 || dtype == KF_DTYPE_INT32;

    memcpy(&bits, from, width / 8);
    if (is_signed && bits >> (width - 1) & 1)
        bits |= ~UINT64_C(0) << width;
    return (int64_t)bits;
}
