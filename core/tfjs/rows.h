/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TFJS_ROWS_H
#define KF_TFJS_ROWS_H

#include "../model/model.h"

/* Axes of what a layer gives: a number, or these. */
enum kf_tfjs_rank {
    KF_TFJS_RANK_SAME = 0,    /* as it takes */
    KF_TFJS_RANK_MORE = -1,   /* one more */
    KF_TFJS_RANK_TARGET = -2, /* the batch, and those of its target_shape */
    KF_TFJS_RANK_STEPS = -3,  /* 3 where it returns sequences, else 2 */
    KF_TFJS_RANK_IMAGES = -4, /* 5 or 4 likewise */
    KF_TFJS_RANK_INNER = -5,  /* as the layer in it */
    KF_TFJS_RANK_EACH = -6,   /* as the layer in it, and the steps */
    KF_TFJS_RANK_UNKNOWN = -7
};

/* What there is to look at in a layer beside the values of its config. */
enum kf_tfjs_mark {
    KF_TFJS_PLAIN,
    KF_TFJS_INPUT,
    KF_TFJS_MASK,        /* makes a mask */
    KF_TFJS_LAST_AXIS,   /* works along the last of up to four axes */
    KF_TFJS_KNOWN_SIZES, /* takes three axes or more, of sizes that are known */
    KF_TFJS_BOTH_WAYS,   /* runs the layer in it forwards and backwards */
    KF_TFJS_TURNED,      /* may stand in such a one */
    KF_TFJS_EACH_STEP    /* runs the layer in it at each step */
};

enum kf_tfjs_mark kf_tfjs_mark(const char *class_name);
/** Whether a class does with a mask what it does in Keras. */
bool kf_tfjs_takes_masks(const char *class_name, struct kf_report *rep);

/** How many axes a class gives by layers.def; false for a class that is not in it. `rep` may be
 * NULL.
 */
bool kf_tfjs_class(const char *class_name, int *rank, struct kf_report *rep);
/** True for a class that does nothing but in training. */
bool kf_tfjs_is_idle(const char *class_name);
/** Why a class that TensorFlow.js has is refused; NULL for one that it has not. */
const char *kf_tfjs_gone(const char *class_name, struct kf_report *rep);
/** Refuse the values of a layer's config that TensorFlow.js takes otherwise. */
void kf_tfjs_values(const struct kf_layer *layer, struct kf_report *rep);
/** Whether an object of another class than a layer's, with that config, is the same there. */
bool kf_tfjs_takes(const char *class_name, const json_t *config, struct kf_report *rep);
/** What an activation is called there, NULL for one that it has not. */
const char *kf_tfjs_activation(const char *name, struct kf_report *rep);
/** What an initializer, regularizer or constraint is called there, or NULL. `rep` may be NULL. */
const char *kf_tfjs_object(const char *class_name, struct kf_report *rep);
/** What Keras calls a class that TensorFlow.js calls `name`: that name where it has no other. */
const char *kf_tfjs_object_of(const char *name);

#endif
