/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_CONSTANT_H
#define KF_MODEL_CONSTANT_H

#include "../base/arena.h"
#include "tensor.h"

/** A scalar that stands in no file, of a floating point or integer dtype; NULL: out of memory. */
const struct kf_payload *kf_constant(struct kf_arena *arena, enum kf_dtype dtype, double value);

/** The same value for each element of `like`, of its shape and dtype; NULL: out of memory. */
const struct kf_payload *kf_filled(struct kf_arena *arena, const struct kf_payload *like,
                                   double value);

#endif
