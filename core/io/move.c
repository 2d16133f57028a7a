/* SPDX-License-Identifier: Apache-2.0 */
#include "move.h"
#include "../base/alloc.h"
#include "../base/auto.h"
#include "../base/num.h"
#include "../model/rewrite.h"
#include "checksum.h"
#include "histogram.h"
#include <kf/progress.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How much is written before the disk is told to begin with it. */
#define START_BYTES ((uint64_t)8 << 20)

/* One payload on its way. */
struct move {
    struct kf_mover *mover;
    uint64_t to;
    enum kf_checksum_kind checksum;
    const char *where;
    struct kf_report *rep;
};

/* Whether the bytes stand in a file as they are. */
static bool stands(const struct kf_payload *payload)
{
    return payload->file && payload->file_at != KF_NOWHERE;
}

/* Who wants the CRC of a dataset's bytes because they are part of a larger whole, or NULL. */
static struct kf_crc *asked(const struct kf_payload *payload)
{
    return stands(payload) ? payload->file->crc : NULL;
}

/* Whether two payloads are the same bytes of a file, in another shape perhaps. */
static bool same_bytes(const struct kf_payload *a, const struct kf_payload *b)
{
    return a == b || (stands(a) && a->file == b->file && a->file_at == b->file_at &&
                      kf_payload_bytes(a) == kf_payload_bytes(b));
}

/* Let the kernel copy what it can; `*at` says how far it came. */
static void copy_in_kernel(const struct move *move, const struct kf_payload *payload, uint64_t *at)
{
    const struct kf_sink *to = &move->mover->to;
    uint64_t n = kf_payload_bytes(payload);

    while (*at < n) {
        loff_t from = (loff_t)(payload->file_at + *at), dest = (loff_t)(to->base + move->to + *at);
        long done = syscall(SYS_copy_file_range, payload->file->fd, &from, to->fd, &dest,
                            (size_t)kf_min(n - *at, (uint64_t)1 << 30), 0);

        if (done <= 0)
            return; /* another file system, a sandbox, the end: read and write instead */
        *at += (uint64_t)done;
        kf_progress_bytes(move->rep, (uint64_t)done);
    }
}

/* Begin with the disk's part of the work now and then. */
static void start(const struct move *move, uint64_t end)
{
    struct kf_mover *mover = move->mover;

    if (end < mover->started)
        mover->started = end;
    if (move->rep->passes || end - mover->started < START_BYTES)
        return;
    kf_sink_start(&mover->to, mover->started, end - mover->started);
    mover->started = end;
}

static int write_piece(const struct move *move, uint64_t at, const char *bytes, size_t n)
{
    KF_TRY(kf_sink_write(&move->mover->to, move->to + at, bytes, n, move->where, move->rep));
    start(move, move->to + at + n);
    kf_progress_bytes(move->rep, n);
    return 0;
}

/* What is learnt of the bytes of a payload as they pass by. */
struct look {
    const struct kf_payload *payload;
    struct kf_hasher hasher;
    bool sum; /* whether anybody wants the CRC */
    uint32_t crc;
    struct kf_spread *spread; /* of the values, or NULL */
};

static struct look look_at(const struct move *move, const struct kf_payload *payload)
{
    struct look look = {.payload = payload, .sum = asked(payload)};

    kf_hasher_init(&look.hasher, move->checksum);
    return look;
}

static void look_on(void *user, const void *bytes, size_t n)
{
    struct look *look = user;

    kf_hasher_update(&look->hasher, bytes, n);
    if (look->sum)
        look->crc = kf_crc32(look->crc, bytes, n);
    if (look->spread)
        kf_spread_update(look->spread, look->payload->dtype, bytes, n);
}

/* All has passed by. */
static void look_back(struct look *look, struct kf_checksum *sum)
{
    const struct kf_payload *payload = look->payload;

    if (look->sum && asked(payload))
        kf_crc_note(asked(payload), payload->file_at - payload->file->base,
                    kf_payload_bytes(payload), look->crc);
    kf_hasher_finish(&look->hasher, sum);
}

/*
 * How many bytes of the payload the piece at `at` has. Pieces end where the file has a multiple of
 * their size: the page cache then takes each as few large pages, at three quarters of the price.
 */
static size_t piece_at(const struct move *move, const struct kf_payload *payload, uint64_t at)
{
    const struct kf_sink *to = &move->mover->to;
    size_t n = KF_MOVE_PIECE - (size_t)((to->base + move->to + at) % KF_MOVE_PIECE);
    size_t whole = n - n % kf_dtype_size(payload->dtype);

    return (size_t)kf_min(kf_payload_bytes(payload) - at, whole > 0 ? whole : KF_MOVE_PIECE);
}

/*
 * Bring bytes [at, at + n) into the piece, or find the first `*n` of them where they are in memory;
 * `before` looks at what they are made of, or is NULL.
 */
static int pull_piece(const struct move *move, const struct kf_payload *payload, uint64_t at,
                      size_t *n, struct look *before, const char **out)
{
    char *piece = move->mover->piece;

    if (!before)
        KF_TRY(kf_rewrite_look(payload, at, n, out, move->rep));
    if (!before && *out)
        return 0;
    *out = piece;
    if (!before)
        return payload->pull(payload, at, piece, *n, move->rep);
    KF_TRY(payload->inner->pull(payload->inner, at, piece, *n, move->rep));
    look_on(before, piece, *n);
    kf_rewrite_change(payload, at, piece, *n);
    return 0;
}

/* Pull bytes from `at` on in pieces, look at them, and write them when `write`. */
static int pull_all(const struct move *move, uint64_t at, bool write, struct look *look,
                    struct look *before)
{
    char **piece = &move->mover->piece;
    uint64_t end = kf_payload_bytes(look->payload);

    if (!*piece && !(*piece = kf_alloc(KF_MOVE_PIECE)))
        return kf_report_add(move->rep, KF_NO_MEMORY, move->where, "no memory to copy a tensor");
    while (at < end) {
        size_t n = piece_at(move, look->payload, at);
        const char *bytes = NULL;

        KF_TRY(pull_piece(move, look->payload, at, &n, before, &bytes));
        look_on(look, bytes, n);
        if (write)
            KF_TRY(write_piece(move, at, bytes, n));
        else
            kf_progress_bytes(move->rep, 0);
        at += n;
    }
    return 0;
}

/* Write the payload that `look` is at. */
static int move_bytes(const struct move *move, struct look *look, struct look *before,
                      struct kf_checksum *after)
{
    const struct kf_payload *payload = look->payload;
    struct kf_crc *crc = move->mover->to.crc;
    uint64_t at = 0;

    look->sum |= crc != NULL;
    if (move->checksum == KF_CHECKSUM_NONE && !look->sum && !look->spread && stands(payload))
        copy_in_kernel(move, payload, &at);
    at -= at % kf_dtype_size(payload->dtype); /* pull() takes whole elements */
    KF_TRY(pull_all(move, at, true, look, before));
    if (crc)
        kf_crc_note(crc, move->to, kf_payload_bytes(payload), look->crc);
    look_back(look, after);
    return 0;
}

/* By way of the range that it goes to; `before` looks at what it is made of, or is NULL. */
static int move_wide(const struct move *move, struct look *look, struct look *before,
                     struct kf_checksum *after)
{
    struct kf_scratch scratch = {&move->mover->to, move->to, before ? look_on : NULL, before};
    int r = kf_rewrite_spread(look->payload, &scratch, move->rep);

    if (r == 0)
        r = move_bytes(move, look, NULL, after);
    kf_rewrite_spread_end(look->payload);
    return r;
}

/* Write the payload that `is` looks at, and have a look at its root, at one pass where it goes. */
static int move_rewritten(const struct move *move, struct look *is, struct look *was,
                          struct kf_checksum *before, struct kf_checksum *after)
{
    const struct kf_payload *payload = is->payload;
    bool wide = kf_rewrite_is_wide(payload), passes = (wide || kf_rewrite_is_in_place(payload)) &&
                                                      same_bytes(payload->inner, was->payload);

    if (wide)
        KF_TRY(move_wide(move, is, passes ? was : NULL, after));
    else
        KF_TRY(move_bytes(move, is, passes ? was : NULL, after));
    if (!passes && (move->checksum != KF_CHECKSUM_NONE || was->spread))
        KF_TRY(pull_all(move, 0, false, was, NULL));
    else if (!passes)
        was->sum = false; /* nobody looked */
    look_back(was, before);
    return 0;
}

/* Like move_rewritten(), with the histograms of both. */
static int move_spread(const struct move *move, struct look *is, struct look *was,
                       struct kf_tensor_report *row, struct kf_checksum *before,
                       struct kf_checksum *after)
{
    struct kf_spread spreads[2];

    row->histograms = kf_alloc(sizeof *row->histograms);
    if (!row->histograms)
        return kf_report_add(move->rep, KF_NO_MEMORY, move->where, "no memory for a histogram");
    move->rep->histograms_left--;
    was->spread = &spreads[0];
    is->spread = &spreads[1];
    kf_spread_init(was->spread);
    kf_spread_init(is->spread);
    KF_TRY(move_rewritten(move, is, was, before, after));
    kf_spread_finish(was->spread, &row->histograms->before);
    kf_spread_finish(is->spread, &row->histograms->after);
    return 0;
}

int kf_move(struct kf_mover *mover, const struct kf_payload *payload, uint64_t at,
            enum kf_checksum_kind checksum, struct kf_tensor_report *row, const char *where,
            struct kf_report *rep)
{
    struct move move = {mover, at, row ? checksum : KF_CHECKSUM_NONE, where, rep};
    struct look is = look_at(&move, payload), was = look_at(&move, kf_payload_root(payload));
    struct kf_checksum before = {0}, after = {0};

    if (same_bytes(payload, was.payload)) {
        KF_TRY(move_bytes(&move, &is, NULL, &after));
        before = after;
    } else if (row && rep->histograms_left > 0 && !row->histograms) {
        KF_TRY(move_spread(&move, &is, &was, row, &before, &after));
    } else {
        KF_TRY(move_rewritten(&move, &is, &was, &before, &after));
    }
    kf_progress_tensor(rep);
    if (row) {
        row->before = before;
        row->after = after;
    }
    return 0;
}

void kf_mover_finish(struct kf_mover *mover)
{
    kf_free(mover->piece);
    mover->piece = NULL;
}
