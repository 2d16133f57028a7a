/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_VARINT_H
#define KF_IO_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The varint at `*at` of `n` bytes, seven bits a byte; `*at` moves behind it. False for none. */
static inline bool kf_varint(const unsigned char *p, size_t n, size_t *at, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && *at < n; shift += 7) {
        *out |= (uint64_t)(p[*at] & 0x7f) << shift;
        if (!(p[(*at)++] & 0x80))
            return true;
    }
    return false;
}

#endif
