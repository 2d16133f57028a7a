/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LEGACY_LORA_H
#define KF_FORMAT_LEGACY_LORA_H

#include "../../model/model.h"

/*
 * A layer of Keras 3 with LoRA has its kernel and two matrices. saving_lib keeps the kernel with
 * their product added; a legacy .h5 keeps all three, and only then the kernel, which is frozen:
 *
 *   dense/bias, dense/lora_kernel_a, dense/lora_kernel_b, dense/kernel
 *
 * So the three are bound, and become what saving_lib would have kept.
 */

/** Have such layers ask for the matrices too. Outcomes: NO_MEMORY. */
int kf_legacy_lora_expect(struct kf_model *model, struct kf_report *rep);

/** Add the products of what was bound. Outcomes: WEIGHT_SHAPE, what reading reports, NO_MEMORY. */
int kf_legacy_lora_merge(struct kf_model *model, struct kf_report *rep);

/** Whether a weight is a matrix of LoRA, as its name says. */
bool kf_legacy_lora_names(const char *name);

#endif
