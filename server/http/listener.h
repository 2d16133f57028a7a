/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_LISTENER_H
#define KF_SERVER_LISTENER_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * A socket that the service listens on: "host:port", "[::1]:8080", "unix:/path?mode=0660", or one
 * that systemd listens on already, "systemd" or "systemd:NAME".
 */
struct listener {
    int fd;
    bool on_unix;
    bool inherited; /* systemd's, which goes on listening: who comes late is for the next service */
    bool local;     /* a Unix socket or a loopback address: nobody from elsewhere gets here */
    char *path;     /* of a Unix socket of ours, owned; removed when the listener goes */
    char name[128]; /* as it was bound, with the port that port 0 became */
};

/**
 * Bind and listen.
 *
 * `error` gets one sentence when it returns NULL. A Unix socket that nobody listens on any more is
 * replaced; any other file of that name is not touched.
 */
struct listener *listener_open(const char *address, char *error, size_t error_max);
void listener_destroy(struct listener *listener);
KF_DEFINE_AUTO(listener)

#endif
