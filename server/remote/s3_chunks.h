/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_S3_CHUNKS_H
#define KF_REMOTE_S3_CHUNKS_H

#include "sigv4.h"
#include <sys/types.h>

/*
 * A range of a file as the body of a request: in chunks that are signed as they are read to be
 * sent, so that nothing is read twice.
 */
struct s3_chunks;

/** `size` bytes from `at` on, after what `chain` begins with; NULL when memory ran out. */
struct s3_chunks *s3_chunks_create(int fd, uint64_t at, uint64_t size,
                                   const struct sigv4_chain *chain);
void s3_chunks_destroy(struct s3_chunks *chunks);

/** Bytes of the body for `size` bytes of a file. */
uint64_t s3_chunks_length(uint64_t size);

/** The next bytes of the body, at most `n`; from 0 on it begins again. -1 when it cannot be read.
 */
ssize_t s3_chunks_read(void *chunks, uint64_t at, char *to, size_t n);

#endif
