/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_DOWN_MASKS_H
#define KF_ADAPT_DOWN_MASKS_H

#include "../../model/order.h"
#include "keras3_keras2.h"

/* A mask as what computes it. Two that are the same are one object. */
enum kf_mask_kind { KF_MASK_SOURCE, KF_MASK_AND, KF_MASK_OR, KF_MASK_OPAQUE };

struct kf_mask_expr {
    enum kf_mask_kind kind;
    const char *key;                /* tells it from others */
    const json_t *from;             /* of a source: the tensor it looks at; borrowed from a call */
    const json_t *value;            /* ... and what is masked, NULL for the zeros of an Embedding */
    const struct kf_mask_expr **of; /* of AND and OR, in the order of their keys */
    size_t n;
    struct kf_ref node; /* the operation that computes it */
    bool made;
};

/* The mask that a call's outputs carry in each Keras; NULL for none. */
struct kf_carried {
    const struct kf_mask_expr *keras3, *keras2;
};

/* Masks at both ends of a graph. */
struct kf_mask_ends {
    bool walked, masked; /* walked with masked inputs */
    bool gives, same;    /* an output carries a mask; the only one, the same in both */
};

struct kf_down_masks {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_carried *of;     /* by call */
    size_t *first;             /* by layer: its first call */
    struct kf_mask_ends *ends; /* by layer, of the models among them */
    struct kf_call_at at;      /* the call in hand */
    json_t *known;             /* key -> address of the expression, as an integer; owned */
    size_t n_opaque;
};

/* down_mask_calls.c */

/** What the tensor of a ref carries; NULL for what is no ref. */
struct kf_carried *kf_down_mask_carried(struct kf_down_masks *masks, const json_t *value);

/** Say that a layer gets another mask; 0, so that the walk goes on. */
int kf_down_mask_refuse(struct kf_down_masks *masks, const struct kf_layer *layer);

/* What a call takes, and what its output carries then: one mask; each input's own, by names or as a
 * list; and what a merge makes of all. */
int kf_down_mask_take(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                      struct kf_carried *out);
int kf_down_mask_named(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                       struct kf_carried *out);
int kf_down_mask_list(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                      struct kf_carried *out);
int kf_down_mask_merge(struct kf_down_masks *masks, struct kf_layer *layer,
                       const struct kf_call *call, struct kf_carried *out);

/** As by names, for attention that becomes functions: its masks are written into its calls. */
int kf_down_mask_written(struct kf_down_masks *masks, struct kf_layer *layer, struct kf_call *call,
                         struct kf_carried *out);

/* down_mask_exprs.c */

/** What an Embedding (`value` NULL) or a Masking makes of the tensor `from`. NO_MEMORY. */
int kf_mask_expr_source(struct kf_down_masks *masks, const json_t *from, const json_t *value,
                        const struct kf_mask_expr **out);

/** AND or OR of two masks, the first of which may be NULL. NO_MEMORY. */
int kf_mask_expr_join(struct kf_down_masks *masks, enum kf_mask_kind kind,
                      const struct kf_mask_expr *a, const struct kf_mask_expr *b,
                      const struct kf_mask_expr **out);

/** A mask that is like no other. NO_MEMORY. */
int kf_mask_expr_opaque(struct kf_down_masks *masks, const struct kf_mask_expr **out);

/** What the operations behind a ref compute. NO_MEMORY. */
int kf_mask_expr_read(struct kf_down_masks *masks, const json_t *ref,
                      const struct kf_mask_expr **out);

/** The node that computes a mask, made where there is none; false when it cannot be made. */
bool kf_mask_expr_node(struct kf_down_masks *masks, const struct kf_mask_expr *expr,
                       struct kf_ref *out);

#endif
