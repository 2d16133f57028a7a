/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BASE_ARENA_H
#define KF_BASE_ARENA_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>

struct kf_arena;

/** A bump allocator: everything in it is freed by one call. NULL when memory ran out. */
struct kf_arena *kf_arena_create(void);
void kf_arena_destroy(struct kf_arena *arena);
KF_DEFINE_AUTO(kf_arena)

/**
 * Working memory that all who ask share, for one user at a time: at least `n` bytes. `*mine` tells
 * whether `user` was the last to ask, so that what it left there still stands; else they are not
 * initialized. NULL when memory ran out.
 */
void *kf_arena_shared(struct kf_arena *arena, const void *user, size_t n, bool *mine);

/** Zeroed, aligned for any type; NULL when memory ran out. */
void *kf_arena_alloc(struct kf_arena *arena, size_t n);
char *kf_arena_strndup(struct kf_arena *arena, const char *text, size_t n);
char *kf_arena_strdup(struct kf_arena *arena, const char *text);
char *kf_arena_printf(struct kf_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
