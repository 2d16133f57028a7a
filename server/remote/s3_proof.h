/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_S3_PROOF_H
#define KF_REMOTE_S3_PROOF_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Holds what comes against the checksum that the storage keeps of the whole: a thread of its own
 * follows the bytes that are there, in order, while the rest is on its way.
 */
struct s3_proof;

/** `name` and `value` as a header x-amz-checksum-NAME has them. NULL where that cannot be held. */
struct s3_proof *s3_proof_begin(int fd, const char *name, const char *value);

/** All before `at` bytes is there. */
void s3_proof_tell(struct s3_proof *proof, uint64_t at);

/** All of it has come, or with false nobody asks any more: does it hold? NULL holds. */
bool s3_proof_end(struct s3_proof *proof, bool whole);

#endif
