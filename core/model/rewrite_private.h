/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_REWRITE_PRIVATE_H
#define KF_MODEL_REWRITE_PRIVATE_H

/* Between the rewrite*.c files only. */
#include "rewrite.h"

typedef int kf_pull(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                    struct kf_report *rep);

/* What is done to the bytes [at, at + n) of a payload; `state` is whose that is. */
typedef void kf_change(const struct kf_payload *payload, const void *state, uint64_t at,
                       void *bytes, size_t n);

/** A payload of the shape of `inner` that pulls from it in another way; NULL without memory. */
struct kf_payload *kf_rewrite_wrap(struct kf_arena *arena, const struct kf_payload *inner,
                                   const void *state, kf_pull *pull);
/** One that changes each element in its place. */
struct kf_payload *kf_rewrite_in_place(struct kf_arena *arena, const struct kf_payload *inner,
                                       const void *state, kf_change *change);

#endif
