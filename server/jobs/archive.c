/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "archive.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct piece {
    uint64_t size;
    char *data; /* owned; NULL for a file */
    struct archive_member file;
};

struct archive {
    struct piece *pieces;
    size_t n_pieces;
    uint64_t size;
};

struct archive *archive_create(void)
{
    return calloc(1, sizeof(struct archive));
}

void archive_destroy(struct archive *archive)
{
    if (!archive)
        return;
    for (size_t i = 0; i < archive->n_pieces; i++)
        free(archive->pieces[i].data);
    free(archive->pieces);
    free(archive);
}

/* Append a piece; takes its data, on failure too. */
static bool take_piece(struct archive *archive, struct piece piece)
{
    size_t n = archive->n_pieces + 1;
    struct piece *grown = realloc(archive->pieces, n * sizeof *grown);

    if (!grown) {
        free(piece.data);
        return false;
    }
    grown[archive->n_pieces] = piece;
    archive->pieces = grown;
    archive->n_pieces = n;
    archive->size += piece.size;
    return true;
}

bool archive_add_bytes(struct archive *archive, const void *data, size_t n)
{
    struct piece piece = {.size = n, .data = malloc(n > 0 ? n : 1)};

    if (!piece.data)
        return false;
    if (n > 0)
        memcpy(piece.data, data, n);
    return take_piece(archive, piece);
}

bool archive_add_file(struct archive *archive, const struct archive_member *member)
{
    return take_piece(archive, (struct piece){.size = member->size, .file = *member});
}

ssize_t archive_read_file(const struct archive_member *member, uint64_t at, void *to, size_t n)
{
    ssize_t got;
    int fd;

    if (!member->path)
        return pread(member->fd, to, n, (off_t)at);
    fd = open(member->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    got = pread(fd, to, n, (off_t)at);
    close(fd);
    return got;
}

uint64_t archive_size(const struct archive *archive)
{
    return archive->size;
}

/* Copy bytes of one piece, as many as come at once. */
static ssize_t read_piece(const struct piece *piece, uint64_t at, void *to, size_t n)
{
    if (n > piece->size - at)
        n = (size_t)(piece->size - at);
    if (!piece->data)
        return archive_read_file(&piece->file, at, to, n);
    memcpy(to, piece->data + at, n);
    return (ssize_t)n;
}

ssize_t archive_read(const struct archive *archive, uint64_t at, void *to, size_t n)
{
    size_t done = 0;

    for (size_t i = 0; i < archive->n_pieces && done < n; i++) {
        const struct piece *piece = &archive->pieces[i];

        while (at < piece->size && done < n) {
            ssize_t got = read_piece(piece, at, (char *)to + done, n - done);

            if (got <= 0)
                return -1;
            done += (size_t)got;
            at += (uint64_t)got;
        }
        at -= piece->size;
    }
    return (ssize_t)done;
}
