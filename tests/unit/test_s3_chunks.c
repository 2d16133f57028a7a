/* SPDX-License-Identifier: Apache-2.0
 *
 * A file as chunks: how long they are, what stands in them, and that they can be had again.
 */
#include "remote/s3_chunks.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define CHUNK      ((size_t)256 * 1024)
#define BEFORE     ((size_t)10) /* bytes of the file before those that go */
#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

static const struct sigv4_chain chain = {
    .time = "20130524T000000Z", .scope = "20130524/us-east-1/s3/aws4_request", .last = "0"};

static int make_file(char *bytes, size_t n)
{
    int fd = memfd_create("chunks", MFD_CLOEXEC);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, (off_t)BEFORE), n);
    return fd;
}

static char *read_body(struct s3_chunks *chunks, size_t n, size_t step)
{
    char *body = malloc(n);

    assert_non_null(body);
    for (size_t at = 0; at < n;) {
        ssize_t got = s3_chunks_read(chunks, at, body + at, n - at < step ? n - at : step);

        assert_true(got > 0);
        at += (size_t)got;
    }
    return body;
}

/* Heads, bytes and signatures, each of the chunk that it stands before. */
static void check_body(const char *body, size_t n_body, const char *bytes, size_t n)
{
    struct sigv4_chain expected = chain;
    const char *at = body;

    for (size_t done = 0, size = 1; size > 0; done += size) {
        char head[128];

        size = n - done < CHUNK ? n - done : CHUNK;
        assert_true(sigv4_chain_next(&expected, bytes + done, size));
        snprintf(head, sizeof head, "%zx;chunk-signature=%s\r\n", size, expected.last);
        assert_memory_equal(at, head, strlen(head));
        at += strlen(head);
        assert_memory_equal(at, bytes + done, size);
        assert_memory_equal(at + size, "\r\n", 2);
        at += size + 2;
    }
    assert_int_equal(at - body, n_body);
}

static void all_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5};
    static char bytes[4 * CHUNK];

    (void)state;
    for (size_t i = 0; i < N_OF(sizes); i++) {
        size_t n = sizes[i], n_body = (size_t)s3_chunks_length(n);
        int fd = make_file(bytes, n);
        struct s3_chunks *chunks = s3_chunks_create(fd, BEFORE, n, &chain);
        char *body = read_body(chunks, n_body, 1000);
        char *again = read_body(chunks, n_body, SIZE_MAX);

        check_body(body, n_body, bytes, n);
        assert_memory_equal(again, body, n_body);
        free(body);
        free(again);
        s3_chunks_destroy(chunks);
        close(fd);
    }
}

static void file_that_is_shorter(void **state)
{
    static char bytes[100];
    char to[200];
    int fd = make_file(bytes, sizeof bytes);
    struct s3_chunks *chunks = s3_chunks_create(fd, BEFORE, sizeof bytes + 1, &chain);

    (void)state;
    assert_int_equal(s3_chunks_read(chunks, 0, to, sizeof to), -1);
    s3_chunks_destroy(chunks);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(file_that_is_shorter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
