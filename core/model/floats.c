/* SPDX-License-Identifier: Apache-2.0 */
#include "floats.h"
#include "../base/num.h"
#include "numbers.h"

#define PIECE 4096

int kf_floats(float **out, struct kf_arena *arena, const struct kf_payload *payload,
              const char *what, struct kf_report *rep)
{
    uint64_t n = kf_payload_elements(payload);
    size_t size = kf_dtype_size(payload->dtype);
    char piece[PIECE];

    if (n > KF_FLOATS_MAX)
        return kf_report_add(rep, KF_TOO_LARGE, "", "%llu %s", (unsigned long long)n, what);
    if (!(*out = kf_arena_alloc(arena, (size_t)(n ? n : 1) * sizeof(**out))))
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    for (uint64_t at = 0; at < n;) {
        uint64_t some = kf_min(PIECE / size, n - at);

        KF_TRY(payload->pull(payload, at * size, piece, (size_t)some * size, rep));
        for (uint64_t i = 0; i < some; i++)
            (*out)[at + i] = kf_number_is_float(payload->dtype)
                                 ? (float)kf_number_read(payload->dtype, piece + i * size)
                                 : (float)kf_number_read_int(payload->dtype, piece + i * size);
        at += some;
    }
    return 0;
}
