/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/num.h"
#include "numbers.h"
#include "rewrite_private.h"

struct join {
    const struct kf_payload *const *pieces;
    size_t n;
};

/* Where byte `at` of a joined row stands: in which piece, and how far into that piece's row. */
static size_t find_piece(const struct join *join, size_t size, uint64_t *at)
{
    size_t i = 0;

    for (; i + 1 < join->n; i++) {
        const struct kf_payload *piece = join->pieces[i];
        uint64_t row = piece->dims[piece->rank - 1] * size;

        if (*at < row)
            break;
        *at -= row;
    }
    return i;
}

static int pull_joined(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    const struct join *join = payload->state;
    size_t size = kf_dtype_size(payload->dtype);
    uint64_t row = payload->dims[payload->rank - 1] * size;
    char *out = to;

    while (n) {
        uint64_t into = at % row;
        const struct kf_payload *piece = join->pieces[find_piece(join, size, &into)];
        uint64_t width = piece->dims[piece->rank - 1] * size;
        size_t some = (size_t)kf_min(n, width - into);

        KF_TRY(piece->pull(piece, at / row * width + into, out, some, rep));
        at += some;
        out += some;
        n -= some;
    }
    return 0;
}

/* Whether `piece` may stand beside `first`. */
static bool alike(const struct kf_payload *first, const struct kf_payload *piece)
{
    bool same = piece->rank == first->rank && piece->dtype == first->dtype && piece->rank &&
                kf_payload_elements(piece) > 0;

    for (unsigned i = 0; same && i + 1 < first->rank; i++)
        same = piece->dims[i] == first->dims[i];
    return same;
}

const struct kf_payload *kf_rewrite_join(struct kf_arena *arena,
                                         const struct kf_payload *const *pieces, size_t n,
                                         bool *fits)
{
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));
    struct join *join = kf_arena_alloc(arena, sizeof(*join));
    uint64_t width = 0;

    *fits = n > 0;
    for (size_t i = 0; *fits && i < n; i++) {
        *fits = alike(pieces[0], pieces[i]);
        width += *fits ? pieces[i]->dims[pieces[i]->rank - 1] : 0;
    }
    if (!*fits || !payload || !join)
        return NULL;
    *join = (struct join){pieces, n};
    *payload = *pieces[0];
    payload->dims[payload->rank - 1] = width;
    payload->pull = pull_joined;
    payload->inner = NULL; /* what it was before has no one dataset */
    payload->state = join;
    payload->file = NULL;
    payload->file_at = KF_NOWHERE;
    return payload;
}

static void square(const struct kf_payload *payload, const void *state, uint64_t at, void *bytes,
                   size_t n)
{
    double epsilon = *(const double *)state;
    size_t size = kf_dtype_size(payload->dtype);

    (void)at;
    for (size_t i = 0; i < n; i += size) {
        double root = kf_number_read(payload->dtype, (char *)bytes + i) + epsilon;

        kf_number_write(payload->dtype, (char *)bytes + i, root * root - epsilon);
    }
}

const struct kf_payload *kf_rewrite_square(struct kf_arena *arena, const struct kf_payload *inner,
                                           double epsilon, bool *fits)
{
    double *state = kf_arena_alloc(arena, sizeof(*state));

    *fits = kf_number_is_float(inner->dtype);
    if (!*fits || !state)
        return NULL;
    *state = epsilon;
    return kf_rewrite_in_place(arena, inner, state, square);
}

/* The rows of the source from the last one to the first; `state` is how long they are. */
static int pull_flipped(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                        struct kf_report *rep)
{
    uint64_t row = *(const uint64_t *)payload->state, end = kf_payload_bytes(payload);
    char *out = to;

    while (n > 0) {
        size_t some = (size_t)kf_min(n, row - at % row);
        uint64_t from = end - (at / row + 1) * row + at % row;

        KF_TRY(payload->inner->pull(payload->inner, from, out, some, rep));
        at += some;
        out += some;
        n -= some;
    }
    return 0;
}

const struct kf_payload *kf_rewrite_flip(struct kf_arena *arena, const struct kf_payload *inner,
                                         bool *fits)
{
    uint64_t *row = kf_arena_alloc(arena, sizeof(*row));

    *fits = inner->rank >= 3 && kf_payload_elements(inner) > 0;
    if (!*fits || !row)
        return NULL;
    *row =
        inner->dims[inner->rank - 1] * inner->dims[inner->rank - 2] * kf_dtype_size(inner->dtype);
    return kf_rewrite_wrap(arena, inner, row, pull_flipped);
}
