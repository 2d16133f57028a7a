/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_HTTPD_H
#define KF_SERVER_HTTPD_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>

struct listener;
struct server;

/* The libmicrohttpd daemon of one listener and its callbacks, nothing else. */
struct httpd;

/**
 * Start answering on `listener` with `threads` threads; NULL when it cannot be started. The admin
 * listener answers probes and metrics only; where there is none the other one does.
 */
struct httpd *httpd_start(struct server *server, const struct listener *listener, bool admin,
                          unsigned threads);

/** Close all connections and stop. No connection may be suspended. */
void httpd_destroy(struct httpd *httpd);
KF_DEFINE_AUTO(httpd)

#endif
