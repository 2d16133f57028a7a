/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/num.h"
#include "numbers.h"
#include "rewrite_private.h"
#include <string.h>

/* A range of an axis. */
struct slice {
    uint64_t row, of; /* bytes of what is taken, and of what it is taken from, again and again */
    uint64_t skip;    /* bytes in front of it */
};

static int pull_slice(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    const struct slice *slice = payload->state;

    for (size_t done = 0, some; done < n; done += some) {
        uint64_t row = (at + done) / slice->row, column = (at + done) % slice->row;

        some = (size_t)kf_min(n - done, slice->row - column);
        KF_TRY(payload->inner->pull(payload->inner, row * slice->of + slice->skip + column,
                                    (char *)to + done, some, rep));
    }
    return 0;
}

const struct kf_payload *kf_rewrite_slice(struct kf_arena *arena, const struct kf_payload *inner,
                                          unsigned axis, uint64_t index, bool *fits)
{
    struct kf_payload *payload;
    struct slice *slice;
    uint64_t below = kf_dtype_size(inner->dtype);

    *fits = axis < inner->rank && index < inner->dims[axis];
    if (!*fits || !(slice = kf_arena_alloc(arena, sizeof(*slice))) ||
        !(payload = kf_rewrite_wrap(arena, inner, slice, pull_slice)))
        return NULL;
    for (unsigned i = axis + 1; i < inner->rank; i++) {
        below *= inner->dims[i];
        payload->dims[i - 1] = inner->dims[i];
    }
    payload->dims[--payload->rank] = 0;
    *slice = (struct slice){below, below * inner->dims[axis], below * index};
    return payload;
}

static int pull_same(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                     struct kf_report *rep)
{
    return payload->inner->pull(payload->inner, at, to, n, rep);
}

static struct kf_payload *same_bytes(struct kf_arena *arena, const struct kf_payload *inner)
{
    struct kf_payload *payload = kf_rewrite_wrap(arena, inner, NULL, pull_same);

    if (payload) {
        payload->file_at = inner->file_at;
        payload->file = inner->file;
    }
    return payload;
}

const struct kf_payload *kf_rewrite_two_rows(struct kf_arena *arena, const struct kf_payload *inner,
                                             bool *fits)
{
    struct kf_payload *payload;

    *fits = inner->rank == 1 && inner->dims[0] % 2 == 0;
    if (!*fits || !(payload = same_bytes(arena, inner)))
        return NULL;
    payload->rank = 2;
    payload->dims[1] = inner->dims[0] / 2;
    payload->dims[0] = 2;
    return payload;
}

const struct kf_payload *kf_rewrite_flatten(struct kf_arena *arena, const struct kf_payload *inner,
                                            bool *fits)
{
    struct kf_payload *payload;
    unsigned last = inner->rank - 1;

    *fits = inner->rank >= 2;
    if (!*fits || !(payload = same_bytes(arena, inner)))
        return NULL;
    payload->rank = last;
    payload->dims[last - 1] = inner->dims[last - 1] * inner->dims[last];
    payload->dims[last] = 0;
    return payload;
}

const struct kf_payload *kf_rewrite_reshape(struct kf_arena *arena, const struct kf_payload *inner,
                                            const uint64_t *dims, unsigned rank, bool *fits)
{
    struct kf_payload *payload = same_bytes(arena, inner);

    if (!payload)
        return NULL;
    memset(payload->dims, 0, sizeof(payload->dims));
    memcpy(payload->dims, dims, rank * sizeof(*dims));
    payload->rank = rank;
    *fits = kf_payload_elements(payload) == kf_payload_elements(inner);
    return *fits ? payload : NULL;
}

const struct kf_payload *kf_rewrite_squeeze(struct kf_arena *arena, const struct kf_payload *inner,
                                            unsigned axis, bool *fits)
{
    struct kf_payload *payload;

    *fits = axis < inner->rank && inner->dims[axis] == 1;
    if (!*fits || !(payload = same_bytes(arena, inner)))
        return NULL;
    payload->rank--;
    for (unsigned i = axis; i < payload->rank; i++)
        payload->dims[i] = inner->dims[i + 1];
    return payload;
}

const struct kf_payload *kf_rewrite_widen(struct kf_arena *arena, const struct kf_payload *inner,
                                          unsigned axis, bool *fits)
{
    struct kf_payload *payload;

    *fits = axis <= inner->rank && inner->rank < KF_RANK_MAX;
    if (!*fits || !(payload = same_bytes(arena, inner)))
        return NULL;
    for (unsigned i = payload->rank++; i > axis; i--)
        payload->dims[i] = payload->dims[i - 1];
    payload->dims[axis] = 1;
    return payload;
}

const struct kf_payload *kf_rewrite_rows(struct kf_arena *arena, const struct kf_payload *inner,
                                         bool *fits)
{
    struct kf_payload *payload;

    *fits = inner->rank == 3;
    if (!*fits || !(payload = same_bytes(arena, inner)))
        return NULL;
    payload->rank = 2;
    payload->dims[0] = inner->dims[0] * inner->dims[1];
    payload->dims[1] = inner->dims[2];
    payload->dims[2] = 0;
    return payload;
}

static void raise(const struct kf_payload *payload, const void *state, uint64_t at, void *bytes,
                  size_t n)
{
    const double *least = state;
    size_t size = kf_dtype_size(payload->dtype);

    (void)at;
    for (size_t i = 0; i < n; i += size)
        if (kf_number_read(payload->dtype, (char *)bytes + i) < *least)
            kf_number_write(payload->dtype, (char *)bytes + i, *least);
}

const struct kf_payload *kf_rewrite_at_least(struct kf_arena *arena, const struct kf_payload *inner,
                                             double value, bool *fits)
{
    double *least = kf_arena_alloc(arena, sizeof(*least));

    *fits = kf_number_is_float(inner->dtype);
    if (!*fits || !least)
        return NULL;
    *least = value;
    return kf_rewrite_in_place(arena, inner, least, raise);
}
