/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_S3_SEAL_H
#define KF_REMOTE_S3_SEAL_H

#include "sigv4.h"

/*
 * The digests of a file's parts, which are signed with them: taken in order by a thread of its own,
 * while the parts before are on their way.
 */
struct s3_seal;

/** Begin; NULL when that cannot be. The file must stay as it is until the end. */
struct s3_seal *s3_seal_begin(int fd, uint64_t size, uint64_t part);

/** Of part `number`, from 0: 1 with *sha256, 0 when it is not known yet, -1 when it cannot be. */
int s3_seal_of(struct s3_seal *seal, uint64_t number, const char **sha256);

void s3_seal_end(struct s3_seal *seal);

#endif
