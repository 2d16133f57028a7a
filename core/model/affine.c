/* SPDX-License-Identifier: Apache-2.0 */
#include "affine.h"
#include "../base/num.h"
#include "numbers.h"
#include "rewrite.h"
#include "rewrite_private.h"
#include <float.h>
#include <math.h>

#define PIECE 4096

static double number(const struct kf_affine *affine, const char *from)
{
    if (affine->dtype == KF_DTYPE_FLOAT16)
        return kf_number_read(KF_DTYPE_FLOAT16, from);
    return (double)kf_number_read_int(affine->dtype, from) * affine->scale + affine->min;
}

static int pull_float32(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                        struct kf_report *rep)
{
    const struct kf_affine *affine = payload->state;
    size_t size = kf_dtype_size(affine->dtype), count = n / sizeof(float);
    uint64_t first = at / sizeof(float);
    char piece[PIECE], *out = to;

    for (size_t done = 0, some; done < count; done += some) {
        some = (size_t)kf_min(count - done, PIECE / size);
        KF_TRY(
            payload->inner->pull(payload->inner, (first + done) * size, piece, some * size, rep));
        for (size_t i = 0; i < some; i++)
            kf_number_write(KF_DTYPE_FLOAT32, out + (done + i) * sizeof(float),
                            number(affine, piece + i * size));
    }
    return 0;
}

const struct kf_payload *kf_affine_float32(struct kf_arena *arena, const struct kf_payload *inner,
                                           const struct kf_affine *affine)
{
    struct kf_affine *kept = kf_arena_alloc(arena, sizeof(*kept));
    struct kf_payload *payload = kept ? kf_rewrite_wrap(arena, inner, kept, pull_float32) : NULL;

    if (!payload)
        return NULL;
    *kept = *affine;
    payload->dtype = KF_DTYPE_FLOAT32;
    return payload;
}

/* From here on the first number is infinity in float16. */
#define FLOAT16_END 65520.0

static uint64_t steps(enum kf_dtype dtype)
{
    return dtype == KF_DTYPE_UINT8 ? UINT8_MAX : UINT16_MAX;
}

/* The whole number that is nearest, of those that there are. */
static void put_step(const struct kf_affine *affine, char *to, double value)
{
    double step = nearbyint((value - affine->min) / affine->scale),
           last = (double)steps(affine->dtype);
    uint16_t bits = (uint16_t)(step < 0 ? 0 : step > last ? last : step);

    to[0] = (char)(bits & 0xff);
    if (affine->dtype == KF_DTYPE_UINT16)
        to[1] = (char)(bits >> 8);
}

static int pull_quantized(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                          struct kf_report *rep)
{
    const struct kf_affine *affine = payload->state;
    size_t size = kf_dtype_size(affine->dtype), count = n / size;
    uint64_t first = at / size;
    char piece[PIECE], *out = to;

    for (size_t done = 0, some; done < count; done += some) {
        some = (size_t)kf_min(count - done, PIECE / sizeof(float));
        KF_TRY(payload->inner->pull(payload->inner, (first + done) * sizeof(float), piece,
                                    some * sizeof(float), rep));
        for (size_t i = 0; i < some; i++) {
            double value = kf_number_read(KF_DTYPE_FLOAT32, piece + i * sizeof(float));

            if (affine->dtype == KF_DTYPE_FLOAT16)
                kf_number_write(KF_DTYPE_FLOAT16, out + (done + i) * size, value);
            else
                put_step(affine, out + (done + i) * size, value);
        }
    }
    return 0;
}

const struct kf_payload *kf_affine_quantized(struct kf_arena *arena, const struct kf_payload *inner,
                                             enum kf_dtype dtype)
{
    struct kf_affine *kept = kf_arena_alloc(arena, sizeof(*kept));
    struct kf_payload *payload = kept ? kf_rewrite_wrap(arena, inner, kept, pull_quantized) : NULL;

    if (!payload)
        return NULL;
    *kept = (struct kf_affine){.dtype = dtype, .scale = 1};
    payload->dtype = dtype;
    return payload;
}

/* The least and the greatest value. */
static int find_range(const struct kf_payload *payload, const char *where, double *least,
                      double *greatest, struct kf_report *rep)
{
    uint64_t n = kf_payload_bytes(payload);
    char piece[PIECE];

    *least = INFINITY;
    *greatest = -INFINITY;
    for (uint64_t at = 0; at < n; at += PIECE) {
        size_t some = (size_t)kf_min(n - at, PIECE);

        KF_TRY(payload->pull(payload, at, piece, some, rep));
        for (size_t i = 0; i < some; i += sizeof(float)) {
            double value = kf_number_read(KF_DTYPE_FLOAT32, piece + i);

            if (!isfinite(value))
                return kf_report_add(rep, KF_VALUE_NO_EQUAL, where,
                                     "a weight that is no number cannot be quantized");
            *least = value < *least ? value : *least;
            *greatest = value > *greatest ? value : *greatest;
        }
    }
    return 0;
}

static int measure_float16(double least, double greatest, const char *where, double *error,
                           struct kf_report *rep)
{
    double most = fmax(fabs(least), fabs(greatest));
    int exponent = 0;

    if (most >= FLOAT16_END)
        return kf_report_add(rep, KF_VALUE_NO_EQUAL, where, "a weight of %g is infinite in float16",
                             most);
    frexp(most, &exponent);
    *error =
        most == 0 ? 0 : ldexp(1, (exponent < -13 ? -13 : exponent) - 12); /* half of the last bit */
    return 0;
}

int kf_affine_measure(const struct kf_payload *quantized, const char *where, double *error,
                      struct kf_report *rep)
{
    struct kf_affine *affine = (struct kf_affine *)(uintptr_t)quantized->state; /* made above */
    double least, greatest;

    KF_TRY(find_range(quantized->inner, where, &least, &greatest, rep));
    if (affine->dtype == KF_DTYPE_FLOAT16)
        return measure_float16(least, greatest, where, error, rep);
    affine->min = least;
    *error = 0;
    if (least == greatest)
        return 0;
    affine->scale = (greatest - least) / (double)steps(affine->dtype);
    if (least <= 0 && greatest >= 0)
        affine->min = -nearbyint(-least / affine->scale) * affine->scale;
    /* Half a step, and what is lost when the float32 is made of it again. */
    *error = affine->scale / 2 + fmax(fabs(least), fabs(greatest)) * FLT_EPSILON;
    return 0;
}

const struct kf_affine *kf_affine_of(const struct kf_payload *quantized)
{
    return quantized->state;
}
