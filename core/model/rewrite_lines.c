/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/num.h"
#include "rewrite_order.h"
#include <string.h>

/*
 * Lines of the source whose elements come to stand side by side are brought into the tile together,
 * so that it is written in whole cache lines. They are kept apart by more than a power of two, or
 * they would be in each other's way in the cache.
 */
#define LINES 16
#define LINE  ((size_t)8192)
#define APART (LINE + 64)
#define CLASH ((size_t)1024) /* lines in memory that begin at multiples of it are moved apart */

uint64_t kf_order_below(const struct kf_order *order, unsigned axis)
{
    uint64_t n = 1;

    while (++axis < order->n)
        n *= order->dims[axis];
    return n;
}

bool kf_box_next(const struct kf_box *box, uint64_t *index, unsigned axis)
{
    while (axis-- > 0) {
        if (++index[axis] < box->high[axis])
            return true;
        index[axis] = box->low[axis];
    }
    return false;
}

typedef uint32_t four __attribute__((vector_size(16)));

static void put_four(char *to, four value)
{
    memcpy(to, &value, sizeof(value));
}

/* Four elements of four lines, which come to stand four by four. */
static void weave_square(char *to, uint64_t apart, const char *from, uint64_t line)
{
    four a, b, c, d, ab, cd;

    memcpy(&a, from, sizeof(a));
    memcpy(&b, from + line, sizeof(b));
    memcpy(&c, from + 2 * line, sizeof(c));
    memcpy(&d, from + 3 * line, sizeof(d));
    ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    put_four(to, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
    put_four(to + apart, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
    ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    put_four(to + 2 * apart, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
    put_four(to + 3 * apart, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
}

/* As far as there are squares: how many elements of each line went. */
static size_t weave_squares(char *to, uint64_t apart, const char *from, uint64_t line, size_t n,
                            size_t length)
{
    size_t i = 0;

    for (; n % 4 == 0 && i + 4 <= length; i += 4)
        for (size_t j = 0; j < n; j += 4)
            weave_square(to + i * apart + j * 4, apart, from + j * line + i * 4, line);
    return i;
}

void kf_order_weave(char *to, uint64_t apart, const char *from, uint64_t line, size_t n,
                    size_t length, size_t size)
{
    switch (size) {
    case 1:
        for (size_t i = 0; i < length; i++)
            for (size_t j = 0; j < n; j++)
                to[i * apart + j] = from[j * line + i];
        break;
    case 2:
        for (size_t i = 0; i < length; i++)
            for (size_t j = 0; j < n; j++)
                memcpy(to + i * apart + j * 2, from + j * line + i * 2, 2);
        break;
    case 4:
        for (size_t i = weave_squares(to, apart, from, line, n, length); i < length; i++)
            for (size_t j = 0; j < n; j++)
                memcpy(to + i * apart + j * 4, from + j * line + i * 4, 4);
        break;
    case 8:
        for (size_t i = 0; i < length; i++)
            for (size_t j = 0; j < n; j++)
                memcpy(to + i * apart + j * 8, from + j * line + i * 8, 8);
        break;
    default:
        for (size_t i = 0; i < length; i++)
            for (size_t j = 0; j < n; j++)
                memcpy(to + i * apart + j * size, from + j * line + i * size, size);
    }
}

/* Where element `index` of the source comes to stand in the result. */
static uint64_t place(const struct kf_order *order, const uint64_t *index)
{
    uint64_t to = 0;

    for (unsigned axis = 0; axis < order->n; axis++)
        to += index[axis] * order->strides[axis];
    return to;
}

/* Bring `n` lines from `index` on, each the box's range of the last axis, into the tile. */
static int fetch_lines(const struct kf_payload *payload, char *tile, const struct kf_box *box,
                       const uint64_t *index, size_t n, struct kf_report *rep)
{
    const struct kf_order *order = payload->state;
    unsigned last = order->n - 1;
    size_t size = kf_dtype_size(payload->dtype), length;
    uint64_t from = 0, next_line = kf_order_below(order, order->axes[last]);
    char lines[LINES * APART];

    for (unsigned axis = 0; axis < order->n; axis++)
        from += index[axis] * kf_order_below(order, axis);
    if (order->memory && next_line * size % CLASH != 0) {
        kf_order_weave(tile + (place(order, index) * size - order->at), order->strides[last] * size,
                       order->memory + from * size, next_line * size, n,
                       (size_t)(box->high[last] - box->low[last]), size);
        return 0;
    }
    for (uint64_t at = box->low[last]; at < box->high[last]; at += length) {
        uint64_t skip = at - box->low[last];

        length = (size_t)kf_min(box->high[last] - at, LINE / size);
        for (size_t i = 0; i < n; i++)
            KF_TRY(payload->inner->pull(payload->inner, (from + i * next_line + skip) * size,
                                        lines + i * APART, length * size, rep));
        kf_order_weave(tile +
                           ((place(order, index) + skip * order->strides[last]) * size - order->at),
                       order->strides[last] * size, lines, APART, n, length, size);
    }
    return 0;
}

bool kf_order_has_lines(const struct kf_order *order, const struct kf_box *box, size_t size)
{
    unsigned last = order->n - 1, side = order->axes[last];

    return side != last && (box->high[last] - box->low[last]) * size >= order->least &&
           box->high[side] - box->low[side] >= LINES / 4;
}

/* As many lines at a time as come to stand side by side. */
int kf_order_fill_by_lines(const struct kf_payload *payload, char *tile, const struct kf_box *box,
                           struct kf_report *rep)
{
    const struct kf_order *order = payload->state;
    unsigned last = order->n - 1, side = order->axes[last];
    struct kf_box others = *box;
    uint64_t index[KF_AXES_MAX];

    others.high[side] = others.low[side] + 1; /* all its lines are brought below */
    memcpy(index, box->low, sizeof(index));
    do {
        for (index[side] = box->low[side]; index[side] < box->high[side]; index[side] += LINES)
            KF_TRY(fetch_lines(payload, tile, box, index,
                               (size_t)kf_min(LINES, box->high[side] - index[side]), rep));
        index[side] = box->low[side];
    } while (kf_box_next(&others, index, last));
    return 0;
}
