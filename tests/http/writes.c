/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

/*
 * Preloaded into the service by test_power_cut.py: before each call that changes a file or folder
 * below KF_WRITES_BELOW, or puts it on the disk, it says so at the socket KF_WRITES and waits for
 * an answer. While nobody listens there, nothing happens.
 */
static void tell(const char *call, const char *path)
{
    const char *below = getenv("KF_WRITES_BELOW"), *at = getenv("KF_WRITES");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char line[PATH_MAX + 32];
    int sock;

    if (!at || !below || strncmp(path, below, strlen(below)) != 0)
        return;
    snprintf(name.sun_path, sizeof name.sun_path, "%s", at);
    sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock >= 0 && connect(sock, (struct sockaddr *)&name, sizeof name) == 0) {
        snprintf(line, sizeof line, "%s %s", call, path);
        send(sock, line, strlen(line) + 1, MSG_NOSIGNAL);
        recv(sock, line, 1, 0);
    }
    if (sock >= 0)
        close(sock);
}

static void tell_fd(const char *call, int fd)
{
    char link[64], path[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n < 0)
        return;
    path[n] = '\0';
    tell(call, path);
}

/* A call that is told by a descriptor or by a path, and made. */
#define TOLD(how, what, type, name, parameters, ...)                                               \
    type name parameters                                                                           \
    {                                                                                              \
        how(#name, what);                                                                          \
        return REAL(name)(__VA_ARGS__);                                                            \
    }

TOLD(tell_fd, fd, int, fsync, (int fd), fd)
TOLD(tell_fd, fd, int, fdatasync, (int fd), fd)
TOLD(tell_fd, fd, ssize_t, write, (int fd, const void *from, size_t n), fd, from, n)
TOLD(tell_fd, fd, ssize_t, pwrite64, (int fd, const void *from, size_t n, off_t at), fd, from, n,
     at)
TOLD(tell_fd, fd, int, ftruncate64, (int fd, off_t size), fd, size)
TOLD(tell, to, int, rename, (const char *from, const char *to), from, to)
TOLD(tell, to, int, link, (const char *from, const char *to), from, to)
TOLD(tell, path, int, unlink, (const char *path), path)
TOLD(tell, path, int, remove, (const char *path), path)
TOLD(tell, path, int, mkdir, (const char *path, mode_t mode), path, mode)
TOLD(tell, path, int, chmod, (const char *path, mode_t mode), path, mode)
