/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "server/worker/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * escape
 *
 * Started in a folder that holds the file "mine" and the link "link_out", with "secret" and the
 * folder "other" beside it. What code that has taken over a worker could try: each attempt is made
 * by a process of its own, from inside the sandbox of a job's folder (that one), against this
 * process and the machine. A line says how it ended: "NAME killed", "NAME denied ERROR" or "NAME
 * done". The first line is the level of the sandbox.
 */
static pid_t victim; /* a process of the same user, outside */
static int pipe_end; /* a pipe that the victim reads, as a worker has one for what it says */

/* An attempt returns -1 with errno, or what is no -1 when it did what must not be. */
typedef long attempt(void);

/* With a root of its own "/" and ".." are the job's folder, which it may see. */
static long list_outside(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY);

    if (fd < 0 || faccessat(fd, "mine", F_OK, 0) < 0)
        return fd;
    errno = ENOENT;
    return -1;
}

static long memory_file(void)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/mem", (int)victim);
    return open(path, O_RDWR);
}

static long environment_file(void)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/environ", (int)victim);
    return open(path, O_RDONLY);
}

static long socket_pair(void)
{
    int both[2];

    return socketpair(AF_UNIX, SOCK_STREAM, 0, both);
}

static long process_exec(void)
{
    char *const argv[] = {(char[]){"true"}, NULL};

    return execv("/bin/true", argv);
}

static long process_exec_own(void)
{
    char *const argv[] = {(char[]){"mine"}, NULL};

    return syscall(SYS_execveat, AT_FDCWD, "mine", argv, NULL, 0);
}

/* The kernel sends what F_SETSIG says when the reader of the pipe takes bytes. */
static long signal_by_pipe_group(void)
{
    struct f_owner_ex owner = {F_OWNER_PID, victim};

    return fcntl(pipe_end, F_SETOWN_EX, &owner);
}

static long memory_turned_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static long kernel_io_uring(void)
{
    char parameters[120] = {0};

    return syscall(SYS_io_uring_setup, 4, parameters);
}

static long kernel_aio(void)
{
    unsigned long context = 0;

    return syscall(SYS_io_setup, 1, &context);
}

static long kernel_bpf(void)
{
    union bpf_attr attr = {
        .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

    return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
}

static long kernel_perf(void)
{
    struct perf_event_attr attr = {.size = sizeof attr, .exclude_kernel = 1};

    return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static long rights_limits(void)
{
    const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

    return setrlimit(RLIMIT_AS, &limit);
}

static long rights_limits_of_others(void)
{
    const struct rlimit limit = {0, 0};

    return prlimit(victim, RLIMIT_CPU, &limit, NULL);
}

#define KF_ESCAPE(name, what)                                                                      \
    static long try_##name(void)                                                                   \
    {                                                                                              \
        return what;                                                                               \
    }
#include "escape.def"
#undef KF_ESCAPE

static const struct {
    const char *name;
    attempt *make;
} attempts[] = {
#define KF_ESCAPE(name, what) {#name, try_##name},
#include "escape.def"
#undef KF_ESCAPE
};

#define DONE    200 /* exit statuses of a process that tried; below is the error */
#define OUTSIDE 201

static int enter(struct sandbox *sandbox)
{
    const struct job_limits none = {0};
    int folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int status = folder < 0 || sandbox_limit(&none) < 0
                     ? -1
                     : sandbox_enter(sandbox, SANDBOX_PREFER, folder);

    if (folder >= 0)
        close(folder);
    return status;
}

static void try_it(attempt *make)
{
    struct sandbox sandbox;

    if (enter(&sandbox) < 0)
        _exit(OUTSIDE);
    _exit(make() == -1 ? errno : DONE);
}

static void say(const char *name, int status)
{
    if (WIFSIGNALED(status))
        printf("%s %s\n", name,
               WTERMSIG(status) == SIGSYS ? "killed" : strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == DONE || WEXITSTATUS(status) == OUTSIDE)
        printf("%s %s\n", name, WEXITSTATUS(status) == DONE ? "done" : "not inside");
    else
        printf("%s denied %s\n", name, strerrorname_np(WEXITSTATUS(status)));
}

static int run(attempt *make)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0)
        try_it(make);
    waitpid(pid, &status, 0);
    return status;
}

static void print_level(void)
{
    struct sandbox sandbox;

    fflush(stdout);
    if (fork() == 0) {
        if (enter(&sandbox) == 0)
            dprintf(STDOUT_FILENO, "%s\n", sandbox_level(&sandbox));
        _exit(0);
    }
    wait(NULL);
}

/* A process that reads a pipe until it is ended. */
static pid_t start_victim(int *end)
{
    int both[2];
    char byte;
    pid_t pid;

    if (pipe(both) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        close(both[1]);
        while (read(both[0], &byte, 1) > 0)
            continue;
        _exit(0);
    }
    close(both[0]);
    *end = both[1];
    return pid;
}

int main(void)
{
    int status;

    victim = start_victim(&pipe_end);
    if (victim < 0)
        return 1;
    print_level();
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        say(attempts[i].name, run(attempts[i].make));
    /* It is as well as it was, whatever they tried. */
    status = waitpid(victim, NULL, WNOHANG) == 0 ? 0 : 1;
    kill(victim, SIGKILL);
    return status;
}
