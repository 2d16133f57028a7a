/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS3_MASKS_H
#define KF_FORMAT_KERAS3_MASKS_H

#include "keras3_rebuild.h"

/* Between keras3_call.c, which calls a layer, and keras3_masks.c, which knows the layers. */
enum kf_mask_rule {
    KF_MASK_NONE,
    KF_MASK_PASS,
    KF_MASK_FIRST,
    KF_MASK_STEPS,
    KF_MASK_BOTH,
    KF_MASK_MERGE,
    KF_MASK_JOIN,
    KF_MASK_ZERO,
    KF_MASK_VALUE
};

/* A row of keras3_masks.def. */
struct kf_mask_row {
    const char *class_name;
    enum kf_mask_rule rule;
    const char *arguments;
};

/* The masks of an argument's tensors: KF_NO_NODE where there is none. */
struct kf_masks {
    size_t *of;
    size_t n;
    bool one; /* of a tensor, not of a structure */
};

struct kf_rebuilt_call {
    struct kf_rebuilt *rebuilt;
    const struct kf_layer *layer;
    size_t node;
    struct kf_rebuilt_argument *arguments;
    size_t n, n_given;                       /* with and without the masks that were filled in */
    const struct kf_rebuilt_argument *first; /* first_arg of CallSpec, NULL when there is none */
    bool copied;
};

/** The row of a layer's class; never NULL. */
const struct kf_mask_row *kf_mask_row(const struct kf_layer *layer);

/** The masks that an argument's tensors carry, in the scratch arena. */
int kf_masks_of(const struct kf_rebuilt_call *call, const struct kf_rebuilt_argument *argument,
                struct kf_masks *out);

/**
 * Put masks on the outputs of a call: compute_mask of its class, given `previous`.
 *
 * Outcomes: MASK_NO_EQUAL when the release cannot make the call, NO_MEMORY.
 */
int kf_masks_make(const struct kf_rebuilt_call *call, const struct kf_mask_row *row,
                  const struct kf_masks *previous);

#endif
