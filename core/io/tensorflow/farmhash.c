/* SPDX-License-Identifier: Apache-2.0 */
#include "farmhash.h"

#define K0 UINT64_C(0xc3a5c85c97cb3127)
#define K1 UINT64_C(0xb492b66fbe98f273)
#define K2 UINT64_C(0x9ae16a3b2f90404f)

struct pair {
    uint64_t first, second;
};

/* What is carried from one block of 64 bytes to the next. */
struct carry {
    uint64_t x, y, z;
    struct pair v, w;
};

static uint64_t fetch(const unsigned char *p)
{
    uint64_t value = 0;

    for (int i = 8; i-- > 0;)
        value = value << 8 | p[i];
    return value;
}

static uint64_t rotate(uint64_t value, int shift)
{
    return value >> shift | value << (64 - shift);
}

static uint64_t shift_mix(uint64_t value)
{
    return value ^ value >> 47;
}

static uint64_t hash16(uint64_t u, uint64_t v, uint64_t mul)
{
    uint64_t a = shift_mix((u ^ v) * mul);

    return shift_mix((v ^ a) * mul) * mul;
}

static struct pair hash32(const unsigned char *p, uint64_t a, uint64_t b)
{
    uint64_t c, z = fetch(p + 24);

    a += fetch(p);
    b = rotate(b + a + z, 21);
    c = a;
    a += fetch(p + 8) + fetch(p + 16);
    b += rotate(a, 44);
    return (struct pair){a + z, b + c};
}

/* One block; `nine` is 9 for the last one, which multiplies by something else, else 1. */
static void mix(struct carry *h, const unsigned char *p, uint64_t mul, uint64_t nine)
{
    uint64_t z;

    h->x = rotate(h->x + h->y + h->v.first + fetch(p + 8), 37) * mul;
    h->y = rotate(h->y + h->v.second + fetch(p + 48), 42) * mul;
    h->x ^= h->w.second * nine;
    h->y += h->v.first * nine + fetch(p + 40);
    h->z = rotate(h->z + h->w.first, 33) * mul;
    h->v = hash32(p, h->v.second * mul, h->x + h->w.first);
    h->w = hash32(p + 32, h->z + h->w.second, h->y + fetch(p + 16));
    z = h->z;
    h->z = h->x;
    h->x = z;
}

uint64_t kf_farmhash(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    const size_t rest = (n - 1) & 63, end = n - 1 - rest;
    const uint64_t seed = 81;
    struct carry h = {.y = seed * K1 + 113};
    uint64_t mul;

    h.z = shift_mix(h.y * K2 + 113) * K2;
    h.x = seed * K2 + fetch(p);
    for (size_t at = 0; at < end; at += 64)
        mix(&h, p + at, K1, 1);
    mul = K1 + ((h.z & 0xff) << 1);
    h.w.first += rest;
    h.v.first += h.w.first;
    h.w.first += h.v.first;
    mix(&h, p + end + rest - 63, mul, 9);
    return hash16(hash16(h.v.first, h.w.first, mul) + shift_mix(h.y) * K0 + h.z,
                  hash16(h.v.second, h.w.second, mul) + h.x, mul);
}
