/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LEGACY_ORDER_H
#define KF_FORMAT_LEGACY_ORDER_H

#include "../../model/optimizer.h"

/* The tensors of one layer group of a legacy .h5, in the order of its weight_names. */
struct kf_legacy_slot {
    struct kf_layer *layer; /* that owns the tensor: the group's layer or one below it */
    struct kf_tensor *tensor;
};

struct kf_legacy_order {
    struct kf_legacy_slot *slots;
    size_t n, cap;
    bool copies; /* a layer holds variables of one that it wraps */
};

/**
 * Collect the slots of `layer` into a zeroed `out`, in the order of the Keras that wrote the file:
 * KF_DIALECT_KERAS3, or any other. -KF_NO_MEMORY (unreported) or 0.
 */
int kf_legacy_order(struct kf_legacy_order *out, struct kf_layer *layer, enum kf_dialect dialect);
/** Add the trainable_weights of `layer`, as Keras 2 collects them; -KF_NO_MEMORY (unreported). */
int kf_legacy_trainables(struct kf_trainables *out, struct kf_layer *layer);
void kf_legacy_order_finish(struct kf_legacy_order *order);

#endif
