/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "order_wait.h"
#include "../jobs/job.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t order_receive(char words[ORDER_WORDS_SIZE], size_t *n_out)
{
    struct iovec piece = {words, ORDER_WORDS_SIZE};
    union {
        struct cmsghdr head; /* aligns */
        char bytes[CMSG_SPACE(ORDER_FDS_MAX * sizeof(int))];
    } control;
    struct msghdr header = {.msg_iov = &piece,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof control};
    const struct cmsghdr *rights;
    int fds[ORDER_FDS_MAX];
    ssize_t n;

    do
        n = recvmsg(STDIN_FILENO, &header, 0);
    while (n < 0 && errno == EINTR);
    rights = n > 0 ? CMSG_FIRSTHDR(&header) : NULL;
    if (n <= 0 || !rights || header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        return n == 0 ? 0 : -1;
    *n_out = (rights->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
    memcpy(fds, CMSG_DATA(rights), *n_out * sizeof *fds);
    for (size_t i = 0; i < *n_out; i++)
        if (fds[i] != JOB_INPUT_FD + (int)i)
            return -1;
    return n;
}

/* The last two descriptors are where it speaks and where it works. */
static bool settle(size_t n_fds)
{
    const int said = JOB_INPUT_FD + (int)n_fds - 2, folder = said + 1;
    int null;

    if (n_fds < 2 || fchdir(folder) < 0 || dup2(said, STDOUT_FILENO) < 0 ||
        dup2(said, STDERR_FILENO) < 0)
        return false;
    close(said);
    close(folder);
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        return false;
    close(null);
    prctl(PR_SET_NAME, "kferry-worker");
    return true;
}

bool order_comes_in(int ms)
{
    struct pollfd orders = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&orders, 1, ms) != 0;
}

int order_wait(char *argv[ORDER_WORDS_MAX + 1])
{
    static char words[ORDER_WORDS_SIZE];
    size_t n_fds = 0;
    const ssize_t size = order_receive(words, &n_fds);
    int n = 0;

    if (size <= 0)
        return (int)size;
    if (words[size - 1] != '\0' || !settle(n_fds))
        return -1;
    for (const char *end = words + size, *word = words; word < end && n < ORDER_WORDS_MAX;
         word += strlen(word) + 1)
        argv[n++] = (char *)word;
    argv[n] = NULL;
    return n;
}
