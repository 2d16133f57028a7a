/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim.h"
#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Preloaded into the service by test_faults.py: calls that fail when they are
 * told to.
 *
 * The file that KF_FAULTS names is shared with the test, which writes into it
 * what fails now: the name of a call, the error, and how many of its calls go
 * well between two that fail. An error of 0 makes reads and writes short
 * instead. Reads and writes are those of files, not of sockets.
 */
struct order {
    char call[32];
    int error;
    unsigned between;
    atomic_uint calls, failed;
};

static struct order *order;

__attribute__((constructor)) static void begin(void)
{
    order = shim_shared("KF_FAULTS", sizeof *order);
}

static bool is_due(const char *call)
{
    if (!order || strcmp(order->call, call) != 0)
        return false;
    if (atomic_fetch_add(&order->calls, 1) % (order->between + 1) != order->between)
        return false;
    atomic_fetch_add(&order->failed, 1);
    errno = order->error;
    return true;
}

static bool is_file(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* What a read or write of `n` bytes becomes: -1 fails, 0 is left as it is, else
 * a shorter one. */
static ssize_t change(const char *call, int fd, size_t n)
{
    int before = errno;

    if (!order || strcmp(order->call, call) != 0 || !is_file(fd) || !is_due(call)) {
        errno = before;
        return 0;
    }
    if (order->error != 0)
        return -1;
    errno = before;
    return n > 1 ? (ssize_t)(n / 2) : 0;
}

/* A call on a file with `n` bytes, given the rest of its arguments. */
#define OF_BYTES(name, parameters, ...)                                                            \
    ssize_t name parameters                                                                        \
    {                                                                                              \
        ssize_t other = change(#name, fd, n);                                                      \
                                                                                                   \
        if (other < 0)                                                                             \
            return -1;                                                                             \
        n = other > 0 ? (size_t)other : n;                                                         \
        return REAL(name)(__VA_ARGS__);                                                            \
    }

OF_BYTES(write, (int fd, const void *from, size_t n), fd, from, n)
OF_BYTES(read, (int fd, void *to, size_t n), fd, to, n)
OF_BYTES(pread, (int fd, void *to, size_t n, off_t at), fd, to, n, at)
OF_BYTES(pwrite, (int fd, const void *from, size_t n, off_t at), fd, from, n, at)
OF_BYTES(pwrite64, (int fd, const void *from, size_t n, off_t at), fd, from, n, at)

/* A call that fails by `failure`, or is made. */
#define ANY(type, failure, name, parameters, ...)                                                  \
    type name parameters                                                                           \
    {                                                                                              \
        return is_due(#name) ? (failure) : REAL(name)(__VA_ARGS__);                                \
    }

ANY(int, -1, fsync, (int fd), fd)
ANY(int, -1, fdatasync, (int fd), fd)
ANY(int, -1, mkdir, (const char *path, mode_t mode), path, mode)
ANY(int, -1, pipe2, (int ends[2], int flags), ends, flags)
ANY(int, -1, accept4, (int fd, struct sockaddr *from, socklen_t *n, int flags), fd, from, n, flags)
ANY(int, -1, socketpair, (int domain, int type, int protocol, int ends[2]), domain, type, protocol,
    ends)
ANY(int, order->error, posix_spawn,
    (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
     const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]),
    pid, path, actions, attributes, argv, envp)

int open(const char *path, int flags, ...)
{
    va_list rest;
    mode_t mode;

    va_start(rest, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return is_due("open") ? -1 : REAL(open)(path, flags, mode);
}

/* dlsym() may allocate: glibc's own names are taken for memory. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *old, size_t n);

void *malloc(size_t n)
{
    return is_due("malloc") ? NULL : __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
    return is_due("malloc") ? NULL : __libc_calloc(count, n);
}

void *realloc(void *old, size_t n)
{
    return is_due("malloc") ? NULL : __libc_realloc(old, n);
}
