/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_ADDRESS_H
#define KF_REMOTE_ADDRESS_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/*
 * Which addresses an URL out of a request may lead to: those of the public internet, and what the
 * operator names. The check is of the address that a socket is about to connect to, not of what a
 * name stood for a moment ago.
 */
struct address_rules;

/**
 * Read the exceptions: host names ("minio", "minio:9000", ".svc.cluster.local" for all below) and
 * networks ("10.1.0.0/16"), parted by commas or spaces. NULL with one sentence in `error`.
 */
struct address_rules *address_rules_create(const char *hosts, const char *networks, char *error,
                                           size_t error_max);
void address_rules_destroy(struct address_rules *rules);
KF_DEFINE_AUTO(address_rules)

/** True when the operator names this host, whatever its addresses are. */
bool address_host_named(const struct address_rules *rules, const char *host, unsigned port);

/** NULL when a socket may connect there, else what the address is: "loopback". Static. */
const char *address_denied(const struct address_rules *rules, const struct sockaddr *address);

/** The same of a host that is written as an address; "a name" when it is none. */
const char *address_literal_denied(const struct address_rules *rules, const char *host);

/** True for "192.0.2.1" and "[2001:db8::1]". */
bool address_is_literal(const char *host);

#endif
