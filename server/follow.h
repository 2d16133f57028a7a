/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_FOLLOW_H
#define KF_SERVER_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A thread of its own that takes the bytes of a file, in order, while the rest is on its way: what
 * is made of them, a checksum, keeps nobody from receiving.
 */
struct follow;

typedef bool follow_take(void *user, const void *data, size_t n);

/** Take what `fd`, which is borrowed, has from byte `at` on. NULL without memory or thread. */
struct follow *follow_create(int fd, uint64_t at, follow_take *take, void *user);
/** Stops where it is. */
void follow_destroy(struct follow *follow);

/** All before byte `at` is there. */
void follow_tell(struct follow *follow, uint64_t at);

/** There will be no more; does not wait. */
void follow_last(struct follow *follow);

/** Wait until all of it is taken; false when that failed. */
bool follow_wait(struct follow *follow);

#endif
