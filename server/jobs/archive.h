/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_ARCHIVE_H
#define KF_SERVER_ARCHIVE_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A tar or zip answer, never built anywhere: a list of pieces, each some bytes in memory or a
 * range of a file, read at any offset while it is sent. Its size is known from the start.
 */
struct archive;

/*
 * A member's content: bytes in memory, or the whole of a file when `data` is NULL, which is opened
 * each time it is read when `path` is there. Borrowed.
 */
struct archive_member {
    const char *name; /* path in the archive, UTF-8 */
    const void *data;
    uint64_t size; /* bytes */
    int fd;
    const char *path;
};

/**
 * Lay out a ustar archive; long names and big sizes get a pax header of their own.
 *
 * Owns:     memory members are copied, files are borrowed until the archive is destroyed.
 * Outcomes: NULL when memory ran out.
 */
struct archive *archive_tar(const struct archive_member *members, size_t n, int64_t mtime);

/**
 * Lay out a zip archive of stored members, zip64 where sizes ask for it.
 *
 * Reads each file once, for its CRC-32. NULL when memory ran out or a file cannot be read.
 */
struct archive *archive_zip(const struct archive_member *members, size_t n, int64_t mtime);

void archive_destroy(struct archive *archive);
KF_DEFINE_AUTO(archive)

uint64_t archive_size(const struct archive *archive);

/** Copy up to `n` bytes from offset `at`: how many, 0 at the end, -1 when a file fails. */
ssize_t archive_read(const struct archive *archive, uint64_t at, void *to, size_t n);

/* For the two layouts: append bytes that are copied, zeros, or a file. */
struct archive *archive_create(void);
bool archive_add_bytes(struct archive *archive, const void *data, size_t n);
bool archive_add_file(struct archive *archive, const struct archive_member *member);
/** The same for a member alone: up to `n` bytes of its file. */
ssize_t archive_read_file(const struct archive_member *member, uint64_t at, void *to, size_t n);

#endif
