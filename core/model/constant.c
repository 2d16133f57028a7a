/* SPDX-License-Identifier: Apache-2.0 */
#include "constant.h"
#include "numbers.h"
#include <string.h>

static int pull(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                struct kf_report *rep)
{
    (void)rep;
    memcpy(to, (const char *)payload->state + at, n);
    return 0;
}

const struct kf_payload *kf_constant(struct kf_arena *arena, enum kf_dtype dtype, double value)
{
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));
    char *bytes = kf_arena_alloc(arena, 8);
    int64_t whole = (int64_t)value;

    if (!payload || !bytes)
        return NULL;
    if (kf_number_is_float(dtype))
        kf_number_write(dtype, bytes, value);
    else
        memcpy(bytes, &whole, kf_dtype_size(dtype)); /* little-endian: the low bytes first */
    *payload =
        (struct kf_payload){.dtype = dtype, .pull = pull, .file_at = KF_NOWHERE, .state = bytes};
    return payload;
}
