/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/num.h"
#include "numbers.h"
#include "rewrite_private.h"
#include <string.h>

struct patches {
    const struct kf_patch *patches;
    size_t n;
};

/* Add what one patch has in columns [first, first + n) of a row. */
static int add_patch(const struct kf_patch *patch, uint64_t row, uint64_t first, float *to,
                     uint64_t n, struct kf_report *rep)
{
    uint64_t low = first < patch->column ? patch->column : first;
    uint64_t high = kf_min(first + n, patch->column + patch->columns);
    float piece[1024];

    if (row < patch->row || row - patch->row >= patch->rows || low >= high)
        return 0;
    if (patch->diagonal) {
        uint64_t column = patch->column + (row - patch->row);

        if (column >= low && column < high)
            to[column - first] += (float)patch->add;
        return 0;
    }
    for (uint64_t at = low, some; at < high; at += some) {
        some = kf_min(high - at, sizeof(piece) / sizeof(*piece));
        if (patch->of) {
            uint64_t width = patch->of->dims[patch->of->rank - 1];
            uint64_t from =
                (row - patch->row + patch->of_row) * width + patch->of_column + at - patch->column;

            KF_TRY(patch->of->pull(patch->of, from * sizeof(float), piece,
                                   (size_t)some * sizeof(float), rep));
        }
        for (uint64_t i = 0; i < some; i++)
            to[at - first + i] +=
                (float)(patch->add + (patch->of ? patch->scale * (double)piece[i] : 0));
    }
    return 0;
}

static int pull_patches(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                        struct kf_report *rep)
{
    const struct patches *patches = payload->state;
    uint64_t width = payload->dims[payload->rank - 1], first = at / sizeof(float);
    uint64_t end = first + n / sizeof(float);
    float *out = to;

    memset(to, 0, n);
    for (uint64_t some; first < end; first += some, out += some) {
        uint64_t column = first % width;

        some = kf_min(end - first, width - column);
        for (size_t i = 0; i < patches->n; i++)
            KF_TRY(add_patch(&patches->patches[i], first / width, column, out, some, rep));
    }
    return 0;
}

const struct kf_payload *kf_rewrite_patch(struct kf_arena *arena, const struct kf_payload *inner,
                                          const uint64_t *dims, unsigned rank,
                                          const struct kf_patch *list, size_t n, bool *fits)
{
    struct kf_patch *copy = kf_arena_alloc(arena, (n + 1) * sizeof(*copy));
    struct patches *patches = kf_arena_alloc(arena, sizeof(*patches));
    struct kf_payload *payload;

    *fits = inner->dtype == KF_DTYPE_FLOAT32;
    for (size_t i = 0; i < n; i++)
        *fits = *fits && (!list[i].of || list[i].of->dtype == KF_DTYPE_FLOAT32);
    if (!*fits || !copy || !patches ||
        !(payload = kf_rewrite_wrap(arena, inner, patches, pull_patches)))
        return NULL;
    memcpy(copy, list, n * sizeof(*copy));
    *patches = (struct patches){copy, n};
    memset(payload->dims, 0, sizeof(payload->dims));
    memcpy(payload->dims, dims, rank * sizeof(*dims));
    payload->rank = rank;
    return payload;
}
