/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_ASSETS_H
#define KF_SERVER_ASSETS_H

#include <stddef.h>

/* A file that the program carries, put into it at build time (embed/embed.c). */
struct asset {
    const char *name; /* path in the service, without the first slash; NULL behind the last */
    const char *tag;  /* changes with the content */
    const unsigned char *plain;
    size_t n_plain;
    const unsigned char *packed; /* the same for Content-Encoding: gzip */
    size_t n_packed;             /* 0 where that is no shorter */
};

extern const struct asset assets[];

/** The file of that name, or NULL. */
const struct asset *asset_find(const char *name);

#endif
