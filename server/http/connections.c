/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "connections.h"
#include "../clock.h"
#include "problem.h"
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define PARTING_MS 5

struct connection {
    LIST_ENTRY(connection) others;
    int fd;        /* borrowed; valid while this is in the list */
    int64_t since; /* clock_ms() */
    bool busy;     /* a request is being answered */
    bool kept;     /* it had one before */
    bool over;     /* we hung up */
    bool tls;      /* only its own thread may write to it */
};

struct connections {
    pthread_mutex_t lock;
    LIST_HEAD(, connection) open;
    unsigned n;
    int64_t header_ms, keep_ms;
};

/* What is said to somebody who has not said what they want. */
struct word {
    const char *code, *detail;
    unsigned retry_after; /* seconds, 0 for no such header */
};

static const struct word too_late = {"header-timeout",
                                     "the request line and headers did not arrive in time", 0};
static const struct word closing = {"shutting-down", "the service is stopping", 2};

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
static void say(int fd, const struct word *word)
{
    const struct kf_problem problem = {.code = word->code, .detail = word->detail};
    unsigned status = kf_problem_type(word->code)->status;
    json_t *object = kf_problem_json(&problem);
    char *body = json_dumps(object, JSON_COMPACT), *text = NULL, retry[40] = "";
    int n = -1;

    if (word->retry_after > 0)
        snprintf(retry, sizeof retry, "Retry-After: %u\r\n", word->retry_after);
    if (body)
        n = asprintf(&text,
                     "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
                     "Conversion-Error: %s\r\n%sConnection: close\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     status, MHD_get_reason_phrase_for(status), word->code, retry, strlen(body),
                     body);
    if (n > 0)
        (void)send(fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0)
        free(text);
    free(body);
    json_decref(object);
}

/* Between requests silence is no fault: then the connection just ends. */
static void hang_up(struct connection *c, const struct word *word)
{
    if (!c->kept && !c->tls)
        say(c->fd, word);
    shutdown(c->fd, SHUT_RDWR);
    c->over = true; /* once is enough */
}

void connections_look(struct connections *connections)
{
    int64_t now = clock_ms();
    struct connection *c;

    pthread_mutex_lock(&connections->lock);
    LIST_FOREACH(c, &connections->open, others)
    {
        if (!c->busy && !c->over &&
            now - c->since > (c->kept ? connections->keep_ms : connections->header_ms))
            hang_up(c, &too_late);
    }
    pthread_mutex_unlock(&connections->lock);
}

static bool has_unread(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Behind a handshake comes a request, which may be on its way. */
static bool is_beginning(const struct connection *c)
{
    return c->tls && !c->kept;
}

bool connections_are_quiet(struct connections *connections)
{
    struct connection *c;
    bool quiet = true;

    pthread_mutex_lock(&connections->lock);
    LIST_FOREACH(c, &connections->open, others)
    {
        quiet = quiet && (c->over || !(c->busy || is_beginning(c) || has_unread(c->fd)));
    }
    pthread_mutex_unlock(&connections->lock);
    return quiet;
}

void connections_part(struct connections *connections)
{
    struct connection *c;

    pthread_mutex_lock(&connections->lock);
    LIST_FOREACH(c, &connections->open, others)
    {
        if (!c->busy && !c->over)
            hang_up(c, &closing);
    }
    pthread_mutex_unlock(&connections->lock);
}

void connections_turn_away(int listen_fd, bool tls)
{
    char rest[4096];
    int fd;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct pollfd more = {.fd = fd, .events = POLLIN};

        if (!tls)
            say(fd, &closing);
        shutdown(fd, SHUT_WR);
        /* Closing with something unread resets the connection: what was sent already is read. */
        while (poll(&more, 1, PARTING_MS) > 0 && recv(fd, rest, sizeof rest, 0) > 0)
            continue;
        close(fd);
    }
}

unsigned connections_count(struct connections *connections)
{
    unsigned n;

    pthread_mutex_lock(&connections->lock);
    n = connections->n;
    pthread_mutex_unlock(&connections->lock);
    return n;
}
