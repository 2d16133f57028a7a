/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "auth.h"
#include "../server.h"
#include "../settings/config.h"
#include "../settings/keys.h"
#include "../settings/networks.h"
#include "request.h"
#include "routes.h"
#include "systemd.h"
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define REALM          "Bearer realm=\"kferry\""
#define ALL_SCOPES     (SCOPE_READ | SCOPE_CONVERT | SCOPE_METRICS)
#define USER_MAX_BYTES 120 /* of a name that a proxy gives */

struct auth {
    enum auth_mode mode;
    const struct config *config; /* borrowed */
    struct networks proxies;
    pthread_rwlock_t lock; /* of keys */
    struct keys *keys;
};

static enum auth_mode choose(const struct config *config)
{
    if (config->auth != AUTH_AUTO)
        return (enum auth_mode)config->auth;
    return config->keys_file[0] != '\0' ? AUTH_KEYS : AUTH_NONE;
}

/* What does not go together, NULL when all does. */
static const char *wrong_with(const struct auth *auth, const struct config *config)
{
    const char *name;

    if (auth->mode == AUTH_KEYS && config->keys_file[0] == '\0')
        return "KFERRY_AUTH=keys needs a file of keys: set KFERRY_KEYS_FILE";
    if (auth->mode != AUTH_KEYS && config->keys_file[0] != '\0')
        return "KFERRY_KEYS_FILE is for KFERRY_AUTH=keys alone";
    if (auth->mode == AUTH_PEERCRED && strncmp(config->listen, "unix:", 5) != 0 &&
        !systemd_is_address(config->listen, &name))
        return "KFERRY_AUTH=peercred needs a Unix socket: KFERRY_LISTEN=unix:/path";
    return NULL;
}

struct auth *auth_open(const struct config *config, char *error, size_t error_max)
{
    KF_AUTO(auth) auth = calloc(1, sizeof *auth);
    const char *wrong;

    if (!auth) {
        snprintf(error, error_max, "out of memory");
        return NULL;
    }
    pthread_rwlock_init(&auth->lock, NULL);
    auth->config = config;
    auth->mode = choose(config);
    wrong = wrong_with(auth, config);
    if (!wrong && !networks_parse(&auth->proxies, config->proxy_from))
        wrong = "KFERRY_PROXY_FROM is a list of networks as 10.0.0.0/8,::1";
    if (wrong)
        snprintf(error, error_max, "%s", wrong);
    if (!wrong && (auth->mode != AUTH_KEYS || auth_reload(auth, error, error_max)))
        return auth_take(&auth);
    return NULL;
}

void auth_destroy(struct auth *auth)
{
    if (!auth)
        return;
    keys_destroy(auth->keys);
    pthread_rwlock_destroy(&auth->lock);
    free(auth);
}

enum auth_mode auth_mode(const struct auth *auth)
{
    return auth->mode;
}

bool auth_reload(struct auth *auth, char *error, size_t error_max)
{
    struct keys *fresh, *old;

    if (auth->mode != AUTH_KEYS)
        return true;
    fresh = keys_load(auth->config->keys_file, error, error_max);
    if (!fresh)
        return false;
    pthread_rwlock_wrlock(&auth->lock);
    old = auth->keys;
    auth->keys = fresh;
    pthread_rwlock_unlock(&auth->lock);
    keys_destroy(old);
    return true;
}

static int fail_unknown(struct request *req, const char *challenge, const char *what)
{
    req->failure.challenge = challenge;
    return request_fail(req, "unauthenticated", "%s", what);
}

/* The key of `Authorization: Bearer` or of `X-API-Key`; NULL when there is none. */
static const char *key_of(const struct request *req)
{
    const char *text = request_header(req, MHD_HTTP_HEADER_AUTHORIZATION);

    if (text && strncasecmp(text, "Bearer ", 7) == 0)
        return text + 7 + strspn(text + 7, " ");
    return request_header(req, "X-API-Key");
}

static int ask_keys(struct auth *auth, struct request *req, struct grant *out)
{
    const char *key = key_of(req);
    bool found;

    if (!key)
        return fail_unknown(req, REALM, "this service wants a key");
    pthread_rwlock_rdlock(&auth->lock);
    found = keys_find(auth->keys, key, out);
    pthread_rwlock_unlock(&auth->lock);
    if (found)
        return 0;
    return fail_unknown(req, REALM ", error=\"invalid_token\"", "nobody has this key");
}

/* The socket's mode has let them in: it only has to be said who they are. */
static int ask_socket(struct auth *auth, struct request *req, struct grant *out)
{
    struct ucred peer;
    socklen_t n = sizeof peer;

    (void)auth;
    if (getsockopt(request_socket(req), SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
        return request_fail(req, "forbidden", "the socket does not say who is at its other end");
    snprintf(out->name, sizeof out->name, "uid-%u", (unsigned)peer.uid);
    out->scopes = ALL_SCOPES;
    return 0;
}

static bool is_proxy(const struct auth *auth, const struct request *req)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (!info || !info->client_addr)
        return false;
    return info->client_addr->sa_family == AF_UNIX ||
           networks_have(&auth->proxies, info->client_addr);
}

static bool is_user(const char *name)
{
    size_t n = 0;

    while (name[n] > ' ' && name[n] < 0x7f)
        n++;
    return n > 0 && n <= USER_MAX_BYTES && name[n] == '\0';
}

static int ask_proxy(struct auth *auth, struct request *req, struct grant *out)
{
    const char *header = auth->config->proxy_header, *name = request_header(req, header);

    out->scopes = ALL_SCOPES;
    if (!is_proxy(auth, req))
        return request_fail(req, "forbidden", "requests come by the proxy only, not from %s",
                            req->client);
    if (!name || !is_user(name))
        return request_fail(req, "forbidden", "the proxy does not say in %s who sent this", header);
    snprintf(req->principal, sizeof req->principal, "user:%s", name);
    return 0;
}

static int (*const ask[])(struct auth *, struct request *, struct grant *) = {
    [AUTH_KEYS] = ask_keys, [AUTH_PEERCRED] = ask_socket, [AUTH_PROXY] = ask_proxy};

static bool changes(const struct request *req)
{
    return strcmp(req->method, "GET") != 0 && strcmp(req->method, "HEAD") != 0;
}

/* Where it has one row for looking and for changing, changing takes more. */
static unsigned scope_of(const struct request *req)
{
    return req->route->scope == SCOPE_READ && changes(req) ? SCOPE_CONVERT : req->route->scope;
}

/*
 * A page of another site makes its visitor's browser send files to where only the visitor gets.
 * Browsers say so, in one of two ways.
 *
 * Source: https://www.w3.org/TR/fetch-metadata/ and RFC 6454, 7
 */
static int check_site(struct request *req)
{
    const char *site = request_header(req, "Sec-Fetch-Site");
    const char *origin = request_header(req, "Origin");
    const char *host = request_header(req, MHD_HTTP_HEADER_HOST), *at;

    if (!changes(req) || (!site && !origin))
        return 0;
    if (site && (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0))
        return 0;
    at = origin ? strstr(origin, "://") : NULL;
    if (!site && at && host && strcasecmp(at + 3, host) == 0)
        return 0;
    return request_fail(req, "cross-site-request", "a page of another site has sent this");
}

static int check_scope(struct request *req, const struct grant *grant, unsigned scope)
{
    if ((grant->scopes & scope) == scope)
        return 0;
    req->failure.challenge = REALM ", error=\"insufficient_scope\"";
    return request_fail(req, "forbidden", "the key %s is not for this", grant->name);
}

int auth_check(struct request *req)
{
    struct auth *auth = req->server->auth;
    struct grant grant = {0};

    KF_TRY(check_site(req));
    if (auth->mode == AUTH_NONE || req->admin || req->route->scope == SCOPE_OPEN)
        return 0;
    KF_TRY(ask[auth->mode](auth, req, &grant));
    if (req->principal[0] == '\0')
        snprintf(req->principal, sizeof req->principal, "%s%s",
                 auth->mode == AUTH_KEYS ? "key:" : "", grant.name);
    memcpy(req->client, req->principal, sizeof req->client);
    req->limits = grant.limits;
    return check_scope(req, &grant, scope_of(req));
}
