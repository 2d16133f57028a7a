/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "systemd.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEMD  "systemd"
#define FIRST_FD 3
#define MOST_FDS 64

bool systemd_is_address(const char *address, const char **name)
{
    size_t n = strcspn(address, ":");

    *name = address[n] == ':' ? address + n + 1 : "";
    return n == strlen(SYSTEMD) && strncmp(address, SYSTEMD, n) == 0;
}

/* A whole number of the environment, or -1. */
static long number_of(const char *variable)
{
    const char *text = getenv(variable);
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : -1;

    return text && end != text && *end == '\0' ? n : -1;
}

/* How many descriptors were meant for this process, and not for one that it was started by. */
static int handed_over(void)
{
    long n = number_of("LISTEN_FDS");

    return number_of("LISTEN_PID") == (long)getpid() && n > 0 && n <= MOST_FDS ? (int)n : 0;
}

/* Which of the names in "a:b:c" is `name`; -1 when none is. */
static int find_name(const char *names, const char *name)
{
    size_t n = strlen(name);

    for (int i = 0; names; i++) {
        if (strcspn(names, ":") == n && strncmp(names, name, n) == 0)
            return i;
        names = strchr(names, ':');
        if (names)
            names++;
    }
    return -1;
}

static bool is_listening(int fd)
{
    int listening = 0, type = 0;
    socklen_t len = sizeof listening;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening)
        return false;
    len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

int systemd_socket(const char *name, char *error, size_t error_max)
{
    int n = handed_over(), i = *name ? find_name(getenv("LISTEN_FDNAMES"), name) : 0;
    int fd = FIRST_FD + i;

    if (n == 0)
        snprintf(error, error_max,
                 "systemd handed over no socket: start the socket unit, or set "
                 "KFERRY_LISTEN to host:port");
    else if (i < 0 || i >= n)
        snprintf(error, error_max, "systemd handed over no socket of the name \"%s\"", name);
    else if (!is_listening(fd))
        snprintf(error, error_max,
                 "what systemd handed over is no stream socket that listens: "
                 "the unit must have ListenStream= and Accept=no");
    else if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
             fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
        snprintf(error, error_max, "the socket that systemd handed over cannot be used");
    else
        return fd;
    return -1;
}

void systemd_tell(const char *state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path ? strlen(path) : 0;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    int fd;

    if (n < 2 || n >= sizeof address.sun_path || (*path != '/' && *path != '@'))
        return;
    memcpy(address.sun_path, path, n);
    if (*path == '@')
        address.sun_path[0] = '\0'; /* an abstract name */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const void *)&address, len);
    close(fd);
}
