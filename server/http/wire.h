/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_WIRE_H
#define KF_SERVER_WIRE_H

struct request;

/*
 * The client's connection itself, below HTTP and above or below TLS: for an answer that
 * libmicrohttpd does not take any more, while it only reads.
 */

/** Send as much as goes at once: no thread waits for a client. */
void wire_write(const struct request *req, const char *text);

/** Say that nothing follows, and throw away what has arrived meanwhile. */
void wire_end(const struct request *req);

#endif
