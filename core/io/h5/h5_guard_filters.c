/* SPDX-License-Identifier: Apache-2.0 */
#include "h5_private.h"
#include <string.h>

/*
 * Filters of a dataset. HDF5 1.10 looks for the end of a name beyond the message's.
 *
 *   all      version 1 (1, 2), number 1, in version 1 reserved 6, filters:
 *   filter   identifier 2, length of its name 2 (not in version 2 of filters below 256), flags 2,
 *            number of values 2, name, values 4 each, in version 1 an even number of them
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.l
 */
#define FILTERS_MAX 32
#define NAMED       256

/* The bytes of the filter that begins at `p`; 0 when it has no end. */
static size_t filter_size(const char *p, size_t n, bool old)
{
    bool named = old || (n >= 2 && kf_h5_get(p, 2) >= NAMED);
    size_t head = named ? 8 : 6, name, values, size;

    if (n < head)
        return 0;
    name = named ? (size_t)kf_h5_get(p + 2, 2) : 0;
    values = (size_t)kf_h5_get(p + head - 2, 2);
    size = head + name + 4 * (old ? values + values % 2 : values);
    if (size > n || (old && name % 8 != 0) || (name > 0 && strnlen(p + head, name) == name))
        return 0;
    return size;
}

bool kf_h5_filters_sound(const char *p, size_t n)
{
    bool old = n > 0 && p[0] == 1;
    size_t at = old ? 8 : 2, size;

    if (n < at || (!old && p[0] != 2) || (unsigned char)p[1] > FILTERS_MAX)
        return false;
    for (unsigned i = 0; i < (unsigned char)p[1]; i++, at += size) {
        size = filter_size(p + at, n - at, old);
        if (size == 0)
            return false;
    }
    return true;
}
