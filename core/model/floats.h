/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_FLOATS_H
#define KF_MODEL_FLOATS_H

#include "../base/arena.h"
#include "tensor.h"

#define KF_FLOATS_MAX (UINT64_C(16) << 20)

/**
 * All of a small payload as numbers, kept in the arena.
 *
 * Outcomes: TOO_LARGE for more than KF_FLOATS_MAX, with `what` they are; what pulling reports,
 * NO_MEMORY.
 */
int kf_floats(float **out, struct kf_arena *arena, const struct kf_payload *payload,
              const char *what, struct kf_report *rep);

#endif
