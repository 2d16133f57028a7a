/* SPDX-License-Identifier: Apache-2.0 */
#include "h5_plain.h"
#include "../../base/num.h"
#include <string.h>

/*
 *   dataspace      version 1 (1), rank 1, flags 1 (1: largest dims follow), reserved 5, dims 8 each
 *   fill value     version 1 (2), when allocated 1 (1 to 3), when written 1 (0 to 2), set 1, size 4
 *   layout         version 1 (3), contiguous 1 (1), address 8, size 8
 *   symbol table   B-tree's address 8, heap's address 8
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2
 */
#define FLAG_CONSTANT 1 /* what the flags of plain messages may be; shared ones are others */

#define SPACE_HEAD  8
#define FILL_SIZE   8
#define LAYOUT_SIZE 18

/* The order of bytes and the sign's place stand in the bits; the version makes no difference. */
static enum kf_dtype find_dtype(const char *p, size_t n)
{
    for (enum kf_dtype dtype = KF_DTYPE_FLOAT16; dtype < KF_DTYPE_COUNT; dtype++) {
        const struct kf_h5_type_bytes *type = kf_h5_type_bytes(dtype);

        /* What has two bytes may be a bfloat16, as an attribute says. */
        if (kf_dtype_size(dtype) != 2 && n == type->n && memcmp(p, type->bytes, n) == 0)
            return dtype;
    }
    return KF_DTYPE_NONE;
}

static bool take_space(struct kf_h5_plain *plain, const char *p, size_t n)
{
    if (n < SPACE_HEAD || p[0] != 1 || (unsigned char)p[1] > KF_RANK_MAX || (p[2] & ~1))
        return false;
    plain->rank = (unsigned char)p[1];
    if (n < SPACE_HEAD + plain->rank * (p[2] ? 16u : 8u))
        return false;
    for (unsigned i = 0; i < plain->rank; i++) {
        plain->dims[i] = kf_h5_get(p + SPACE_HEAD + i * 8, 8);
        /* A largest size other than the size is for chunks. */
        if (p[2] && kf_h5_get(p + SPACE_HEAD + (plain->rank + i) * 8, 8) != plain->dims[i])
            return false;
    }
    return true;
}

/* The fill value that all have who give none. */
static bool is_fill(const char *p, size_t n)
{
    return n >= FILL_SIZE && p[0] == 2 && p[1] >= 1 && p[1] <= 3 && (unsigned char)p[2] <= 2 &&
           (unsigned char)p[3] <= 1 && kf_h5_get(p + 4, 4) == 0;
}

static bool take_layout(struct kf_h5_plain *plain, const char *p, size_t n)
{
    if (n < LAYOUT_SIZE || p[0] != 3 || p[1] != 1)
        return false;
    plain->at = kf_h5_get(p + 2, 8);
    plain->stored = plain->at == KF_H5_UNDEFINED ? 0 : kf_h5_get(p + 10, 8);
    return true;
}

static bool take_symbols(struct kf_h5_plain *plain, const char *p, size_t n)
{
    if (n < 16)
        return false;
    plain->tree = kf_h5_get(p, 8);
    plain->heap = kf_h5_get(p + 8, 8);
    return true;
}

/* Whether the message is one that a plain object may have. */
static bool take(struct kf_h5_plain *plain, unsigned type, const char *p, size_t n)
{
    switch (type) {
    case KF_H5_MESSAGE_SPACE:
        return plain->n_spaces++ == 0 && take_space(plain, p, n);
    case KF_H5_MESSAGE_TYPE:
        plain->dtype = find_dtype(p, n);
        return plain->n_types++ == 0 && plain->dtype != KF_DTYPE_NONE;
    case KF_H5_MESSAGE_LAYOUT:
        return plain->n_layouts++ == 0 && take_layout(plain, p, n);
    case KF_H5_MESSAGE_SYMBOLS:
        return plain->n_symbols++ == 0 && take_symbols(plain, p, n);
    case KF_H5_MESSAGE_FILL:
        return plain->n_fills++ == 0 && is_fill(p, n);
    default:
        return type == KF_H5_MESSAGE_NIL || type == KF_H5_MESSAGE_ATTR ||
               type == KF_H5_MESSAGE_TIME;
    }
}

void kf_h5_plain_see(struct kf_h5_plain *plain, unsigned type, unsigned flags, const char *p,
                     size_t n)
{
    if ((flags & ~(unsigned)FLAG_CONSTANT) || !take(plain, type, p, n))
        plain->odd = true;
}

bool kf_h5_plain_group(const struct kf_h5_plain *plain)
{
    return !plain->odd && plain->n_symbols == 1 && plain->n_spaces == 0 && plain->n_types == 0 &&
           plain->n_layouts == 0 && plain->n_fills == 0;
}

bool kf_h5_plain_dataset(const struct kf_h5_plain *plain)
{
    return !plain->odd && plain->n_symbols == 0 && plain->n_spaces == 1 && plain->n_types == 1 &&
           plain->n_layouts == 1;
}
