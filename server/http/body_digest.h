/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_BODY_DIGEST_H
#define KF_SERVER_BODY_DIGEST_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * SHA-256 of a file while it is written. A processor hashes hardly faster than a disk writes, so
 * that what is large is hashed by a thread that follows it, also while a worker has it already.
 */
struct body_digest;

/** NULL when it cannot be had. */
struct body_digest *body_digest_create(void);
void body_digest_destroy(struct body_digest *digest);
KF_DEFINE_AUTO(body_digest)

/** These bytes were appended to `fd`, which can be read as well. */
bool body_digest_add(struct body_digest *digest, int fd, const void *data, size_t n);

/** That was all; true when there is nothing to wait for. */
bool body_digest_last(struct body_digest *digest);

/** Wait for the whole, as lower-case hex; false when it failed. Once. */
bool body_digest_wait(struct body_digest *digest, char out[65]);

#endif
