/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "connections.h"
#include "../clock.h"
#include "problem.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct connection {
    LIST_ENTRY(connection) others;
    int fd;        /* borrowed; valid while this is in the list */
    int64_t since; /* clock_ms() */
    bool busy;     /* a request is being answered */
    bool kept;     /* it had one before */
    bool tls;      /* only its own thread may write to it */
};

struct connections {
    pthread_mutex_t lock;
    LIST_HEAD(, connection) open;
    unsigned n;
    int64_t header_ms, keep_ms;
};

#define TOO_LATE "header-timeout"

struct connections *connections_create(int64_t header_ms, int64_t keep_ms)
{
    struct connections *connections = calloc(1, sizeof *connections);

    if (!connections)
        return NULL;
    pthread_mutex_init(&connections->lock, NULL);
    connections->header_ms = header_ms;
    connections->keep_ms = keep_ms;
    return connections;
}

void connections_destroy(struct connections *connections)
{
    if (!connections)
        return;
    pthread_mutex_destroy(&connections->lock);
    free(connections);
}

static struct connection *begin(struct connections *connections, struct MHD_Connection *from)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(from, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *c = info ? calloc(1, sizeof *c) : NULL;

    if (!c)
        return NULL;
    c->fd = info->connect_fd;
    c->since = clock_ms();
    c->tls = MHD_get_connection_info(from, MHD_CONNECTION_INFO_GNUTLS_SESSION) != NULL;
    pthread_mutex_lock(&connections->lock);
    LIST_INSERT_HEAD(&connections->open, c, others);
    connections->n++;
    pthread_mutex_unlock(&connections->lock);
    return c;
}

static void end(struct connections *connections, struct connection *c)
{
    pthread_mutex_lock(&connections->lock);
    LIST_REMOVE(c, others);
    connections->n--;
    pthread_mutex_unlock(&connections->lock);
    free(c);
}

void connections_notify(void *cls, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = begin(cls, connection);
    } else if (*context) {
        end(cls, *context);
        *context = NULL;
    }
}

static void set(struct connections *connections, struct MHD_Connection *connection, bool busy)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *c = info ? info->socket_context : NULL;

    if (!c)
        return;
    pthread_mutex_lock(&connections->lock);
    c->busy = busy;
    c->kept = c->kept || !busy;
    c->since = clock_ms();
    pthread_mutex_unlock(&connections->lock);
}

void connections_busy(struct connections *connections, struct MHD_Connection *connection)
{
    set(connections, connection, true);
}

void connections_idle(struct connections *connections, struct MHD_Connection *connection)
{
    set(connections, connection, false);
}

/* Who has not said what they want gets one answer, whatever it was to be. */
static void say_too_late(int fd)
{
    const struct kf_problem problem = {
        .code = TOO_LATE, .detail = "the request line and headers did not arrive in time"};
    json_t *object = kf_problem_json(&problem);
    char *body = json_dumps(object, JSON_COMPACT), *text = NULL;
    int n = -1;

    if (body)
        n = asprintf(&text,
                     "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/problem+json\r\n"
                     "Conversion-Error: " TOO_LATE "\r\nConnection: close\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     strlen(body), body);
    if (n > 0)
        (void)send(fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0)
        free(text);
    free(body);
    json_decref(object);
}

/* Between requests silence is no fault: then the connection just ends. */
static void hang_up(struct connection *c)
{
    if (!c->kept && !c->tls)
        say_too_late(c->fd);
    shutdown(c->fd, SHUT_RDWR);
    c->busy = true; /* once is enough */
}

void connections_look(struct connections *connections)
{
    int64_t now = clock_ms();
    struct connection *c;

    pthread_mutex_lock(&connections->lock);
    LIST_FOREACH(c, &connections->open, others)
    {
        if (!c->busy && now - c->since > (c->kept ? connections->keep_ms : connections->header_ms))
            hang_up(c);
    }
    pthread_mutex_unlock(&connections->lock);
}

unsigned connections_count(struct connections *connections)
{
    unsigned n;

    pthread_mutex_lock(&connections->lock);
    n = connections->n;
    pthread_mutex_unlock(&connections->lock);
    return n;
}
