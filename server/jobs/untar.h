/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_UNTAR_H
#define KF_SERVER_UNTAR_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A tar of ours, of a service or a worker: ustar, long names and big sizes in a pax header or as
 * GNU has them. The file stands where the content of the member begins.
 */
struct untar {
    FILE *in;
    char name[PATH_MAX]; /* of the member, "" for none */
    uint64_t size, left; /* bytes of its content, and those of them that are still to be read */
};

/** Step to the content of the next file: 1, 0 at the end, -1 for what is no such tar. */
int untar_next(struct untar *tar);

/** Copy the rest of the member to a file, or to the new file `path`; false with errno. */
bool untar_copy(struct untar *tar, FILE *out);
bool untar_copy_new(struct untar *tar, const char *path);

/** The member's name below the one folder of the archive; NULL for one that leads elsewhere. */
const char *untar_below(const struct untar *tar);

#endif
