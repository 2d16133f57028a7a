/* SPDX-License-Identifier: Apache-2.0 */
#include "h5_private.h"
#include <string.h>

/*
 * Types of datasets. Those that no tensor has are never shown to HDF5, which decodes names and
 * members of a type without looking where they end.
 *
 *   all          class and version 1, bits 3, size 4, properties:
 *   integer 0    bit offset 2, precision 2
 *   float 1      12 bytes
 *   opaque 5     tag, whose length is the first byte of bits
 *   enum 8       an integer type, names (up to version 2 padded to 8), values; bits has how many
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.d
 */
enum type_class {
    INTEGER = 0,
    FLOAT = 1,
    STRING = 3,
    OPAQUE = 5,
    COMPOUND = 6,
    ENUM = 8,
    VLEN = 9
};

#define HEAD         8
#define INTEGER_SIZE 12
#define FLOAT_SIZE   20
#define CLASS_MAX    10

/* True when the names of an enum end in time, and its values after them. */
static bool is_enum(const char *p, size_t n)
{
    size_t members = (size_t)kf_h5_get(p + 1, 2), size = (size_t)kf_h5_get(p + 4, 4);
    size_t at = HEAD + INTEGER_SIZE;
    bool padded = (unsigned char)p[0] >> 4 < 3;

    if (n < at || (p[HEAD] & 0x0f) != INTEGER || kf_h5_get(p + HEAD + 4, 4) != size)
        return false;
    for (size_t i = 0; i < members; i++) {
        size_t name = at < n ? strnlen(p + at, n - at) + 1 : n;

        if (name > n - at)
            return false;
        at += padded ? (name + 7) / 8 * 8 : name;
    }
    return at <= n && members * size <= n - at;
}

bool kf_h5_type_sound(const char *p, size_t n, const char **odd_out)
{
    int class = n >= HEAD ? p[0] & 0x0f : -1;

    *odd_out = NULL;
    if (class < 0 || class > CLASS_MAX || kf_h5_get(p + 4, 4) == 0)
        return false;
    switch (class) {
    case INTEGER:
        return n >= INTEGER_SIZE;
    case FLOAT:
        return n >= FLOAT_SIZE;
    case OPAQUE:
        return n - HEAD >= (unsigned char)p[1];
    case ENUM:
        return is_enum(p, n);
    default:
        *odd_out = class == STRING || class == VLEN ? "strings"
                   : class == COMPOUND              ? "a compound type"
                                                    : "a type that is no number";
        return true;
    }
}
