/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "fork_server.h"
#include "../jobs/job.h"
#include "order_wait.h"
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* fork(), and the child is one of our parent's; glibc has no function for that. */
static pid_t fork_for_parent(void)
{
    return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* What the worker has that posix_spawn() gives others, and a name by which it is told from them. */
static bool stand_apart(void)
{
    const bool apart = setpgid(0, 0) == 0 && dup2(JOB_INPUT_FD, STDIN_FILENO) == STDIN_FILENO;

    close(JOB_INPUT_FD);
    prctl(PR_SET_NAME, "kferry-wait");
    return apart;
}

bool fork_server(void)
{
    char word[ORDER_WORDS_SIZE];
    size_t n_fds = 0;

    while (order_receive(word, &n_fds) > 0 && n_fds == 1) {
        const pid_t pid = fork_for_parent();

        if (pid == 0)
            return stand_apart();
        close(JOB_INPUT_FD);
        if (write(STDIN_FILENO, &pid, sizeof pid) != sizeof pid)
            break;
    }
    return false;
}
