/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "worker_wait.h"
#include "../worker/order_wait.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Another process, and the socket to it. `pid` is 0 for none. */
struct peer {
    pid_t pid;
    int socket;
};

/* Of a thread, and not of the service: a worker dies with the thread that started it. */
static _Thread_local struct peer forking, waiting;

/* What goes to one of them at once. */
struct message {
    char words[ORDER_WORDS_SIZE]; /* argv, each with its NUL */
    size_t n_words;
    int fds[ORDER_FDS_MAX];
    size_t n_fds;
};

static void end(struct peer *peer)
{
    if (peer->pid <= 0)
        return;
    close(peer->socket);
    kill(peer->pid, SIGKILL);
    while (waitpid(peer->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    peer->pid = 0;
}

void worker_renew(void)
{
    end(&forking);
}

void worker_dismiss(void)
{
    end(&waiting);
    end(&forking);
}

static bool add_words(struct message *message, char *const *argv)
{
    for (; *argv; argv++) {
        const size_t n = strlen(*argv) + 1;

        if (n > sizeof message->words - message->n_words)
            return false;
        memcpy(message->words + message->n_words, *argv, n);
        message->n_words += n;
    }
    return true;
}

/* The worker finds the inputs at the numbers that follow 2, as they come in this order. */
static bool add_fds(struct message *message, const struct launch *launch, int said, int dir)
{
    if (launch->n_inputs > ORDER_FDS_MAX - 2)
        return false;
    for (size_t i = 0; i < launch->n_inputs; i++)
        message->fds[message->n_fds++] = launch->inputs[i].fd;
    message->fds[message->n_fds++] = said;
    message->fds[message->n_fds++] = dir;
    return true;
}

static bool send_message(int to, struct message *message)
{
    const size_t size = message->n_fds * sizeof *message->fds;
    struct iovec words = {message->words, message->n_words};
    union {
        struct cmsghdr head; /* aligns */
        char bytes[CMSG_SPACE(sizeof message->fds)];
    } control = {0};
    struct msghdr header = {.msg_iov = &words,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);

    *rights = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(rights), message->fds, size);
    return sendmsg(to, &header, MSG_NOSIGNAL) == (ssize_t)message->n_words;
}

static bool start_forking(void)
{
    int ends[2];

    if (forking.pid > 0)
        return true;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return false;
    forking = (struct peer){worker_spawn_forking(ends[1]), ends[0]};
    close(ends[1]);
    if (forking.pid > 0)
        return true;
    close(ends[0]);
    forking.pid = 0;
    return false;
}

/* A worker whose order will come by `orders`, -1 for none. False when nobody answers. */
static bool fork_worker(int orders, pid_t *out)
{
    struct message message = {.n_words = 1, .fds = {orders}, .n_fds = 1};
    ssize_t n;

    if (!send_message(forking.socket, &message))
        return false;
    do
        n = read(forking.socket, out, sizeof *out);
    while (n < 0 && errno == EINTR);
    return n == sizeof *out;
}

void worker_ready(void)
{
    bool answered;
    int ends[2];

    if (waiting.pid > 0 || !start_forking() ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return;
    waiting.socket = ends[0];
    answered = fork_worker(ends[1], &waiting.pid);
    close(ends[1]);
    if (answered && waiting.pid > 0)
        return;
    close(ends[0]);
    waiting.pid = 0;
    if (!answered)
        end(&forking);
}

pid_t worker_hand_over(const struct launch *launch, int said)
{
    struct message message = {.n_words = 0};
    const pid_t pid = waiting.pid;
    bool sent = false;
    int dir;

    if (pid <= 0)
        return -1;
    dir = open(launch->dir ? launch->dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        sent = add_words(&message, launch->argv) && add_fds(&message, launch, said, dir) &&
               send_message(waiting.socket, &message);
        close(dir);
    }
    if (!sent) {
        end(&waiting);
        return -1;
    }
    close(waiting.socket);
    waiting.pid = 0;
    return pid;
}
