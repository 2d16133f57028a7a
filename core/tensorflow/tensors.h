/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TENSORFLOW_TENSORS_H
#define KF_TENSORFLOW_TENSORS_H

#include "ops.h"

/*
 * Lists of tensors (batch, units), which a loop fills: values of DT_VARIANT.
 *
 * Source: tensorflow/core/ops/list_ops.cc (2.15)
 */

/** A list of `steps` (a number, int32) tensors, none of which is there yet. */
const char *kf_tf_tensors_new(struct kf_tf *tf, enum kf_dtype dtype, int64_t units,
                              const char *steps);
/** The list with `x` in the place `at`. */
const char *kf_tf_tensors_set(struct kf_tf *tf, enum kf_dtype dtype, const char *list,
                              const char *at, const char *x);
/** All of them as one tensor (steps, batch, units). */
const char *kf_tf_tensors_stack(struct kf_tf *tf, enum kf_dtype dtype, int64_t units,
                                const char *list);

#endif
