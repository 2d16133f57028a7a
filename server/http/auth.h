/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_AUTH_H
#define KF_SERVER_AUTH_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>

struct config;
struct request;

/* Who may use the service: the setting `auth`, in the order of its words. */
enum auth_mode {
    AUTH_AUTO,     /* AUTH_KEYS where there is a file of keys, else AUTH_NONE */
    AUTH_NONE,     /* everybody who reaches it */
    AUTH_KEYS,     /* who has a key */
    AUTH_PEERCRED, /* who may open the Unix socket; each user of the machine is one client */
    AUTH_PROXY     /* whom a trusted proxy names in a header */
};

struct auth;

/** Get ready as the settings say; NULL with one sentence. */
struct auth *auth_open(const struct config *config, char *error, size_t error_max);
void auth_destroy(struct auth *auth);
KF_DEFINE_AUTO(auth)

/** Never AUTH_AUTO. */
enum auth_mode auth_mode(const struct auth *auth);

/** Read the file of keys again; on failure the old ones stay, and `error` says why. */
bool auth_reload(struct auth *auth, char *error, size_t error_max);

/**
 * Find out who sends a request that has its route, and whether they may: fills principal, client
 * and limits. 0, or -1 with a failure 401 or 403.
 */
int auth_check(struct request *req);

#endif
