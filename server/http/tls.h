/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_TLS_H
#define KF_SERVER_TLS_H

#include <gnutls/abstract.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct config;

/* TLS 1.2 and 1.3, as GnuTLS writes it. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/**
 * Read the certificate and the key, at the start or again. They belong to the process, because
 * GnuTLS asks for them without saying on whose behalf. False with one sentence when they cannot be
 * read or do not fit; what was read before stays then.
 */
bool tls_load(const struct config *config, char *error, size_t error_max);
void tls_unload(void);

/** When the certificate ends, in seconds since 1970. */
time_t tls_expiry(void);

/** Hand them to a handshake: for MHD_OPTION_HTTPS_CERT_CALLBACK2. */
gnutls_certificate_retrieve_function3 tls_retrieve;

#endif
