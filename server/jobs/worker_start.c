/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "worker_start.h"
#include "worker_wait.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKER "kferry-worker"

/* Where a new process has its standard input, output and error; -1 for nowhere. */
struct streams {
    int in, said;
};

static const char *const tasks[] = {"convert", "plan", "inspect", "list", "diff"};
static const char *const modes[] = {
    [SANDBOX_PREFER] = "prefer", [SANDBOX_REQUIRE] = "require", [SANDBOX_OFF] = "off"};

/* Beside this program, as in a build folder, or where it was installed. Never from PATH. */
static bool find_worker(char path[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof WORKER);
    char *slash;

    if (n > 0) {
        path[n] = '\0';
        slash = strrchr(path, '/');
        memcpy(slash + 1, WORKER, sizeof WORKER);
        if (access(path, X_OK) == 0)
            return true;
    }
    return snprintf(path, PATH_MAX, "%s", KF_LIBEXECDIR "/" WORKER) < PATH_MAX &&
           access(path, X_OK) == 0;
}

static int set_stream(posix_spawn_file_actions_t *actions, int from, int to)
{
    return from < 0 ? posix_spawn_file_actions_addopen(actions, to, "/dev/null", O_RDWR, 0)
                    : posix_spawn_file_actions_adddup2(actions, from, to);
}

/* What a new process does before it becomes the worker. `inputs` stand above where they go. */
static int set_actions(posix_spawn_file_actions_t *actions, const struct launch *launch,
                       const int *inputs, struct streams streams)
{
    int bad = set_stream(actions, streams.in, 0);

    bad |= set_stream(actions, streams.said, 1);
    bad |= set_stream(actions, streams.said, 2);
    for (size_t i = 0; i < launch->n_inputs; i++)
        bad |= posix_spawn_file_actions_adddup2(actions, inputs[i], JOB_INPUT_FD + (int)i);
    bad |= posix_spawn_file_actions_addclosefrom_np(actions, JOB_INPUT_FD + (int)launch->n_inputs);
    if (launch->dir)
        bad |= posix_spawn_file_actions_addchdir_np(actions, launch->dir);
    return bad;
}

/* Threads of the service block and ignore signals; the worker begins with the defaults. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    int bad;

    sigemptyset(&none);
    sigfillset(&all);
    bad = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                   POSIX_SPAWN_SETSIGDEF);
    bad |= posix_spawnattr_setpgroup(attributes, 0);
    bad |= posix_spawnattr_setsigmask(attributes, &none);
    bad |= posix_spawnattr_setsigdefault(attributes, &all);
    return bad;
}

static pid_t spawn(const struct launch *launch, const int *inputs, struct streams streams)
{
    static char *const no_environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char path[PATH_MAX];
    pid_t pid = -1;
    int error = ENOENT;

    if (!find_worker(path)) {
        errno = ENOENT;
        return -1;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    error = set_actions(&actions, launch, inputs, streams) | set_attributes(&attributes);
    if (error == 0)
        error = posix_spawn(&pid, path, &actions, &attributes, launch->argv, no_environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = error;
    return error == 0 ? pid : -1;
}

/* Spawn with copies of the inputs that lie where no descriptor of the worker's will. */
static pid_t spawn_with_inputs(const struct launch *launch, int said)
{
    int *copies = calloc(launch->n_inputs + 1, sizeof *copies), error;
    pid_t pid = -1;
    size_t n = 0;

    for (; copies && n < launch->n_inputs; n++) {
        copies[n] =
            fcntl(launch->inputs[n].fd, F_DUPFD_CLOEXEC, JOB_INPUT_FD + (int)launch->n_inputs);
        if (copies[n] < 0)
            break;
    }
    if (copies && n == launch->n_inputs)
        pid = spawn(launch, copies, (struct streams){-1, said});
    error = errno;
    while (n-- > 0)
        close(copies[n]);
    free(copies);
    errno = error;
    return pid;
}

pid_t worker_spawn_forking(int asked)
{
    char *const argv[] = {(char[]){WORKER}, (char[]){"fork"}, NULL};
    const struct launch launch = {.argv = argv, .dir = "/"};

    return spawn(&launch, NULL, (struct streams){asked, -1});
}

/* Start with a pipe for what it says, or hand over to one that was started before. */
static pid_t start(const struct launch *launch, int *said_out)
{
    int said[2];
    pid_t pid;

    if (pipe2(said, O_CLOEXEC) < 0)
        return -1;
    pid = worker_hand_over(launch, said[1]);
    if (pid < 0)
        pid = spawn_with_inputs(launch, said[1]);
    close(said[1]);
    if (pid < 0)
        close(said[0]);
    else
        *said_out = said[0];
    return pid;
}

pid_t worker_start(const struct job *job, int *said_out)
{
    char parent[16], memory[24], file_size[24], cpu[16], mode[16], task[16];
    char *argv[] = {(char[]){WORKER}, task, mode, parent, memory, file_size, cpu, NULL};
    const struct launch launch = {argv, job->dir, job->inputs, job->n_inputs};

    snprintf(task, sizeof task, "%s", tasks[job->task]);
    snprintf(mode, sizeof mode, "%s", modes[job->sandbox]);
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    snprintf(memory, sizeof memory, "%" PRIu64, job->limits.memory);
    snprintf(file_size, sizeof file_size, "%" PRIu64, job->limits.file_size);
    snprintf(cpu, sizeof cpu, "%u", job->limits.cpu);
    return start(&launch, said_out);
}

json_t *job_probe(enum sandbox_mode mode, int *exit_out)
{
    char word[16], text[1024], *argv[] = {(char[]){WORKER}, (char[]){"probe"}, word, NULL};
    const struct launch launch = {.argv = argv, .dir = "/"};
    size_t n = 0;
    ssize_t got;
    int said, status = -1;
    pid_t pid;

    snprintf(word, sizeof word, "%s", modes[mode]);
    pid = start(&launch, &said);
    if (pid < 0)
        return NULL;
    while (n < sizeof text - 1 && (got = read(said, text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)got;
    close(said);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    *exit_out = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return json_loadb(text, n, 0, NULL);
}
