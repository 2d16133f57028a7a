/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_UNITS_H
#define KF_SERVER_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* What a number in the settings may end with. */
enum units { UNITS_NONE, UNITS_BYTES, UNITS_SECONDS };

/** Read "64", "4GiB" or "5m" as 64, bytes or seconds; false when it is none, or too large. */
bool units_read(int64_t *out, const char *text, enum units units);

/** "a size as 256MiB or 4GiB": what units_read() takes, for messages. */
const char *units_told(enum units units);

#endif
