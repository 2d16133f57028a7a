/* SPDX-License-Identifier: Apache-2.0 */
#include "rewrite.h"
#include "../base/num.h"
#include "numbers.h"
#include "rewrite_private.h"
#include <string.h>

/* Small pieces keep the stack small and the cache warm; callers pull more at a time. */
#define PIECE 4096

struct kf_payload *kf_rewrite_wrap(struct kf_arena *arena, const struct kf_payload *inner,
                                   const void *state, kf_pull *pull)
{
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));

    if (!payload)
        return NULL;
    *payload = *inner;
    payload->pull = pull;
    payload->inner = inner;
    payload->file_at = KF_NOWHERE;
    payload->state = state;
    return payload;
}

struct in_place {
    kf_change *change;
    const void *state;
};

static int pull_in_place(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                         struct kf_report *rep)
{
    KF_TRY(payload->inner->pull(payload->inner, at, to, n, rep));
    kf_rewrite_change(payload, at, to, n);
    return 0;
}

struct kf_payload *kf_rewrite_in_place(struct kf_arena *arena, const struct kf_payload *inner,
                                       const void *state, kf_change *change)
{
    struct in_place *in_place = kf_arena_alloc(arena, sizeof(*in_place));

    if (!in_place)
        return NULL;
    *in_place = (struct in_place){change, state};
    return kf_rewrite_wrap(arena, inner, in_place, pull_in_place);
}

bool kf_rewrite_is_in_place(const struct kf_payload *payload)
{
    return payload->pull == pull_in_place;
}

void kf_rewrite_change(const struct kf_payload *payload, uint64_t at, void *bytes, size_t n)
{
    const struct in_place *in_place = payload->state;

    in_place->change(payload, in_place->state, at, bytes, n);
}

struct scale {
    uint64_t last, gate; /* columns in all, and in one gate */
    unsigned mask;
    double factor;
};

static void scale_columns(const struct kf_payload *payload, const void *state, uint64_t at,
                          void *bytes, size_t n)
{
    const struct scale *scale = state;
    size_t size = kf_dtype_size(payload->dtype);
    uint64_t first = at / size;

    for (size_t i = 0, run; i < n / size; i += run) {
        uint64_t column = (first + i) % scale->last;

        run = (size_t)kf_min(n / size - i, scale->gate - column % scale->gate);
        if (scale->mask >> column / scale->gate & 1)
            kf_numbers_scale(payload->dtype, (char *)bytes + i * size, run, scale->factor);
    }
}

const struct kf_payload *kf_rewrite_scale(struct kf_arena *arena, const struct kf_payload *inner,
                                          unsigned gates, unsigned mask, double factor, bool *fits)
{
    uint64_t last = inner->rank ? inner->dims[inner->rank - 1] : 0;
    struct scale *scale;

    *fits = kf_number_is_float(inner->dtype) && last && last % gates == 0;
    if (!*fits || !(scale = kf_arena_alloc(arena, sizeof(*scale))))
        return NULL;
    *scale = (struct scale){last, last / gates, mask, factor};
    return kf_rewrite_in_place(arena, inner, scale, scale_columns);
}

static void take_signs(const struct kf_payload *payload, const void *state, uint64_t at,
                       void *bytes, size_t n)
{
    size_t size = kf_dtype_size(payload->dtype);

    (void)state;
    (void)at;
    for (size_t i = size - 1; i < n; i += size) /* little-endian: the sign is in the last byte */
        ((unsigned char *)bytes)[i] &= 0x7f;
}

const struct kf_payload *kf_rewrite_absolute(struct kf_arena *arena, const struct kf_payload *inner,
                                             bool *fits)
{
    *fits = kf_number_is_float(inner->dtype);
    return *fits ? kf_rewrite_in_place(arena, inner, NULL, take_signs) : NULL;
}

static int pull_sum(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                    struct kf_report *rep)
{
    uint64_t half = kf_payload_bytes(payload);
    size_t size = kf_dtype_size(payload->dtype);
    char piece[PIECE];

    KF_TRY(payload->inner->pull(payload->inner, at, to, n, rep));
    for (size_t done = 0; done < n; done += PIECE) {
        size_t some = n - done < PIECE ? n - done : PIECE;
        char *out = (char *)to + done;

        KF_TRY(payload->inner->pull(payload->inner, half + at + done, piece, some, rep));
        for (size_t i = 0; i < some; i += size)
            kf_number_write(payload->dtype, out + i,
                            kf_number_read(payload->dtype, out + i) +
                                kf_number_read(payload->dtype, piece + i));
    }
    return 0;
}

const struct kf_payload *kf_rewrite_sum_halves(struct kf_arena *arena,
                                               const struct kf_payload *inner, bool *fits)
{
    struct kf_payload *payload;

    *fits = inner->rank == 1 && inner->dims[0] % 2 == 0 && kf_number_is_float(inner->dtype);
    if (!*fits || !(payload = kf_rewrite_wrap(arena, inner, NULL, pull_sum)))
        return NULL;
    payload->dims[0] /= 2;
    return payload;
}

static int pull_float32(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                        struct kf_report *rep)
{
    uint16_t halves[PIECE / 2];
    char *out = to;

    while (n > 0) {
        size_t some = kf_min(n / sizeof(float), PIECE / 2);

        KF_TRY(payload->inner->pull(payload->inner, at / 2, halves, some * 2, rep));
        for (size_t i = 0; i < some; i++) {
            uint32_t bits = (uint32_t)halves[i] << 16;

            memcpy(out + i * sizeof(bits), &bits, sizeof(bits));
        }
        at += some * sizeof(float);
        out += some * sizeof(float);
        n -= some * sizeof(float);
    }
    return 0;
}

const struct kf_payload *kf_rewrite_float32(struct kf_arena *arena, const struct kf_payload *inner,
                                            bool *fits)
{
    struct kf_payload *payload;

    *fits = inner->dtype == KF_DTYPE_BFLOAT16;
    if (!*fits || !(payload = kf_rewrite_wrap(arena, inner, NULL, pull_float32)))
        return NULL;
    payload->dtype = KF_DTYPE_FLOAT32;
    return payload;
}

static int pull_int32(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    size_t size = kf_dtype_size(payload->inner->dtype);
    char piece[8];

    for (size_t i = 0; i < n; i += sizeof(int32_t)) {
        int64_t wide;
        int32_t value;

        KF_TRY(payload->inner->pull(payload->inner, (at + i) / sizeof(int32_t) * size, piece, size,
                                    rep));
        wide = kf_number_read_int(payload->inner->dtype, piece);
        if (wide > INT32_MAX || wide < INT32_MIN)
            return kf_report_add(rep, KF_VALUE_NO_EQUAL, "",
                                 "the value %lld does not fit the int32 of Keras 3",
                                 (long long)wide);
        value = (int32_t)wide;
        memcpy((char *)to + i, &value, sizeof(value));
    }
    return 0;
}

const struct kf_payload *kf_rewrite_int32(struct kf_arena *arena, const struct kf_payload *inner,
                                          bool *fits)
{
    struct kf_payload *payload;

    *fits = !kf_number_is_float(inner->dtype);
    if (!*fits)
        return NULL;
    if (inner->dtype == KF_DTYPE_INT32)
        return inner;
    payload = kf_rewrite_wrap(arena, inner, NULL, pull_int32);
    if (payload)
        payload->dtype = KF_DTYPE_INT32;
    return payload;
}
