/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_ID_H
#define KF_SERVER_ID_H

#include <stdbool.h>

#define ID_SIZE         37  /* a UUID as text, with its NUL */
#define REQUEST_ID_SIZE 129 /* what a client may send, with its NUL */

/** A new UUID version 7 (RFC 9562): ordered by time, 74 bits that nobody can guess. */
void id_create(char out[ID_SIZE]);

/** True for what X-Request-Id may be: 1 to 128 of A-Z a-z 0-9 . _ - */
bool id_is_request_id(const char *text);

#endif
