/* SPDX-License-Identifier: Apache-2.0 */
#include "slice_key.h"

static bool put_byte(struct kf_buf *key, unsigned c)
{
    char byte = (char)c;

    return kf_buf_add(key, &byte, 1);
}

static bool put_number(struct kf_buf *key, uint64_t value)
{
    unsigned n = 0;

    while (n < 8 && value >> (8 * n))
        n++;
    if (!put_byte(key, n))
        return false;
    while (n > 0)
        if (!put_byte(key, value >> (8 * --n) & 0xff))
            return false;
    return true;
}

static bool put_text(struct kf_buf *key, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];

        if (!put_byte(key, c) || (c == 0x00 && !put_byte(key, 0xff)) ||
            (c == 0xff && !put_byte(key, 0x00)))
            return false;
    }
    return put_byte(key, 0) && put_byte(key, 1);
}

/* A number of `n` bytes has n set bits before it, flipped when it is negative. */
static bool put_signed(struct kf_buf *key, int64_t value)
{
    uint64_t size = (uint64_t)(value < 0 ? ~value : value);
    unsigned char bytes[10];
    unsigned n = 1;

    while (n < 10 && (7 * n - 1 < 64 && size >> (7 * n - 1)))
        n++;
    for (unsigned i = 0; i < n; i++) {
        unsigned shift = 8 * (n - 1 - i);

        bytes[i] = (unsigned char)(shift < 64 ? (uint64_t)value >> shift : value < 0 ? 0xff : 0);
    }
    for (unsigned bit = 0; bit < n; bit++)
        bytes[bit / 8] ^= (unsigned char)(0x80 >> bit % 8);
    return kf_buf_add(key, bytes, n);
}

static bool put_extents(struct kf_buf *key, const Kf__Tf__Slice *slice)
{
    for (size_t i = 0; i < slice->n_extent; i++) {
        const Kf__Tf__Slice__Extent *extent = slice->extent[i];
        bool whole = extent->has_length_case != KF__TF__SLICE__EXTENT__HAS_LENGTH_LENGTH;

        if (!put_signed(key, whole ? 0 : extent->start) ||
            !put_signed(key, whole ? -1 : extent->length))
            return false;
    }
    return true;
}

bool kf_bundle_slice_key(struct kf_buf *key, const char *text, size_t n, const Kf__Tf__Slice *slice)
{
    return put_number(key, 0) && put_text(key, text, n) && put_number(key, slice->n_extent) &&
           put_extents(key, slice);
}
