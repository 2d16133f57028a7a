/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_DIGEST_H
#define KF_SERVER_DIGEST_H

#include <stdbool.h>

/**
 * SHA-256 of a whole file as lower-case hex. The descriptor's position does not matter.
 *
 * 0, or -1 with errno; ECANCELED when `cancel_fd` (or -1) became readable.
 */
int digest_sha256(int fd, int cancel_fd, char out[65]);

/** A SHA-256 as lower-case hex. */
void digest_hex(const unsigned char value[32], char out[65]);

/** SHA-256 of a text as lower-case hex; false when it failed. */
bool digest_sha256_text(const char *text, char out[65]);

/** A SHA-256 in hex as base64, 44 letters; false when it is none. */
bool digest_base64(const char *hex, char out[64]);

#endif
