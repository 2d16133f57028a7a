/* SPDX-License-Identifier: Apache-2.0 */
#include "crc_fold.h"

#ifdef __x86_64__
#include <immintrin.h>

#define BLOCK      16
#define LANES      4
#define BLOCK_BITS 128u
#define FOLDS      __attribute__((target("pclmul,sse2")))

static uint64_t power_of_x(uint64_t poly, unsigned power)
{
    uint64_t value = UINT64_C(1) << 63;

    for (; power > 0; power--)
        value = value & 1 ? value >> 1 ^ poly : value >> 1;
    return value;
}

/*
 * A block's first half has 64 powers more than its second, and the product of two numbers whose
 * lowest bit is their highest power has one power too many.
 */
static void find_powers(uint64_t out[2], uint64_t poly, unsigned bits)
{
    out[0] = power_of_x(poly, bits + 64 - 1);
    out[1] = power_of_x(poly, bits - 1);
}

bool crc_fold_prepare(struct crc_fold *fold, uint64_t poly)
{
    if (!__builtin_cpu_supports("pclmul"))
        return false;
    find_powers(fold->far, poly, LANES * BLOCK_BITS);
    find_powers(fold->near, poly, BLOCK_BITS);
    return true;
}

static __m128i load(const void *at)
{
    return _mm_loadu_si128(at);
}

FOLDS static __m128i fold_onto(__m128i block, __m128i powers, __m128i later)
{
    const __m128i first = _mm_clmulepi64_si128(block, powers, 0x00);
    const __m128i second = _mm_clmulepi64_si128(block, powers, 0x11);

    return _mm_xor_si128(_mm_xor_si128(first, second), later);
}

FOLDS void crc_fold(const struct crc_fold *fold, uint64_t crc, const unsigned char *at, size_t n,
                    unsigned char out[CRC_FOLD_REST])
{
    const __m128i far = load(fold->far), near = load(fold->near);
    __m128i lane[LANES], all;

    for (int i = 0; i < LANES; i++)
        lane[i] = load(at + i * BLOCK);
    lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi64_si128((long long)crc));
    for (at += LANES * BLOCK, n -= LANES * BLOCK; n >= LANES * BLOCK; n -= LANES * BLOCK)
        for (int i = 0; i < LANES; i++, at += BLOCK)
            lane[i] = fold_onto(lane[i], far, load(at));
    all = lane[0];
    for (int i = 1; i < LANES; i++)
        all = fold_onto(all, near, lane[i]);
    for (; n > 0; n -= BLOCK, at += BLOCK)
        all = fold_onto(all, near, load(at));
    _mm_storeu_si128((__m128i *)out, all);
}

#else

bool crc_fold_prepare(struct crc_fold *fold, uint64_t poly)
{
    (void)fold;
    (void)poly;
    return false;
}

void crc_fold(const struct crc_fold *fold, uint64_t crc, const unsigned char *at, size_t n,
              unsigned char out[CRC_FOLD_REST])
{
    (void)fold;
    (void)crc;
    (void)at;
    (void)n;
    (void)out;
}

#endif
