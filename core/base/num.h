/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BASE_NUM_H
#define KF_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

/* Checked arithmetic; the only place for it. False when the result does not fit. */
static inline bool kf_mul(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool kf_add(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline uint64_t kf_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
