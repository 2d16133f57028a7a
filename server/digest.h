/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_DIGEST_H
#define KF_SERVER_DIGEST_H

/**
 * SHA-256 of a whole file as lower-case hex. The descriptor's position does not matter.
 *
 * 0, or -1 with errno; ECANCELED when `cancel_fd` (or -1) became readable.
 */
int digest_sha256(int fd, int cancel_fd, char out[65]);

#endif
