/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CLI_ROWS_H
#define KF_SERVER_CLI_ROWS_H

#include <jansson.h>
#include <stdio.h>

#define CLI_ROWS_LISTS 2 /* renamed_tensors and tensors */

/* The rows of a report that there may be thousands of: they stay in the worker's file. */
struct cli_rows {
    FILE *file;                                   /* owned, NULL when there is none */
    long at[CLI_ROWS_LISTS], end[CLI_ROWS_LISTS]; /* of each list, without its brackets */
};

/** The report in the file `path`, those lists empty; NULL when it cannot be read. */
json_t *cli_rows_load(struct cli_rows *rows, const char *path);

/** Write it as json_dumpf() with JSON_INDENT(2) would, its lists filled again; 0 or -1, errno. */
int cli_rows_write(const struct cli_rows *rows, const json_t *report, FILE *out);

void cli_rows_finish(struct cli_rows *rows);

#endif
