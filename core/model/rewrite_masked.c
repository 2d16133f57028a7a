/* SPDX-License-Identifier: Apache-2.0 */
#include "rewrite_private.h"
#include <string.h>

#define PIECE 4096 /* whole elements of any dtype */

/* 0 where the mask is, and what it was where the mask is 1. */
static void put_zeros(char *to, const char *mask, size_t n, size_t size)
{
    static const char zero[8];

    for (size_t i = 0; i + size <= n; i += size)
        if (memcmp(mask + i, zero, size) == 0)
            memset(to + i, 0, size);
}

static int pull_masked(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    const struct kf_payload *mask = payload->state;
    char bytes[PIECE];

    KF_TRY(payload->inner->pull(payload->inner, at, to, n, rep));
    for (size_t done = 0; done < n; done += PIECE) {
        size_t piece = n - done < PIECE ? n - done : PIECE;

        KF_TRY(mask->pull(mask, at + done, bytes, piece, rep));
        put_zeros((char *)to + done, bytes, piece, kf_dtype_size(payload->dtype));
    }
    return 0;
}

const struct kf_payload *kf_rewrite_masked(struct kf_arena *arena, const struct kf_payload *inner,
                                           const struct kf_payload *mask, bool *fits)
{
    *fits = mask->dtype == inner->dtype && mask->rank == inner->rank &&
            memcmp(mask->dims, inner->dims, inner->rank * sizeof(inner->dims[0])) == 0;
    return *fits ? kf_rewrite_wrap(arena, inner, mask, pull_masked) : NULL;
}
