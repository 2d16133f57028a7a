/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "httpd.h"
#include "../clock.h"
#include "../jobs/conversion.h"
#include "../jobs/jobs.h"
#include "../log.h"
#include "../server.h"
#include "../settings/config.h"
#include "auth.h"
#include "connections.h"
#include "handlers.h"
#include "listener.h"
#include "reply.h"
#include "request.h"
#include "routes.h"
#include "tls.h"
#include "wire.h"
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTION_MEMORY (512 * 1024) /* one read of a body; measured: larger is not faster */
/* Silence on a connection after which libmicrohttpd closes it; watch.c says 408 before that. */
#define GRACE_S 10
/* What a client may still send after an early answer, before it is cut off. */
#define SWALLOW_MAX (UINT64_C(64) << 20)

struct httpd {
    struct server *server;           /* borrowed */
    const struct listener *listener; /* borrowed */
    struct MHD_Daemon *daemon;
    bool admin, tls;
};

#define SETTLE_MS      1000 /* in which what has come in is still answered, at the end */
#define SETTLE_STEP_MS 5

static void *on_line(void *cls, const char *uri, struct MHD_Connection *connection)
{
    const struct httpd *httpd = cls;
    struct request *req = request_create(httpd->server, connection, uri);

    if (req)
        req->admin = httpd->admin;
    return req;
}

/* Take over what the client says about the request as a whole. */
static int read_head(struct request *req, const char *method)
{
    const char *id = request_header(req, "X-Request-Id");

    connections_busy(req->server->connections, req->connection);
    atomic_fetch_add(&req->server->active, 1);
    req->counted = true;
    for (size_t i = 0; method[i] && i + 1 < sizeof req->method; i++)
        req->method[i] = method[i] > ' ' && method[i] < 0x7f ? method[i] : '?';
    if (id && id_is_request_id(id))
        snprintf(req->id, sizeof req->id, "%s", id);
    else
        id_create(req->id);
    request_identify(req);
    if (target_parse(&req->target, req->raw) < 0)
        return request_fail(req, "invalid-request", "the path has a broken escape or is too deep");
    KF_TRY(route_find(req));
    return auth_check(req);
}

static bool has_body(const struct request *req)
{
    const char *length = request_header(req, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return request_header(req, MHD_HTTP_HEADER_TRANSFER_ENCODING) ||
           (length && strcmp(length, "0") != 0);
}

/* What can be answered without a worker: the route's own answer, or what is wrong. */
static enum MHD_Result answer(struct request *req)
{
    if (req->failure.code)
        return reply_refusal(req);
    return req->job[0] != '\0' ? jobs_answer(req) : req->route->answer(req);
}

/*
 * The headers are there: answer, or let the body come. An answer without reading the body ends the
 * connection; where there is no body it waits for the next call, so that the connection is kept.
 */
static enum MHD_Result begin(struct request *req, const char *method)
{
    int status = read_head(req, method);

    if (status == 0 && !req->route->answer)
        status = conversion_begin(req, req->route->task);
    if (status == 0 && !req->route->answer) {
        atomic_store(&req->stage, REQUEST_RECEIVING);
        watch_begin(req->server->watch, &req->conversion->watch, req, request_socket(req));
        return MHD_YES;
    }
    atomic_store(&req->stage, REQUEST_ANSWERABLE);
    req->early = has_body(req);
    return req->early ? answer(req) : MHD_YES;
}

/* The body went wrong in the middle, where libmicrohttpd takes no answer. */
static enum MHD_Result cut_short(struct request *req)
{
    if (!watch_change(req->server->watch, &req->conversion->watch, WATCH_LINGER))
        return MHD_NO;
    reply_failure_early(req);
    return MHD_YES;
}

static enum MHD_Result receive(struct request *req, const char *data, size_t *n)
{
    size_t given = *n;

    *n = 0;
    return body_receive(req, data, given) == 0 ? MHD_YES : cut_short(req);
}

static enum MHD_Result submit(struct request *req)
{
    if (conversion_submit(req) == 0) {
        if (!req->conversion->stored)
            return MHD_YES;
        atomic_store(&req->stage, REQUEST_ANSWERABLE);
        return jobs_answer(req);
    }
    watch_end(req->server->watch, &req->conversion->watch);
    if (atomic_load(&req->stage) != REQUEST_RECEIVING)
        return MHD_NO;
    return reply_refusal(req);
}

/* The rest of a body that was answered early: thrown away, but not for ever. */
static enum MHD_Result swallow(struct request *req, size_t *n)
{
    size_t given = *n;

    *n = 0;
    if (!req->conversion || given == 0)
        return MHD_NO;
    req->conversion->body.received += given;
    return req->conversion->body.received < req->server->config->body_max + SWALLOW_MAX ? MHD_YES
                                                                                        : MHD_NO;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **con_cls)
{
    struct request *req = *con_cls;

    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    if (!req)
        return MHD_NO;
    switch (atomic_load(&req->stage)) {
    case REQUEST_NEW:
        return begin(req, method);
    case REQUEST_RECEIVING:
        return *n > 0 ? receive(req, data, n) : submit(req);
    case REQUEST_ANSWERABLE:
        return answer(req);
    case REQUEST_DONE:
        return conversion_answer(req);
    default:
        return swallow(req, n);
    }
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct request *req = *con_cls;

    (void)cls;
    *con_cls = NULL;
    if (!req)
        return;
    if (req->counted)
        connections_idle(req->server->connections, connection);
    /* Closing with a body unread resets the connection, and the client might lose the answer. */
    if (req->early)
        wire_end(req);
    if (req->counted)
        request_log(req, code != MHD_REQUEST_TERMINATED_COMPLETED_OK);
    request_destroy(req);
}

static void __attribute__((format(printf, 2, 0))) on_message(void *cls, const char *fmt, va_list ap)
{
    char text[256];
    size_t n;

    (void)cls;
    vsnprintf(text, sizeof text, fmt, ap);
    n = strlen(text);
    if (n > 0 && text[n - 1] == '\n')
        text[n - 1] = '\0';
    log_event(LOG_DEBUG, "http", NULL, "%s", text);
}

struct httpd *httpd_start(struct server *server, const struct listener *listener, bool admin,
                          unsigned threads)
{
    KF_AUTO(httpd) httpd = calloc(1, sizeof *httpd);
    const struct config *config = server->config;
    bool tls = !admin && config->tls_cert[0] != '\0';

    if (!httpd)
        return NULL;
    httpd->server = server;
    httpd->listener = listener;
    httpd->admin = admin;
    httpd->tls = tls;
    /*
     * Not epoll: libmicrohttpd 0.9.75 uses it edge-triggered and misses a client that hangs up
     * right behind its last bytes. It closes the socket it is given; the listener keeps its own.
     */
    httpd->daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
            (tls ? MHD_USE_TLS : 0),
        0, NULL, NULL, on_request, httpd, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
        MHD_OPTION_LISTEN_SOCKET, fcntl(listener->fd, F_DUPFD_CLOEXEC, 0),
        MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)config->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)config->upload_idle + GRACE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
        on_line, httpd, MHD_OPTION_NOTIFY_CONNECTION, connections_notify, server->connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)config->client_connections_max,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        /* The list ends here for plain HTTP. */
        tls ? MHD_OPTION_HTTPS_CERT_CALLBACK2 : MHD_OPTION_END, tls_retrieve,
        MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES, MHD_OPTION_END);
    return httpd->daemon ? httpd_take(&httpd) : NULL;
}

/* Nobody accepts any more; who is here or on the way in is not to wonder what became of them. */
static void settle(const struct httpd *httpd, int listen_fd)
{
    struct connections *connections = httpd->server->connections;
    int64_t end = clock_ms() + SETTLE_MS;

    do {
        if (listen_fd >= 0 && !httpd->listener->inherited)
            connections_turn_away(listen_fd, httpd->tls);
        if (connections_are_quiet(connections))
            break;
        poll(NULL, 0, SETTLE_STEP_MS);
    } while (clock_ms() < end);
    connections_part(connections);
}

void httpd_destroy(struct httpd *httpd)
{
    MHD_socket fd;

    if (!httpd)
        return;
    if (httpd->daemon) {
        /* Taken back first: a socket that the daemon has it shuts down, for systemd as well. */
        fd = MHD_quiesce_daemon(httpd->daemon);
        settle(httpd, fd);
        MHD_stop_daemon(httpd->daemon);
        if (fd != MHD_INVALID_SOCKET)
            close(fd);
    }
    free(httpd);
}
