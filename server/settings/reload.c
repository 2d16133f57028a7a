/* SPDX-License-Identifier: Apache-2.0 */
#include "reload.h"
#include "../http/auth.h"
#include "../http/tls.h"
#include "../log.h"
#include "../server.h"
#include "config.h"

/* A mounted secret is changed by another link: the file is another one then. */
static bool differs(const struct stat *a, const struct stat *b)
{
    return a->st_dev != b->st_dev || a->st_ino != b->st_ino || a->st_size != b->st_size ||
           a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* True when a file has changed since the last look. */
static bool look(struct reload *reload)
{
    bool changed = false;

    for (int i = 0; i < RELOAD_FILES; i++) {
        struct stat now = {0};

        if (reload->paths[i][0] == '\0' || stat(reload->paths[i], &now) < 0)
            continue; /* it is between two names: the next look finds it */
        changed = changed || differs(&now, &reload->seen[i]);
        reload->seen[i] = now;
    }
    return changed;
}

void reload_begin(struct reload *reload, const struct config *config)
{
    *reload = (struct reload){.paths = {config->keys_file, config->tls_cert, config->tls_key}};
    look(reload);
}

static void tell(bool ok, const char *what, const char *error)
{
    if (ok)
        log_event(LOG_INFO, "reloaded", NULL, "%s", what);
    else
        log_event(LOG_ERROR, "cannot-reload", NULL, "%s; what was read before stays", error);
}

void reload_look(struct reload *reload, struct server *server, bool told)
{
    char error[512] = "";

    if (!look(reload) && !told)
        return;
    if (auth_mode(server->auth) == AUTH_KEYS)
        tell(auth_reload(server->auth, error, sizeof error), "the keys", error);
    if (server->config->tls_cert[0] != '\0')
        tell(tls_load(server->config, error, sizeof error), "the certificate", error);
}
