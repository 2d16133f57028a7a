/* SPDX-License-Identifier: Apache-2.0 */
#include "s3_chunks.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK    ((size_t)256 * 1024)
#define HEAD_FMT "%zx;chunk-signature=%s\r\n"
#define HEAD_MAX 128
#define MARK     (sizeof ";chunk-signature=\r\n" - 1 + SIGV4_HEX - 1) /* bytes beside the size */

struct s3_chunks {
    int fd;
    uint64_t at, size;               /* of the file */
    struct sigv4_chain first, chain; /* before the first chunk, and now */
    uint64_t taken, told;            /* bytes of the file, and of the body */
    size_t from, to;                 /* of the chunk below, what is still to go */
    unsigned char text[HEAD_MAX + CHUNK + 2];
};

struct s3_chunks *s3_chunks_create(int fd, uint64_t at, uint64_t size,
                                   const struct sigv4_chain *chain)
{
    struct s3_chunks *chunks = malloc(sizeof *chunks);

    if (!chunks)
        return NULL;
    chunks->fd = fd;
    chunks->at = at;
    chunks->size = size;
    chunks->first = *chain;
    return chunks;
}

void s3_chunks_destroy(struct s3_chunks *chunks)
{
    if (!chunks)
        return;
    explicit_bzero(&chunks->first, sizeof chunks->first);
    explicit_bzero(&chunks->chain, sizeof chunks->chain);
    free(chunks);
}

static uint64_t length_of(size_t n)
{
    return (uint64_t)snprintf(NULL, 0, "%zx", n) + MARK + n + 2;
}

uint64_t s3_chunks_length(uint64_t size)
{
    uint64_t rest = size % CHUNK;

    return size / CHUNK * length_of(CHUNK) + (rest > 0 ? length_of((size_t)rest) : 0) +
           length_of(0);
}

static bool read_all(int fd, unsigned char *to, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t done = pread(fd, to, n, (off_t)at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        to += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return true;
}

/* The next one, with its head right before its bytes; after all bytes it is an empty one. */
static bool load(struct s3_chunks *chunks)
{
    uint64_t left = chunks->size - chunks->taken;
    size_t n = left < CHUNK ? (size_t)left : CHUNK;
    unsigned char *data = chunks->text + HEAD_MAX;
    char head[HEAD_MAX];
    int n_head;

    if (!read_all(chunks->fd, data, n, chunks->at + chunks->taken) ||
        !sigv4_chain_next(&chunks->chain, data, n))
        return false;
    n_head = snprintf(head, sizeof head, HEAD_FMT, n, chunks->chain.last);
    chunks->from = HEAD_MAX - (size_t)n_head;
    chunks->to = HEAD_MAX + n + 2;
    memcpy(chunks->text + chunks->from, head, (size_t)n_head);
    memcpy(data + n, "\r\n", 2);
    chunks->taken += n;
    return true;
}

ssize_t s3_chunks_read(void *cls, uint64_t at, char *to, size_t n)
{
    struct s3_chunks *chunks = cls;
    size_t have;

    if (at == 0) {
        chunks->chain = chunks->first;
        chunks->taken = chunks->told = 0;
        chunks->from = chunks->to = 0;
    }
    if (at != chunks->told || (chunks->from == chunks->to && !load(chunks)))
        return -1;
    have = chunks->to - chunks->from;
    if (n > have)
        n = have;
    memcpy(to, chunks->text + chunks->from, n);
    chunks->from += n;
    chunks->told += n;
    return (ssize_t)n;
}
