/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_REWRITE_ORDER_H
#define KF_MODEL_REWRITE_ORDER_H

/* Between rewrite_order.c, rewrite_lines.c and rewrite_spread.c only. */
#include "rewrite_private.h"

struct kf_order {
    struct kf_arena *arena;
    unsigned n;
    uint64_t dims[KF_AXES_MAX];    /* of the source */
    unsigned axes[KF_AXES_MAX];    /* axis i of the result is axis axes[i] of the source */
    uint64_t strides[KF_AXES_MAX]; /* how far apart the elements of a source's axis come to stand */
    unsigned cut;                  /* the axis of the result that tiles divide */
    uint64_t tile;                 /* bytes of a tile at most */
    uint64_t block, step;          /* elements below one index of `cut`; indices in a tile */
    uint64_t at, bytes;            /* the range of the result that stands in the tile */
    size_t least;                  /* bytes of a line from which on it is brought by itself */
    const char *memory;            /* the whole source, or NULL when it must be pulled */
    const struct kf_scratch *from; /* where the source stands tile by tile, or NULL */
};

/* A box of the source: [low, high) along each axis. */
struct kf_box {
    uint64_t low[KF_AXES_MAX], high[KF_AXES_MAX];
};

/** Cut the result in tiles of at most `tile` bytes, of elements of `size` bytes. */
void kf_order_settle(struct kf_order *order, size_t size, uint64_t tile);
/** Bring the elements of a box of the source to their places in the tile. */
int kf_order_fill(const struct kf_payload *payload, char *tile, const struct kf_box *box,
                  struct kf_report *rep);

/** As kf_rewrite_spread(), by tiles of another size. */
int kf_order_spread(const struct kf_payload *payload, uint64_t tile,
                    const struct kf_scratch *scratch, struct kf_report *rep);
/** The box in the tile from the scratch that it was spread to; `tile` has room for two. */
int kf_order_gather(const struct kf_payload *payload, char *tile, const struct kf_box *box,
                    struct kf_report *rep);

/** Elements below one index of axis `axis` of the source. */
uint64_t kf_order_below(const struct kf_order *order, unsigned axis);
/** Step to the next index of the axes in front of `axis`; false after the last one. */
bool kf_box_next(const struct kf_box *box, uint64_t *index, unsigned axis);

/**
 * Put `n` lines of `length` elements, which begin `line` bytes from each other, where they belong,
 * element by element of all lines; those of one line come to stand `apart` bytes from each other.
 */
void kf_order_weave(char *to, uint64_t apart, const char *from, uint64_t line, size_t n,
                    size_t length, size_t size);

/** Whether a box is best brought into its tile by lines: ranges of the source's last axis. */
bool kf_order_has_lines(const struct kf_order *order, const struct kf_box *box, size_t size);
/** Bring it. What pulling from the source reports. */
int kf_order_fill_by_lines(const struct kf_payload *payload, char *tile, const struct kf_box *box,
                           struct kf_report *rep);

#endif
