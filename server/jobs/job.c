/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "job.h"
#include "../cli/exit_codes.h"
#include "../clock.h"
#include "progress.h"
#include "worker_start.h"
#include "worker_wait.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_BYTES_MAX (64 * 1024)
/* How often a worker's progress is looked at. */
#define LOOK_MS 500

/* A worker that runs. */
struct run {
    const struct job *job;
    pid_t pid;
    int pidfd, said, log; /* its end, what it says, where that is kept */
    size_t logged;
    int64_t began, deadline; /* clock_ms() */
    int64_t moved;           /* clock_ms() when it was last seen to make progress */
    uint64_t changes;        /* of its progress, then */
    enum job_outcome killed; /* why we killed it; JOB_DONE while we did not */
    bool hears;              /* whether what is read as its last words are its own */
    struct progress_end end; /* those, once it has told them */
};

/* The worker of this thread's last job, while it may not be gone; 0 for none. */
static _Thread_local pid_t unburied;

/* The whole group, though a sandboxed worker cannot have made one. */
static void kill_group(pid_t pid)
{
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
}

static void kill_worker(struct run *run, enum job_outcome why)
{
    if (run->killed != JOB_DONE)
        return;
    run->killed = why;
    kill_group(run->pid);
}

static int open_log(const char *dir)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/log", dir) >= (int)sizeof path)
        return -1;
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Keep what the worker says, up to a ceiling; read the rest too, or it would stop. */
static void read_said(struct run *run)
{
    char text[4096];
    ssize_t n = read(run->said, text, sizeof text);
    size_t keep = LOG_BYTES_MAX - run->logged;

    if (n <= 0) {
        if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            close(run->said);
            run->said = -1;
        }
        return;
    }
    if (keep > (size_t)n)
        keep = (size_t)n;
    if (keep > 0 && run->log < 0)
        run->log = open_log(run->job->dir); /* most say nothing */
    if (keep > 0 && run->log >= 0 && write(run->log, text, keep) != (ssize_t)keep)
        run->logged = LOG_BYTES_MAX;
    else
        run->logged += keep;
}

static bool looks_for_stalls(const struct run *run)
{
    return run->job->progress >= 0 && run->job->limits.stall_ms > 0;
}

/* How long to wait before the clock is to be looked at, in ms. */
static int time_left(const struct run *run)
{
    int64_t left = run->deadline - clock_ms();

    if (run->killed != JOB_DONE)
        return -1;
    if (looks_for_stalls(run) && left > LOOK_MS)
        left = LOOK_MS;
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* The clock's part: the deadline, and whether anything moves. */
static void look_at_clock(struct run *run)
{
    int64_t now = clock_ms();
    struct progress progress;

    if (now >= run->deadline)
        kill_worker(run, JOB_TIMEOUT);
    if (!looks_for_stalls(run))
        return;
    if (progress_read(run->job->progress, &progress) && progress.changes != run->changes) {
        run->changes = progress.changes;
        run->moved = now;
    }
    if (now - run->moved >= run->job->limits.stall_ms)
        kill_worker(run, JOB_STALLED);
}

/* Nothing more can come from a worker that says it has ended, and cannot say more. */
static bool has_told(struct run *run)
{
    return run->said < 0 && run->hears && run->killed == JOB_DONE &&
           progress_read_end(run->job->progress, &run->end);
}

/* Until the worker is gone, or as good as gone: then true. A descriptor of -1 is one that poll()
 * leaves out. */
static bool watch(struct run *run)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = run->pidfd, .events = POLLIN},
            {.fd = run->said, .events = POLLIN},
            {.fd = run->killed == JOB_DONE ? run->job->cancel_fd : -1, .events = POLLIN},
        };
        int n = poll(fds, 3, time_left(run));

        if (n < 0 && errno != EINTR)
            kill_worker(run, JOB_INTERNAL);
        look_at_clock(run);
        if (n <= 0)
            continue;
        if (fds[1].revents)
            read_said(run);
        if (fds[0].revents)
            return false;
        if (has_told(run))
            return true;
        if (fds[2].revents)
            kill_worker(run, JOB_CANCELLED);
    }
}

static enum job_outcome classify_exit(int status)
{
    static const struct {
        int status;
        enum job_outcome outcome;
    } exits[] = {
        {EXIT_FINE, JOB_DONE},          {EXIT_REFUSED, JOB_REFUSED},
        {EXIT_NO_MEMORY, JOB_MEMORY},   {EXIT_CANNOT_WRITE, JOB_CANNOT_WRITE},
        {EXIT_SANDBOX, JOB_NO_SANDBOX},
    };

    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
        if (exits[i].status == status)
            return exits[i].outcome;
    return JOB_INTERNAL;
}

static enum job_outcome classify(const struct run *run, int status, uint64_t cpu_ms)
{
    if (WIFEXITED(status))
        return classify_exit(WEXITSTATUS(status));
    switch (WTERMSIG(status)) {
    case SIGSYS:
        return JOB_VIOLATION;
    case SIGXCPU:
        return JOB_TIMEOUT;
    case SIGKILL:
        if (run->killed != JOB_DONE)
            return run->killed;
        /* The kernel kills at the hard limit of processor time; anybody else is no memory limit. */
        return run->job->limits.cpu && cpu_ms >= run->job->limits.cpu * UINT64_C(1000)
                   ? JOB_TIMEOUT
                   : JOB_CRASHED;
    default:
        return JOB_CRASHED;
    }
}

/* Take the worker's status; nobody else waits for it. */
static void reap(struct run *run, struct job_result *out)
{
    struct rusage usage = {0};
    int status = 0;
    pid_t pid;

    do
        pid = wait4(run->pid, &status, 0, &usage);
    while (pid < 0 && errno == EINTR);
    out->cpu_ms = clock_cpu_ms(&usage);
    out->max_rss = (uint64_t)usage.ru_maxrss * 1024;
    out->outcome = pid < 0 ? JOB_INTERNAL : classify(run, status, out->cpu_ms);
    out->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (out->signal != 0 && run->killed == JOB_DONE)
        worker_renew();
    out->wall_ms = (uint64_t)(clock_ms() - run->began);
}

/* It has only to give its memory back, for which nobody waits; whatever it does, it is the end. */
static void leave(const struct run *run, struct job_result *out)
{
    kill_group(run->pid);
    unburied = run->pid;
    out->cpu_ms = run->end.cpu_ms;
    out->max_rss = run->end.max_rss;
    out->outcome = classify_exit((int)run->end.status);
    out->wall_ms = (uint64_t)(clock_ms() - run->began);
}

void job_bury(void)
{
    while (unburied > 0 && waitpid(unburied, NULL, 0) < 0 && errno == EINTR)
        continue;
    unburied = 0;
}

/* After the worker's end the pipe is read empty: the last words matter most. */
static void finish(struct run *run)
{
    if (run->said >= 0)
        fcntl(run->said, F_SETFL, O_NONBLOCK);
    for (size_t before = run->logged + 1; run->said >= 0 && before != run->logged;) {
        before = run->logged;
        read_said(run);
    }
    if (run->said >= 0)
        close(run->said);
    if (run->log >= 0)
        close(run->log);
    if (run->pidfd >= 0)
        close(run->pidfd);
}

void job_run(const struct job *job, struct job_result *out)
{
    struct run run = {.job = job, .pidfd = -1, .said = -1, .log = -1, .began = clock_ms()};

    *out = (struct job_result){.outcome = JOB_INTERNAL};
    job_bury();
    run.hears = job->progress >= 0 && progress_clear_end(job->progress);
    run.deadline = run.began + job->limits.deadline_ms;
    run.moved = run.began;
    run.pid = worker_start(job, &run.said);
    if (run.pid < 0)
        return;
    out->pid = run.pid;
    run.pidfd = pidfd_open(run.pid, 0);
    if (run.pidfd < 0)
        kill_worker(&run, JOB_INTERNAL);
    if (run.pidfd >= 0 && watch(&run))
        leave(&run, out);
    else
        reap(&run, out);
    finish(&run);
}
