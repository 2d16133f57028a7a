/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TFJS_ROWS_H
#define KF_TFJS_ROWS_H

#include "../model/model.h"

/* Axes of what a layer gives: a number, or these. */
#define KF_TFJS_RANK_SAME  0
#define KF_TFJS_RANK_WORDS (-1)

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
