/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_RELOAD_H
#define KF_SERVER_RELOAD_H

#include <stdbool.h>
#include <sys/stat.h>

struct config;
struct server;

#define RELOAD_FILES 3

/* The files that are read again while the service runs, as they were last. */
struct reload {
    const char *paths[RELOAD_FILES]; /* borrowed; "" for none */
    struct stat seen[RELOAD_FILES];
};

/** Note the files as they are now. */
void reload_begin(struct reload *reload, const struct config *config);

/** Read them again where one is another than it was, or in any case when `told` to. */
void reload_look(struct reload *reload, struct server *server, bool told);

#endif
