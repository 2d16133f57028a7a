/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CLI_TAR_H
#define KF_SERVER_CLI_TAR_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A tar of ours, of a service or a worker: ustar, long names and big sizes in a pax header or as
 * GNU has them. The file stands where the content of the member begins.
 */
struct cli_tar {
    FILE *in;
    char name[PATH_MAX]; /* of the member, "" for none */
    uint64_t size, left; /* bytes of its content, and those of them that are still to be read */
};

/** Step to the content of the next file: 1, 0 at the end, -1 for what is no such tar. */
int cli_tar_next(struct cli_tar *tar);

/** Copy the member to the new file `path`; false with errno. */
bool cli_tar_copy(struct cli_tar *tar, const char *path);

/** The member's name below the one folder of the archive; NULL for one that leads elsewhere. */
const char *cli_tar_below(const struct cli_tar *tar);

#endif
