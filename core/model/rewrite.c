/* SPDX-License-Identifier: Apache-2.0 */
#include "rewrite.h"
#include "../base/num.h"
#include "numbers.h"
#include <string.h>

/* Small pieces keep the stack small and the cache warm; callers pull up to 1 MiB at a time. */
#define PIECE 4096

static struct kf_payload *
wrap(struct kf_arena *arena, const struct kf_payload *inner, const void *state,
     int (*pull)(const struct kf_payload *, uint64_t, void *, size_t, struct kf_report *))
{
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));

    if (!payload)
        return NULL;
    *payload = *inner;
    payload->pull = pull;
    payload->inner = inner;
    payload->file_at = KF_NOWHERE;
    payload->state = state;
    return payload;
}

struct scale {
    uint64_t last, gate; /* columns in all, and in one gate */
    unsigned mask;
    double factor;
};

static int pull_scaled(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    const struct scale *scale = payload->state;
    size_t size = kf_dtype_size(payload->dtype);
    uint64_t first = at / size;

    KF_TRY(payload->inner->pull(payload->inner, at, to, n, rep));
    for (size_t i = 0; i < n / size; i++) {
        uint64_t gate = (first + i) % scale->last / scale->gate;
        char *element = (char *)to + i * size;

        if (scale->mask >> gate & 1)
            kf_number_write(payload->dtype, element,
                            kf_number_read(payload->dtype, element) * scale->factor);
    }
    return 0;
}

const struct kf_payload *kf_rewrite_scale(struct kf_arena *arena, const struct kf_payload *inner,
                                          unsigned gates, unsigned mask, double factor, bool *fits)
{
    uint64_t last = inner->rank ? inner->dims[inner->rank - 1] : 0;
    struct scale *scale;

    *fits = kf_number_is_float(inner->dtype) && last && last % gates == 0;
    if (!*fits || !(scale = kf_arena_alloc(arena, sizeof(*scale))))
        return NULL;
    *scale = (struct scale){last, last / gates, mask, factor};
    return wrap(arena, inner, scale, pull_scaled);
}

/* A permutation scatters the whole source into one tile of the result at a time. */
#define TILE (UINT64_C(8) << 20)

struct tile {
    char *bytes;
    uint64_t at, n; /* range of the result's bytes that stands in `bytes` */
};

/* An elementwise rearrangement: where element `from` of the source goes. */
struct permutation {
    uint64_t (*target)(const struct permutation *permutation, uint64_t from);
    uint64_t rows, units, columns; /* of gates: their matrix; of a flip: rows of `columns` */
    unsigned rank;                 /* of a transposition: axes of the source, how long they are */
    uint64_t dims[KF_AXES_MAX], strides[KF_AXES_MAX]; /* and how far apart in the result */
    struct tile *tile;
};

static uint64_t transposed(const struct permutation *p, uint64_t from)
{
    uint64_t row = from / p->columns, column = from % p->columns;

    return column % p->units * p->columns + column / p->units * p->units + row;
}

static uint64_t by_columns(const struct permutation *p, uint64_t from)
{
    uint64_t row = from / p->columns, column = from % p->columns;
    uint64_t flat = row * p->units + column % p->units;

    return flat % p->rows * p->columns + column / p->units * p->units + flat / p->rows;
}

static uint64_t flipped(const struct permutation *p, uint64_t from)
{
    return (p->rows - 1 - from / p->columns) * p->columns + from % p->columns;
}

static uint64_t by_axes(const struct permutation *p, uint64_t from)
{
    uint64_t to = 0;

    for (unsigned axis = p->rank; axis-- > 0; from /= p->dims[axis])
        to += from % p->dims[axis] * p->strides[axis];
    return to;
}

static void scatter(const struct permutation *permutation, const char *piece, uint64_t first,
                    size_t n, size_t size)
{
    const struct tile *tile = permutation->tile;

    for (size_t i = 0; i < n; i++) {
        uint64_t to = permutation->target(permutation, first + i) * size;

        if (to >= tile->at && to - tile->at < tile->n)
            memcpy(tile->bytes + (to - tile->at), piece + i * size, size);
    }
}

static int fill_tile(const struct kf_payload *payload, uint64_t at, struct kf_report *rep)
{
    const struct permutation *permutation = payload->state;
    uint64_t total = kf_payload_bytes(payload);
    size_t size = kf_dtype_size(payload->dtype);
    char piece[PIECE];

    permutation->tile->at = at / TILE * TILE;
    permutation->tile->n = kf_min(TILE, total - permutation->tile->at);
    for (uint64_t from = 0; from < total; from += PIECE) {
        size_t n = (size_t)kf_min(PIECE, total - from);

        KF_TRY(payload->inner->pull(payload->inner, from, piece, n, rep));
        scatter(permutation, piece, from / size, n / size, size);
    }
    return 0;
}

static int pull_permuted(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                         struct kf_report *rep)
{
    const struct tile *tile = ((const struct permutation *)payload->state)->tile;
    char *out = to;

    while (n) {
        size_t some;

        if (!tile->n || at < tile->at || at - tile->at >= tile->n)
            KF_TRY(fill_tile(payload, at, rep));
        some = (size_t)kf_min(n, tile->n - (at - tile->at));
        memcpy(out, tile->bytes + (at - tile->at), some);
        at += some;
        out += some;
        n -= some;
    }
    return 0;
}

static const struct kf_payload *permute(struct kf_arena *arena, const struct kf_payload *inner,
                                        const struct permutation *how)
{
    struct permutation *permutation = kf_arena_alloc(arena, sizeof(*permutation));

    if (!permutation)
        return NULL;
    *permutation = *how;
    permutation->tile = kf_arena_alloc(arena, sizeof(*permutation->tile));
    if (!permutation->tile)
        return NULL;
    permutation->tile->bytes = kf_arena_alloc(arena, kf_min(TILE, kf_payload_bytes(inner)));
    return permutation->tile->bytes ? wrap(arena, inner, permutation, pull_permuted) : NULL;
}

const struct kf_payload *kf_rewrite_gates(struct kf_arena *arena, const struct kf_payload *inner,
                                          unsigned n_gates, enum kf_gate_layout layout, bool *fits)
{
    uint64_t columns = inner->rank == 2 ? inner->dims[1] : 0;
    struct permutation how = {.target = layout == KF_GATE_TRANSPOSED ? transposed : by_columns,
                              .rows = inner->dims[0],
                              .units = columns / n_gates,
                              .columns = columns};

    *fits = columns && columns % n_gates == 0 && how.rows &&
            (layout != KF_GATE_TRANSPOSED || how.rows == how.units);
    return *fits ? permute(arena, inner, &how) : NULL;
}

const struct kf_payload *kf_rewrite_flip(struct kf_arena *arena, const struct kf_payload *inner,
                                         bool *fits)
{
    struct permutation how = {.target = flipped, .rows = 1};

    *fits = inner->rank >= 3 && kf_payload_elements(inner) > 0;
    if (!*fits)
        return NULL;
    how.columns = inner->dims[inner->rank - 1] * inner->dims[inner->rank - 2];
    how.rows = kf_payload_elements(inner) / how.columns;
    return permute(arena, inner, &how);
}

const struct kf_payload *kf_rewrite_transpose(struct kf_arena *arena,
                                              const struct kf_payload *inner, const unsigned *axes,
                                              unsigned n, bool *fits)
{
    struct permutation how = {.target = by_axes, .rank = n};
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));
    const struct kf_payload *permuted;
    uint64_t stride = 1;

    *fits = inner->rank == n && kf_payload_elements(inner) > 0;
    if (!*fits || !payload)
        return NULL;
    for (unsigned i = n; i-- > 0; stride *= inner->dims[axes[i]])
        how.strides[axes[i]] = stride;
    for (unsigned i = 0; i < n; i++)
        how.dims[i] = inner->dims[i];
    permuted = permute(arena, inner, &how);
    if (!permuted)
        return NULL;
    *payload = *permuted;
    for (unsigned i = 0; i < n; i++)
        payload->dims[i] = inner->dims[axes[i]];
    return payload;
}

static int pull_sum(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                    struct kf_report *rep)
{
    uint64_t half = kf_payload_bytes(payload);
    size_t size = kf_dtype_size(payload->dtype);
    char piece[PIECE];

    KF_TRY(payload->inner->pull(payload->inner, at, to, n, rep));
    for (size_t done = 0; done < n; done += PIECE) {
        size_t some = n - done < PIECE ? n - done : PIECE;
        char *out = (char *)to + done;

        KF_TRY(payload->inner->pull(payload->inner, half + at + done, piece, some, rep));
        for (size_t i = 0; i < some; i += size)
            kf_number_write(payload->dtype, out + i,
                            kf_number_read(payload->dtype, out + i) +
                                kf_number_read(payload->dtype, piece + i));
    }
    return 0;
}

const struct kf_payload *kf_rewrite_sum_halves(struct kf_arena *arena,
                                               const struct kf_payload *inner, bool *fits)
{
    struct kf_payload *payload;

    *fits = inner->rank == 1 && inner->dims[0] % 2 == 0 && kf_number_is_float(inner->dtype);
    if (!*fits || !(payload = wrap(arena, inner, NULL, pull_sum)))
        return NULL;
    payload->dims[0] /= 2;
    return payload;
}

static int pull_same(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                     struct kf_report *rep)
{
    return payload->inner->pull(payload->inner, at, to, n, rep);
}

const struct kf_payload *kf_rewrite_two_rows(struct kf_arena *arena, const struct kf_payload *inner,
                                             bool *fits)
{
    struct kf_payload *payload;

    *fits = inner->rank == 1 && inner->dims[0] % 2 == 0;
    if (!*fits || !(payload = wrap(arena, inner, NULL, pull_same)))
        return NULL;
    payload->file_at = inner->file_at;
    payload->file = inner->file;
    payload->rank = 2;
    payload->dims[1] = inner->dims[0] / 2;
    payload->dims[0] = 2;
    return payload;
}

static int pull_int32(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    size_t size = kf_dtype_size(payload->inner->dtype);
    char piece[8];

    for (size_t i = 0; i < n; i += sizeof(int32_t)) {
        int64_t wide;
        int32_t value;

        KF_TRY(payload->inner->pull(payload->inner, (at + i) / sizeof(int32_t) * size, piece, size,
                                    rep));
        wide = kf_number_read_int(payload->inner->dtype, piece);
        if (wide > INT32_MAX || wide < INT32_MIN)
            return kf_report_add(rep, KF_VALUE_NO_EQUAL, "",
                                 "the value %lld does not fit the int32 of Keras 3",
                                 (long long)wide);
        value = (int32_t)wide;
        memcpy((char *)to + i, &value, sizeof(value));
    }
    return 0;
}

const struct kf_payload *kf_rewrite_int32(struct kf_arena *arena, const struct kf_payload *inner,
                                          bool *fits)
{
    struct kf_payload *payload;

    *fits = !kf_number_is_float(inner->dtype);
    if (!*fits)
        return NULL;
    if (inner->dtype == KF_DTYPE_INT32)
        return inner;
    payload = wrap(arena, inner, NULL, pull_int32);
    if (payload)
        payload->dtype = KF_DTYPE_INT32;
    return payload;
}
