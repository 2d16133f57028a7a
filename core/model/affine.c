/* SPDX-License-Identifier: Apache-2.0 */
#include "affine.h"
#include "../base/num.h"
#include "numbers.h"
#include "rewrite.h"
#include "rewrite_private.h"

#define PIECE 4096

static double number(const struct kf_affine *affine, const char *from)
{
    if (affine->dtype == KF_DTYPE_FLOAT16)
        return kf_number_read(KF_DTYPE_FLOAT16, from);
    return (double)kf_number_read_int(affine->dtype, from) * affine->scale + affine->min;
}

static int pull_float32(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                        struct kf_report *rep)
{
    const struct kf_affine *affine = payload->state;
    size_t size = kf_dtype_size(affine->dtype), count = n / sizeof(float);
    uint64_t first = at / sizeof(float);
    char piece[PIECE], *out = to;

    for (size_t done = 0, some; done < count; done += some) {
        some = (size_t)kf_min(count - done, PIECE / size);
        KF_TRY(
            payload->inner->pull(payload->inner, (first + done) * size, piece, some * size, rep));
        for (size_t i = 0; i < some; i++)
            kf_number_write(KF_DTYPE_FLOAT32, out + (done + i) * sizeof(float),
                            number(affine, piece + i * size));
    }
    return 0;
}

const struct kf_payload *kf_affine_float32(struct kf_arena *arena, const struct kf_payload *inner,
                                           const struct kf_affine *affine)
{
    struct kf_affine *kept = kf_arena_alloc(arena, sizeof(*kept));
    struct kf_payload *payload = kept ? kf_rewrite_wrap(arena, inner, kept, pull_float32) : NULL;

    if (!payload)
        return NULL;
    *kept = *affine;
    payload->dtype = KF_DTYPE_FLOAT32;
    return payload;
}
