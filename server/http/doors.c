/* SPDX-License-Identifier: Apache-2.0 */
#include "doors.h"
#include "../cli/exit_codes.h"
#include "../log.h"
#include "../server.h"
#include "../settings/config.h"
#include "auth.h"
#include "connections.h"
#include "tls.h"
#include <stdio.h>

/* Why this socket cannot be served as it is, NULL when it can. */
static const char *wrong_with(const struct server *server, const struct listener *listener,
                              bool admin)
{
    enum auth_mode mode = auth_mode(server->auth);

    if (mode == AUTH_PEERCRED && !admin && !listener->on_unix)
        return "is no Unix socket, which KFERRY_AUTH=peercred needs: KFERRY_LISTEN=unix:/path";
    if (mode == AUTH_NONE && !listener->local && !server->config->allow_unauthenticated)
        return "can be reached from other machines and there is no authentication: set "
               "KFERRY_KEYS_FILE, listen on 127.0.0.1 or unix:/path, or set "
               "KFERRY_ALLOW_UNAUTHENTICATED=1";
    return NULL;
}

/* Open one address; where nobody has to show who they are, only to this machine. */
static struct listener *open_door(const struct server *server, const char *address, bool admin)
{
    KF_AUTO(listener) listener = NULL;
    const char *wrong = NULL;
    char error[512] = "out of memory";

    listener = listener_open(address, error, sizeof error);
    if (listener)
        wrong = wrong_with(server, listener, admin);
    if (wrong) {
        snprintf(error, sizeof error, "%s %s", listener->name, wrong);
        listener_destroy(listener_take(&listener));
    }
    if (!listener)
        log_event(LOG_ERROR, "cannot-listen", NULL, "%s", error);
    return listener_take(&listener);
}

int doors_open(struct doors *doors, struct server *server)
{
    const struct config *config = server->config;
    char error[512];

    server->auth = auth_open(config, error, sizeof error);
    if (!server->auth) {
        log_event(LOG_ERROR, "cannot-authenticate", NULL, "%s", error);
        return EXIT_CONFIG;
    }
    if (config->tls_cert[0] != '\0' && !tls_load(config, error, sizeof error)) {
        log_event(LOG_ERROR, "cannot-use-tls", NULL, "%s", error);
        return EXIT_CONFIG;
    }
    doors->listener = open_door(server, config->listen, false);
    if (!doors->listener)
        return EXIT_CONFIG;
    if (!config->admin_listen || config->admin_listen[0] == '\0')
        return 0;
    doors->admin = open_door(server, config->admin_listen, true);
    return doors->admin ? 0 : EXIT_CONFIG;
}

/* Who came to the door while it was being closed. */
static void close_door(struct listener *listener, bool tls)
{
    if (listener && !listener->inherited)
        connections_turn_away(listener->fd, tls);
    listener_destroy(listener);
}

void doors_close(struct doors *doors, struct server *server)
{
    close_door(doors->listener, server->config->tls_cert[0] != '\0');
    close_door(doors->admin, false);
    auth_destroy(server->auth);
    tls_unload();
}
