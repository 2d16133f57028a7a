/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BASE_ALLOC_H
#define KF_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The one door to the heap. All return NULL when memory runs out, or when a test said so.
 * kf_free() takes NULL.
 */
void *kf_alloc(size_t n); /* zeroed */
void *kf_realloc(void *p, size_t n);
/**
 * Grow an array of `size`-byte elements to hold at least `need`; false when that failed.
 *
 * `array` is the address of the pointer; new elements are zeroed.
 */
bool kf_grow(void *array, size_t *cap, size_t need, size_t size);
void kf_free(void *p);

/** For json_set_alloc_funcs(): not zeroed. */
void *kf_json_alloc(size_t n);

/**
 * Fail the n-th allocation from now (1 is the next) and all after it; 0 turns it off.
 *
 * Only in builds with KF_ALLOC_HOOK, which is for tests.
 */
void kf_alloc_fail_after(size_t n);

#endif
