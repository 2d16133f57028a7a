/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CONNECTIONS_H
#define KF_SERVER_CONNECTIONS_H

#include "auto.h"
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Every open connection, and since when it has sent no whole request line and headers:
 * libmicrohttpd ends a connection that is silent, not one that sends a letter now and then.
 */
struct connections;

/** `header_ms` for the first request of a connection, `keep_ms` for each after it. */
struct connections *connections_create(int64_t header_ms, int64_t keep_ms);
/** No connection may be open. */
void connections_destroy(struct connections *connections);
KF_DEFINE_AUTO(connections)

/** MHD_OPTION_NOTIFY_CONNECTION, with the connections as `cls`. */
void connections_notify(void *cls, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode code);

/** The headers of a request are there; or it is over, and the next may come. */
void connections_busy(struct connections *connections, struct MHD_Connection *connection);
void connections_idle(struct connections *connections, struct MHD_Connection *connection);

/** Hang up on who takes too long. Called a few times a second. */
void connections_look(struct connections *connections);

/*
 * At the end of a service: what has come in is answered first. Who has asked nothing yet is told
 * 503 shutting-down, or over TLS and between requests hears nothing: whatever was sent to a
 * connection that ends without an answer was not read, and may be sent again.
 */
/** Nothing is being answered, and nothing that came is unread. */
bool connections_are_quiet(struct connections *connections);
/** Hang up on everybody who waits. */
void connections_part(struct connections *connections);
/** Tell those whom nobody has accepted on a socket that listens, without waiting for more. */
void connections_turn_away(int listen_fd, bool tls);

unsigned connections_count(struct connections *connections);

#endif
