/* SPDX-License-Identifier: Apache-2.0 */
#include "constant.h"
#include "numbers.h"
#include <string.h>

static int pull(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                struct kf_report *rep)
{
    size_t size = kf_dtype_size(payload->dtype);

    (void)at;
    (void)rep;
    for (size_t i = 0; i < n; i += size)
        memcpy((char *)to + i, payload->state, size);
    return 0;
}

const struct kf_payload *kf_constant(struct kf_arena *arena, enum kf_dtype dtype, double value)
{
    return kf_filled(arena, &(struct kf_payload){.dtype = dtype}, value);
}

const struct kf_payload *kf_filled(struct kf_arena *arena, const struct kf_payload *like,
                                   double value)
{
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));
    char *bytes = kf_arena_alloc(arena, 8);
    int64_t whole = (int64_t)value;

    if (!payload || !bytes)
        return NULL;
    if (kf_number_is_float(like->dtype))
        kf_number_write(like->dtype, bytes, value);
    else
        memcpy(bytes, &whole, kf_dtype_size(like->dtype)); /* little-endian: the low bytes first */
    *payload = (struct kf_payload){.dtype = like->dtype,
                                   .rank = like->rank,
                                   .pull = pull,
                                   .file_at = KF_NOWHERE,
                                   .state = bytes};
    memcpy(payload->dims, like->dims, like->rank * sizeof(like->dims[0]));
    return payload;
}
