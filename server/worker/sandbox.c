/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "sandbox.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* HDF5, libzip and the worker's own files need a dozen; the inputs come on top. */
#define FILES_MAX 64

#ifdef KF_SANITIZED
#define RELAXED true
#else
#define RELAXED false
#endif

static int set_limit(__rlimit_resource_t what, uint64_t soft, uint64_t hard)
{
    const struct rlimit limit = {soft, hard};

    return setrlimit(what, &limit);
}

/* The inputs lie side by side. */
static uint64_t count_inputs(void)
{
    uint64_t n = 0;

    while (n < JOB_INPUTS_MAX && fcntl(JOB_INPUT_FD + (int)n, F_GETFD) >= 0)
        n++;
    return n;
}

int sandbox_limit(const struct job_limits *limits)
{
    const uint64_t files = FILES_MAX + count_inputs();
    int bad = set_limit(RLIMIT_CORE, 0, 0);

    signal(SIGXFSZ, SIG_IGN); /* write() then says EFBIG, which becomes a report */
    if (limits->file_size > 0)
        bad |= set_limit(RLIMIT_FSIZE, limits->file_size, limits->file_size);
    /* At the soft limit SIGXCPU ends the worker; the hard one is for who ignores that. */
    if (limits->cpu > 0)
        bad |= set_limit(RLIMIT_CPU, limits->cpu, (uint64_t)limits->cpu + 1);
    if (RELAXED)
        return bad; /* a sanitizer maps terabytes, and opens files of its own */
    if (limits->memory > 0)
        bad |= set_limit(RLIMIT_AS, limits->memory, limits->memory);
    bad |= set_limit(RLIMIT_NOFILE, files, files);
    bad |= set_limit(RLIMIT_NPROC, 0, 0);
    return bad;
}

int sandbox_follow(int parent)
{
    if (parent == 0)
        return 0;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -1;
    return getppid() == parent ? 0 : -1;
}

/*
 * Where the kernel has no Landlock: make the folder the root of all paths, by the rights of root or
 * of a user namespace of its own. Capabilities are dropped after it, so there is no way back.
 * Without a folder "/" is it, which only tells whether it can be done.
 */
static bool enter_root(int folder)
{
    if ((folder < 0 ? chdir("/") : fchdir(folder)) < 0)
        return false;
    if (chroot(".") == 0)
        return true;
    return unshare(CLONE_NEWUSER) == 0 && chroot(".") == 0;
}

/* A service that runs as root must not hand that on. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    syscall(SYS_capset, &head, none);
}

int sandbox_enter(struct sandbox *out, enum sandbox_mode mode, int folder)
{
    *out = (struct sandbox){.relaxed = RELAXED};
    umask(077);
    if (mode == SANDBOX_OFF)
        return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
        out->landlock = sandbox_landlock(folder, RELAXED);
        out->root = out->landlock == 0 && !RELAXED && enter_root(folder);
        drop_capabilities();
        if (!RELAXED)
            prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        out->seccomp = !RELAXED && sandbox_seccomp();
    }
    return mode == SANDBOX_REQUIRE && sandbox_missing(out)[0] != '\0' ? -1 : 0;
}

const char *sandbox_level(const struct sandbox *sandbox)
{
    static char level[64];

    if (sandbox->landlock > 0)
        snprintf(level, sizeof level, "landlock-%d%s", sandbox->landlock,
                 sandbox->seccomp   ? "+seccomp"
                 : sandbox->relaxed ? "+sanitizers"
                                    : "");
    else
        snprintf(level, sizeof level, "%s%s%s", sandbox->root ? "chroot" : "",
                 sandbox->root && sandbox->seccomp ? "+" : "",
                 sandbox->seccomp ? "seccomp"
                 : sandbox->root  ? ""
                                  : "none");
    return level;
}

const char *sandbox_missing(const struct sandbox *sandbox)
{
    bool landlock = sandbox->landlock > 0, seccomp = sandbox->seccomp || sandbox->relaxed;

    if (landlock && seccomp)
        return "";
    if (landlock)
        return "seccomp";
    return seccomp ? "landlock" : "landlock, seccomp";
}
