/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "listener.h"
#include "systemd.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 511

void listener_destroy(struct listener *listener)
{
    if (!listener)
        return;
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->path)
        unlink(listener->path);
    free(listener->path);
    free(listener);
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;

        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

/* Split "host:port" or "[host]:port" in place; false when there is no port. */
static bool split(char *address, const char **host, const char **port)
{
    char *colon = strrchr(address, ':');

    if (!colon || colon[1] == '\0')
        return false;
    *colon = '\0';
    *port = colon + 1;
    *host = address;
    if (*address == '[' && colon > address && colon[-1] == ']') {
        colon[-1] = '\0';
        *host = address + 1;
    }
    return true;
}

static int bind_to(const struct addrinfo *info)
{
    int one = 1, fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Say where a socket was bound: port 0 has become a number. */
static void name_it(struct listener *listener)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    char host[64] = "?", port[8] = "?";

    getsockname(listener->fd, (struct sockaddr *)&address, &len);
    getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    listener->local = is_loopback((struct sockaddr *)&address);
    snprintf(listener->name, sizeof listener->name, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
             port);
}

static bool open_tcp(struct listener *listener, const char *address, char *error, size_t max)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const char *host = NULL, *port = NULL;
    char *copy = strdup(address);
    int status = EAI_NONAME;

    if (copy && split(copy, &host, &port))
        status = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (status != 0)
        snprintf(error, max,
                 "cannot listen on \"%s\": it must be host:port, unix:/path or "
                 "systemd",
                 address);
    for (const struct addrinfo *i = found; i && listener->fd < 0; i = i->ai_next)
        listener->fd = bind_to(i);
    if (status == 0 && listener->fd < 0)
        snprintf(error, max, "cannot listen on \"%s\": %s", address, strerror(errno));
    if (found)
        freeaddrinfo(found);
    free(copy);
    if (listener->fd < 0)
        return false;
    name_it(listener);
    return true;
}

/* Remove a socket that a service which is gone left behind. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int fd;

    if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const void *)address, sizeof *address) < 0 && errno == ECONNREFUSED)
        unlink(address->sun_path);
    close(fd);
}

/* "?mode=0660" behind the path; 0600 when it is not there, -1 when it makes no sense. */
static int mode_of(const char *query)
{
    char *end = NULL;
    long mode;

    if (*query == '\0')
        return 0600;
    if (strncmp(query, "?mode=", 6) != 0)
        return -1;
    mode = strtol(query + 6, &end, 8);
    return end != query + 6 && *end == '\0' && mode >= 0 && mode <= 0777 ? (int)mode : -1;
}

static bool open_unix(struct listener *listener, const char *path, char *error, size_t max)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strcspn(path, "?");
    int mode = mode_of(path + n);

    snprintf(error, max, "cannot listen on \"unix:%s\": unix:/path?mode=0660, at most %zu bytes",
             path, sizeof address.sun_path - 1);
    if (n == 0 || n >= sizeof address.sun_path || mode < 0)
        return false;
    memcpy(address.sun_path, path, n);
    remove_stale(&address);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0 || bind(listener->fd, (const void *)&address, sizeof address) < 0 ||
        chmod(address.sun_path, (mode_t)mode) < 0 || listen(listener->fd, BACKLOG) < 0) {
        snprintf(error, max, "cannot listen on \"unix:%s\": %s", path, strerror(errno));
        return false;
    }
    listener->on_unix = listener->local = true;
    listener->path = strndup(path, n);
    snprintf(listener->name, sizeof listener->name, "unix:%.*s", (int)n, path);
    return listener->path != NULL;
}

/* A socket that systemd made, and removes. */
static bool open_systemd(struct listener *listener, const char *name, char *error, size_t max)
{
    struct sockaddr_un address = {0};
    socklen_t len = sizeof address;

    listener->fd = systemd_socket(name, error, max);
    if (listener->fd < 0)
        return false;
    listener->inherited = true;
    getsockname(listener->fd, (struct sockaddr *)&address, &len);
    if (address.sun_family != AF_UNIX) {
        name_it(listener);
        return true;
    }
    listener->on_unix = listener->local = true;
    snprintf(listener->name, sizeof listener->name, "unix:%.100s", address.sun_path);
    return true;
}

struct listener *listener_open(const char *address, char *error, size_t error_max)
{
    KF_AUTO(listener) listener = calloc(1, sizeof *listener);
    const char *name;
    bool opened;

    if (!listener)
        return NULL;
    listener->fd = -1;
    if (strncmp(address, "unix:", 5) == 0)
        opened = open_unix(listener, address + 5, error, error_max);
    else if (systemd_is_address(address, &name))
        opened = open_systemd(listener, name, error, error_max);
    else
        opened = open_tcp(listener, address, error, error_max);
    return opened ? listener_take(&listener) : NULL;
}
