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

static int pull_zeros(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    (void)payload;
    (void)at;
    (void)rep;
    memset(to, 0, n);
    return 0;
}

const struct kf_payload *kf_zeros(struct kf_arena *arena, const struct kf_payload *like)
{
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));

    if (!payload)
        return NULL;
    *payload = (struct kf_payload){
        .dtype = like->dtype, .rank = like->rank, .pull = pull_zeros, .file_at = KF_NOWHERE};
    memcpy(payload->dims, like->dims, like->rank * sizeof(like->dims[0]));
    return payload;
}
