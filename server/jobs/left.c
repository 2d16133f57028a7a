/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "left.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A report of a million tensors has about 500 bytes for each; one beyond this is hostile. */
#define JSON_BYTES_MAX (INT64_C(512) << 20)

int64_t left_open(const char *dir, const char *name, int *fd_out)
{
    char path[PATH_MAX];
    struct stat st;
    int fd;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
        close(fd);
        return -1;
    }
    *fd_out = fd;
    return st.st_size;
}

static size_t read_piece(void *piece, size_t n, void *context)
{
    ssize_t got;

    do
        got = read(*(int *)context, piece, n);
    while (got < 0 && errno == EINTR);
    return (size_t)got; /* (size_t)-1 is what Jansson takes for an error */
}

json_t *left_json(const char *dir, const char *name)
{
    json_t *value = NULL;
    json_error_t error;
    int fd = -1;
    int64_t size = left_open(dir, name, &fd);

    if (size < 0)
        return NULL;
    if (size <= JSON_BYTES_MAX) /* json_loadfd() asks for each byte */
        value = json_load_callback(read_piece, &fd, JSON_REJECT_DUPLICATES, &error);
    close(fd);
    return value;
}
