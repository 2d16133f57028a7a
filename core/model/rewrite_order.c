/* SPDX-License-Identifier: Apache-2.0 */
#include "rewrite_order.h"
#include "../base/num.h"
#include <string.h>

/*
 * Rewriting the order of elements. Axes change places: what stands together in the source comes to
 * stand far apart, so that one tile of the result is made at a time, from only those ranges of the
 * source that belong there.
 */
#define TILE  ((uint64_t)16 << 20)
#define PIECE ((size_t)16 << 10)
#define LINE  ((size_t)512) /* what is shorter is better read with its neighbours */
/* Ranges of a source, in bytes, and a payload in all, that are worth a spreading first. */
#define RUN_SHORT ((uint64_t)2048)
#define WIDE_MOST ((uint64_t)1 << 40)
/* A row of the source that stays a row is pulled by itself, without a tile, from this size on. */
#define ROW 64

/* The tile that has element `to` of the result: its range, and the box that it comes from. */
static struct kf_box find_tile(struct kf_order *order, uint64_t to, size_t size)
{
    uint64_t outer = to / order->block, n = order->dims[order->axes[order->cut]];
    uint64_t first = outer % n / order->step * order->step, last = kf_min(first + order->step, n);
    struct kf_box box = {{0}, {0}};

    order->at = (outer - outer % n + first) * order->block * size;
    order->bytes = (last - first) * order->block * size;
    outer /= n;
    for (unsigned i = order->n; i-- > 0;) {
        unsigned axis = order->axes[i];
        uint64_t index = i < order->cut ? outer % order->dims[axis] : 0;

        box.low[axis] = i == order->cut ? first : index;
        box.high[axis] = i == order->cut ? last : i < order->cut ? index + 1 : order->dims[axis];
        if (i < order->cut)
            outer /= order->dims[axis];
    }
    return box;
}

/* Put `n` elements where they belong that come to stand `apart` bytes from each other. */
static void spread(char *to, uint64_t apart, const char *from, size_t n, size_t size)
{
    if (apart == size) {
        memcpy(to, from, n * size);
        return;
    }
    switch (size) { /* a constant size is one instruction */
    case 1:
        for (size_t i = 0; i < n; i++)
            to[i * apart] = from[i];
        break;
    case 2:
        for (size_t i = 0; i < n; i++)
            memcpy(to + i * apart, from + i * 2, 2);
        break;
    case 4:
        for (size_t i = 0; i < n; i++)
            memcpy(to + i * apart, from + i * 4, 4);
        break;
    case 8:
        for (size_t i = 0; i < n; i++)
            memcpy(to + i * apart, from + i * 8, 8);
        break;
    default:
        for (size_t i = 0; i < n; i++)
            memcpy(to + i * apart, from + i * size, size);
    }
}

/* How many whole rows of the source, of `n` elements from `first` on, come to stand side by side.
 */
static size_t rows_at(const struct kf_order *order, uint64_t first, size_t n)
{
    unsigned last = order->n - 1;
    uint64_t row = order->dims[last];

    if (last == 0 || order->axes[last] != last - 1 || first % row != 0)
        return 0;
    return (size_t)kf_min(n / row, order->dims[last - 1] - first / row % order->dims[last - 1]);
}

/* Scatter `n` elements of the source, from its element `first` on, into the tile. */
static void scatter(const struct kf_order *order, char *tile, const char *piece, uint64_t first,
                    size_t n, size_t size)
{
    unsigned last = order->n - 1;

    while (n > 0) {
        size_t run = (size_t)kf_min(n, order->dims[last] - first % order->dims[last]);
        size_t rows = rows_at(order, first, n);
        uint64_t to = 0, rest = first, apart = order->strides[last] * size;

        for (unsigned axis = order->n; axis-- > 0; rest /= order->dims[axis])
            to += rest % order->dims[axis] * order->strides[axis];
        if (rows > 1) {
            kf_order_weave(tile + (to * size - order->at), apart, piece, run * size, rows, run,
                           size);
            run *= rows;
        } else {
            spread(tile + (to * size - order->at), apart, piece, run, size);
        }
        piece += run * size;
        first += run;
        n -= run;
    }
}

/* Bring elements [first, first + n) of the source into the tile. */
static int fetch(const struct kf_payload *payload, char *tile, uint64_t first, uint64_t n,
                 struct kf_report *rep)
{
    size_t size = kf_dtype_size(payload->dtype);
    char piece[PIECE];

    while (n > 0) {
        size_t some = (size_t)kf_min(n, PIECE / size);

        KF_TRY(payload->inner->pull(payload->inner, first * size, piece, some * size, rep));
        scatter(payload->state, tile, piece, first, some, size);
        first += some;
        n -= some;
    }
    return 0;
}

/* The axis of the source below which a box has all of it: it is made of runs along that one. */
static unsigned find_run(const struct kf_order *order, const struct kf_box *box)
{
    unsigned axis = order->n - 1;

    while (axis > 0 && box->low[axis] == 0 && box->high[axis] == order->dims[axis])
        axis--;
    return axis;
}

int kf_order_fill(const struct kf_payload *payload, char *tile, const struct kf_box *box,
                  struct kf_report *rep)
{
    const struct kf_order *order = payload->state;
    unsigned axis = find_run(order, box);
    uint64_t index[KF_AXES_MAX], run;

    if (kf_order_has_lines(order, box, kf_dtype_size(payload->dtype)))
        return kf_order_fill_by_lines(payload, tile, box, rep);
    memcpy(index, box->low, sizeof(index));
    run = (box->high[axis] - box->low[axis]) * kf_order_below(order, axis);
    do {
        uint64_t first = 0;

        for (unsigned i = 0; i <= axis; i++)
            first += index[i] * kf_order_below(order, i);
        KF_TRY(fetch(payload, tile, first, run, rep));
    } while (kf_box_next(box, index, axis));
    return 0;
}

static int fill_tile(const struct kf_payload *payload, struct kf_order *order, char *tile,
                     uint64_t to, struct kf_report *rep)
{
    struct kf_box box = find_tile(order, to, kf_dtype_size(payload->dtype));

    return order->from ? kf_order_gather(payload, tile, &box, rep)
                       : kf_order_fill(payload, tile, &box, rep);
}

/* Bytes from `at` on where they stand in the tile: at most `*n`, which says how many. */
static int look_into(const struct kf_payload *payload, uint64_t at, size_t *n, const char **out,
                     struct kf_report *rep)
{
    struct kf_order *order = (struct kf_order *)payload->state;
    bool mine;
    char *tile = kf_arena_shared(order->arena, order, order->tile * (order->from ? 2 : 1), &mine);

    if (!tile)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to turn a tensor round");
    if (!mine || at < order->at || at - order->at >= order->bytes)
        KF_TRY(fill_tile(payload, order, tile, at / kf_dtype_size(payload->dtype), rep));
    *n = (size_t)kf_min(*n, order->bytes - (at - order->at));
    *out = tile + (at - order->at);
    return 0;
}

static int pull_tiled(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    char *out = to;

    while (n > 0) {
        const char *bytes;
        size_t some = n;

        KF_TRY(look_into(payload, at, &some, &bytes, rep));
        memcpy(out, bytes, some);
        at += some;
        out += some;
        n -= some;
    }
    return 0;
}

int kf_rewrite_look(const struct kf_payload *payload, uint64_t at, size_t *n, const char **out,
                    struct kf_report *rep)
{
    *out = NULL;
    return payload->pull == pull_tiled ? look_into(payload, at, n, out, rep) : 0;
}

/* Rows of the source that stay rows, pulled one by one. */
static int pull_rows(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                     struct kf_report *rep)
{
    const struct kf_order *order = payload->state;
    uint64_t row = order->dims[order->n - 1] * kf_dtype_size(payload->dtype);
    char *out = to;

    while (n > 0) {
        size_t some = (size_t)kf_min(n, row - at % row);
        uint64_t rest = at / row, from = 0;

        for (unsigned i = order->n - 1; i-- > 0; rest /= order->dims[order->axes[i]])
            from += rest % order->dims[order->axes[i]] * kf_order_below(order, order->axes[i]);
        KF_TRY(payload->inner->pull(payload->inner, from * kf_dtype_size(payload->dtype) + at % row,
                                    out, some, rep));
        at += some;
        out += some;
        n -= some;
    }
    return 0;
}

/* Leave out axis `i` of the result, whose elements belong to the axis in front of it or are one. */
static void drop_axis(struct kf_order *order, unsigned i)
{
    unsigned axis = order->axes[i];

    order->n--;
    for (unsigned j = i; j < order->n; j++)
        order->axes[j] = order->axes[j + 1];
    for (unsigned j = axis; j < order->n; j++)
        order->dims[j] = order->dims[j + 1];
    for (unsigned j = 0; j < order->n; j++)
        order->axes[j] -= order->axes[j] > axis;
}

/* Axes that stay side by side are one, and those of one element none: runs become longer. */
static void simplify(struct kf_order *order)
{
    for (unsigned i = order->n; i-- > 0;) {
        unsigned axis = order->axes[i];

        if (order->n > 1 && order->dims[axis] == 1) {
            drop_axis(order, i);
        } else if (i > 0 && axis > 0 && order->axes[i - 1] == axis - 1) {
            order->dims[axis - 1] *= order->dims[axis];
            drop_axis(order, i);
        }
    }
}

void kf_order_settle(struct kf_order *order, size_t size, uint64_t tile)
{
    uint64_t stride = 1, most = tile / size;

    order->least = LINE;
    for (unsigned i = order->n; i-- > 0; stride *= order->dims[order->axes[i]]) {
        order->strides[order->axes[i]] = stride;
        if (stride <= most) {
            order->cut = i;
            order->block = stride;
        }
    }
    order->step = most / order->block;
    order->tile = kf_min(tile, stride * size);
    order->at = order->bytes = 0;
}

/* `inner`, seen as an array of `dims`, with its axes in another order; its shape stays. */
static struct kf_payload *reorder(struct kf_arena *arena, const struct kf_payload *inner,
                                  const uint64_t *dims, const unsigned *axes, unsigned n)
{
    struct kf_order *order = kf_arena_alloc(arena, sizeof(*order));
    size_t size = kf_dtype_size(inner->dtype);
    bool rows;

    if (!order)
        return NULL;
    order->arena = arena;
    order->n = n;
    memcpy(order->dims, dims, n * sizeof(*dims));
    memcpy(order->axes, axes, n * sizeof(*axes));
    simplify(order);
    kf_order_settle(order, size, TILE);
    rows = order->axes[order->n - 1] == order->n - 1 && order->dims[order->n - 1] * size >= ROW;
    return kf_rewrite_wrap(arena, inner, order, rows ? pull_rows : pull_tiled);
}

bool kf_rewrite_is_wide(const struct kf_payload *payload)
{
    size_t size = kf_dtype_size(payload->dtype);
    uint64_t bytes = kf_payload_bytes(payload);
    struct kf_order order;
    struct kf_box box;
    unsigned axis;

    if (payload->pull != pull_tiled || bytes <= TILE || bytes > WIDE_MOST)
        return false;
    for (const struct kf_payload *inner = payload->inner; inner; inner = inner->inner)
        if (inner->pull == pull_tiled)
            return false; /* both would want the same memory */
    order = *(const struct kf_order *)payload->state;
    box = find_tile(&order, 0, size);
    axis = find_run(&order, &box);
    return (box.high[axis] - box.low[axis]) * kf_order_below(&order, axis) * size < RUN_SHORT;
}

int kf_rewrite_spread(const struct kf_payload *payload, const struct kf_scratch *scratch,
                      struct kf_report *rep)
{
    return kf_order_spread(payload, TILE / 2, scratch, rep);
}

void kf_rewrite_spread_end(const struct kf_payload *payload)
{
    struct kf_order *order = (struct kf_order *)payload->state;

    order->from = NULL;
    kf_order_settle(order, kf_dtype_size(payload->dtype), TILE);
}

static const struct kf_payload *by_columns(struct kf_arena *arena, const struct kf_payload *inner,
                                           uint64_t gates, uint64_t units)
{
    const uint64_t rows = inner->dims[0];
    const struct kf_payload *apart =
        reorder(arena, inner, (uint64_t[]){rows, gates, units}, (unsigned[]){1, 0, 2}, 3);

    return apart ? reorder(arena, apart, (uint64_t[]){gates, units, rows}, (unsigned[]){2, 0, 1}, 3)
                 : NULL;
}

const struct kf_payload *kf_rewrite_gates(struct kf_arena *arena, const struct kf_payload *inner,
                                          unsigned gates, enum kf_gate_layout layout, bool *fits)
{
    uint64_t columns = inner->rank == 2 ? inner->dims[1] : 0, units = columns / gates;

    *fits = columns && columns % gates == 0 && inner->dims[0] &&
            (layout != KF_GATE_TRANSPOSED || inner->dims[0] == units);
    if (!*fits)
        return NULL;
    if (layout == KF_GATE_COLUMNS)
        return by_columns(arena, inner, gates, units);
    return reorder(arena, inner, (uint64_t[]){units, gates, units}, (unsigned[]){2, 1, 0}, 3);
}

const struct kf_payload *kf_rewrite_transpose(struct kf_arena *arena,
                                              const struct kf_payload *inner, const unsigned *axes,
                                              unsigned n, bool *fits)
{
    struct kf_payload *payload;

    *fits = inner->rank == n && kf_payload_elements(inner) > 0;
    if (!*fits || !(payload = reorder(arena, inner, inner->dims, axes, n)))
        return NULL;
    for (unsigned i = 0; i < n; i++)
        payload->dims[i] = inner->dims[axes[i]];
    return payload;
}
