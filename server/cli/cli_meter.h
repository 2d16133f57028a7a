/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CLI_METER_H
#define KF_SERVER_CLI_METER_H

#include <stdbool.h>
#include <stdint.h>

/* One line at the bottom of a terminal that says how far something is. */
struct meter {
    bool on;    /* somebody looks */
    bool shown; /* the line is there */
    int64_t at; /* clock_ms() when it was written */
};

/** Write the line anew, not too often; a `total` of 0 shows no bar. Bytes. */
void meter_show(struct meter *meter, const char *what, uint64_t done, uint64_t total);

/** Take the line away, before anything else is printed. */
void meter_clear(struct meter *meter);

#endif
