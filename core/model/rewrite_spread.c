/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/auto.h"
#include "../base/num.h"
#include "../io/source.h"
#include "rewrite_order.h"
#include <kf/progress.h>
#include <string.h>

/*
 * Turning a tensor round that is far larger than memory, in two passes of long ranges. The first
 * one reads the source from front to back and deals it out to the tiles of the result, each of
 * which collects its elements in the order of the source; the second one brings order into a tile
 * at a time, in memory. One pass alone would read each tile's few elements of every row.
 */
#define PIECE ((size_t)128 << 10)
#define WHOLE ((size_t)64 << 10) /* of whose multiples a pile ends at one in the file */
#define LEAST ((size_t)64) /* bytes of a line in memory from which on it is brought by itself */

/* What waits to be put down for one tile. */
struct pile {
    uint64_t at;    /* where it goes, in bytes of the payload */
    size_t n, room; /* bytes */
};

/* The source on its way to the tiles. */
struct deal {
    const struct kf_order *order;
    const struct kf_scratch *scratch;
    struct kf_report *rep;
    size_t size;
    unsigned last;                 /* the axis of the source below which all is of one tile */
    uint64_t weights[KF_AXES_MAX]; /* tiles that an index of an axis is further on */
    uint64_t index[KF_AXES_MAX];   /* of the run that is dealt out */
    uint64_t left;                 /* bytes of it */
    struct pile *piles, *to;
    uint64_t n_piles;
    char *waiting;
    size_t room; /* bytes for each pile */
};

/* How much comes together before it is put down. */
static void begin_pile(const struct deal *deal, struct pile *pile)
{
    const struct kf_scratch *scratch = deal->scratch;
    uint64_t from = scratch->sink->base + scratch->at + pile->at, end = from + deal->room;

    end -= end % WHOLE;
    pile->room = end > from ? (size_t)(end - from) : deal->room;
    pile->n = 0;
}

static int put_down(struct deal *deal, struct pile *pile)
{
    const struct kf_scratch *scratch = deal->scratch;

    KF_TRY(kf_sink_write(scratch->sink, scratch->at + pile->at,
                         deal->waiting + (size_t)(pile - deal->piles) * deal->room, pile->n, "",
                         deal->rep));
    pile->at += pile->n;
    begin_pile(deal, pile);
    return 0;
}

/* Which tile the run at `index` is of, and how long it is. */
static void begin_run(struct deal *deal)
{
    const struct kf_order *order = deal->order;
    unsigned cut = order->axes[order->cut];
    uint64_t tile = deal->index[cut] / order->step, run = 1;

    for (unsigned axis = 0; axis <= deal->last; axis++)
        tile += deal->index[axis] * deal->weights[axis];
    if (deal->last == cut)
        run = kf_min(order->step - deal->index[cut] % order->step,
                     order->dims[cut] - deal->index[cut]);
    deal->to = &deal->piles[tile];
    deal->left = run * kf_order_below(order, deal->last) * deal->size;
    deal->index[deal->last] += run;
    for (unsigned axis = deal->last; axis > 0 && deal->index[axis] == order->dims[axis]; axis--) {
        deal->index[axis] = 0;
        deal->index[axis - 1]++;
    }
}

static int deal_out(struct deal *deal, const char *piece, size_t n)
{
    while (n > 0) {
        struct pile *pile;
        size_t some;

        if (deal->left == 0)
            begin_run(deal);
        pile = deal->to;
        some = (size_t)kf_min(kf_min(n, deal->left), pile->room - pile->n);
        memcpy(deal->waiting + (size_t)(pile - deal->piles) * deal->room + pile->n, piece, some);
        pile->n += some;
        deal->left -= some;
        piece += some;
        n -= some;
        if (pile->n == pile->room)
            KF_TRY(put_down(deal, pile));
    }
    return 0;
}

/* How the tiles of the result lie in the source; where the elements of each go, in `memory`. */
static int lay_piles(struct deal *deal, size_t memory)
{
    const struct kf_order *order = deal->order;
    uint64_t n = order->dims[order->axes[order->cut]], tiles = (n + order->step - 1) / order->step;

    deal->n_piles = tiles;
    deal->last = order->axes[order->cut];
    for (unsigned i = order->cut; i-- > 0; deal->n_piles *= order->dims[order->axes[i]]) {
        deal->weights[order->axes[i]] = deal->n_piles;
        if (order->axes[i] > deal->last)
            deal->last = order->axes[i];
    }
    deal->piles = kf_alloc((size_t)deal->n_piles * sizeof(*deal->piles));
    if (!deal->piles)
        return -KF_NO_MEMORY;
    deal->room = memory / (size_t)deal->n_piles;
    for (uint64_t i = 0; i < deal->n_piles; i++) {
        deal->piles[i].at = (i / tiles * n + i % tiles * order->step) * order->block * deal->size;
        begin_pile(deal, &deal->piles[i]);
    }
    return 0;
}

static int deal_all(struct deal *deal, const struct kf_payload *source, char *piece, size_t most)
{
    uint64_t end = kf_payload_bytes(source);

    for (uint64_t at = 0, n; at < end; at += n) {
        n = kf_min(end - at, most);
        KF_TRY(source->pull(source, at, piece, (size_t)n, deal->rep));
        if (deal->scratch->seen)
            deal->scratch->seen(deal->scratch->user, piece, (size_t)n);
        KF_TRY(deal_out(deal, piece, (size_t)n));
        kf_progress_bytes(deal->rep, 0); /* it goes on, though nothing is done yet */
    }
    for (uint64_t i = 0; i < deal->n_piles; i++)
        KF_TRY(put_down(deal, &deal->piles[i]));
    return 0;
}

int kf_order_spread(const struct kf_payload *payload, uint64_t tile,
                    const struct kf_scratch *scratch, struct kf_report *rep)
{
    struct kf_order *order = (struct kf_order *)payload->state;
    struct deal deal = {
        .order = order, .scratch = scratch, .rep = rep, .size = kf_dtype_size(payload->dtype)};
    size_t memory, piece;
    bool mine;
    int r;

    kf_order_settle(order, deal.size, tile);
    memory = (size_t)order->tile * 2;
    piece = (size_t)kf_min(PIECE, order->tile) / deal.size * deal.size;
    deal.waiting = kf_arena_shared(order->arena, order, memory, &mine);
    if (!deal.waiting || lay_piles(&deal, memory - piece) < 0)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to turn a tensor round");
    r = deal_all(&deal, payload->inner, deal.waiting + memory - piece, piece);
    kf_free(deal.piles);
    order->from = scratch;
    return r;
}

static int pull_memory(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    (void)rep;
    memcpy(to, (const char *)payload->state + at, n);
    return 0;
}

int kf_order_gather(const struct kf_payload *payload, char *tile, const struct kf_box *box,
                    struct kf_report *rep)
{
    const struct kf_order *order = payload->state;
    const struct kf_scratch *scratch = order->from;
    const struct kf_source source = {.fd = scratch->sink->fd,
                                     .base = scratch->sink->base + scratch->at,
                                     .size = kf_payload_bytes(payload)};
    struct kf_order dense = *order;
    struct kf_box all = {{0}, {0}};
    struct kf_payload memory = {
        .dtype = payload->dtype, .pull = pull_memory, .state = tile + order->tile};
    struct kf_payload turned = {.dtype = payload->dtype, .inner = &memory, .state = &dense};

    KF_TRY(kf_source_read(&source, order->at, tile + order->tile, (size_t)order->bytes, rep));
    dense.at = 0;
    dense.memory = memory.state;
    dense.least = LEAST;
    for (unsigned axis = 0; axis < order->n; axis++)
        all.high[axis] = dense.dims[axis] = box->high[axis] - box->low[axis];
    return kf_order_fill(&turned, tile, &all, rep);
}
