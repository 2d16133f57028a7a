/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_LORA_H
#define KF_MODEL_LORA_H

#include "../base/arena.h"
#include "tensor.h"

/**
 * kernel + scale * a @ b: the kernel that a layer with LoRA computes with. `a` has the axes of the
 * kernel with the rank as its last one, `b` is (rank, the kernel's last axis). Both are read here,
 * and kept: KF_FLOATS_MAX of each at most.
 *
 * `*out` is NULL where the shapes do not fit each other. Outcomes: TOO_LARGE, what pulling reports,
 * NO_MEMORY.
 * Source: keras/src/layers/core/dense.py, kernel (3.15.1)
 */
int kf_lora_merged(const struct kf_payload **out, struct kf_arena *arena,
                   const struct kf_payload *kernel, const struct kf_payload *a,
                   const struct kf_payload *b, double scale, struct kf_report *rep);

#endif
