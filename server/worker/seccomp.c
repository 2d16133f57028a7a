/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Stands in the rules for the process ID, which the worker alone knows; larger than any. */
#define OWN_PID INT32_MAX

/*
 * The system calls of a conversion: what glibc, HDF5, libzip and Jansson may call; every test of
 * the programs runs under this list. Everything else kills the worker with SIGSYS: sockets,
 * execve, new processes and threads, ptrace, signals to others, mounts, keys, io_uring. Which
 * files openat() reaches is Landlock's matter. Names that an architecture lacks are left out.
 */
static const char *const allowed[] = {
    /* bytes of open files */
    "read",
    "pread64",
    "readv",
    "preadv",
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "lseek",
    "_llseek",
    "close",
    "fsync",
    "fdatasync",
    "ftruncate",
    "ftruncate64",
    "fallocate",
    "flock",
    "fadvise64",
    "copy_file_range",
    "sync_file_range",
    "sync_file_range2", /* its name on some architectures */
    "dup",
    "dup2",
    "dup3",
    "fchmod",
    /* names and attributes */
    "open",
    "openat",
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "fstat",
    "fstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "getdents64",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "umask",
    /* memory */
    "brk",
    "munmap",
    "mremap",
    "madvise",
    /* the process itself */
    "getpid",
    "gettid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "futex",
    "sched_yield",
    "restart_syscall",
    "getrusage",
    "times",
    "exit",
    "exit_group",
    /* the machine */
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "clock_nanosleep",
    "nanosleep",
    "getrandom",
    "uname",
    "sysinfo",
    "sched_getaffinity",
    "getcpu",
};

/* Calls that a library tries and can do without. HDF5 and stdio ask whether a file is a terminal;
 * Landlock does not cover the modes and times of files. */
static const struct {
    const char *name;
    int error;
} answered[] = {
    {"ioctl", ENOTTY},     {"chmod", EPERM},       {"fchmodat", EPERM},  {"utimensat", EPERM},
    {"mkdir", EPERM},      {"mkdirat", EPERM},     {"statfs", ENOSYS},   {"rseq", ENOSYS},
    {"getxattr", ENOTSUP}, {"fgetxattr", ENOTSUP}, {"prlimit64", EPERM}, {"getrlimit", EPERM},
};

/* What fcntl() may do. Not F_SETOWN, by which a pipe sends signals to other processes, nor F_SETFL,
 * whose O_ASYNC makes it. */
static const int file_commands[] = {
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,  F_SETFD,     F_GETFL,
    F_GETLK, F_SETLK,         F_SETLKW, F_OFD_GETLK, F_OFD_SETLK,
};

static bool add_lists(scmp_filter_ctx filter)
{
    int bad = 0;

    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        int nr = seccomp_syscall_resolve_name(allowed[i]);

        if (nr != __NR_SCMP_ERROR)
            bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 0);
    }
    for (size_t i = 0; i < sizeof answered / sizeof answered[0]; i++) {
        int nr = seccomp_syscall_resolve_name(answered[i].name);

        if (nr != __NR_SCMP_ERROR)
            bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned)answered[i].error), nr, 0);
    }
    return bad == 0;
}

static bool add_fcntl(scmp_filter_ctx filter)
{
    static const char *const calls[] = {"fcntl", "fcntl64"};
    int bad = 0;

    for (size_t i = 0; i < 2 * sizeof file_commands / sizeof file_commands[0]; i++) {
        /* of 32 bits, whatever stands above them in the register */
        const struct scmp_arg_cmp command =
            SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)file_commands[i / 2]);
        int nr = seccomp_syscall_resolve_name(calls[i % 2]);

        if (nr != __NR_SCMP_ERROR)
            bad |= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, nr, 1, &command);
    }
    return bad == 0;
}

/* What depends on an argument: no memory becomes code, and abort() reaches this process only. */
static bool add_conditional(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, OWN_PID, 0);
    int bad = 0;

    bad |= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_exec);
    bad |= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_exec);
    bad |= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &self);
    return bad == 0 && add_fcntl(filter);
}

static struct sock_fprog *prepared; /* of sandbox_prepare(), with OWN_PID in it */

static struct sock_fprog *read_program(int file)
{
    const off_t size = lseek(file, 0, SEEK_END);
    struct sock_fprog *program = size > 0 ? malloc(sizeof *program + (size_t)size) : NULL;

    if (!program)
        return NULL;
    program->filter = (struct sock_filter *)(program + 1);
    program->len = (unsigned short)((size_t)size / sizeof *program->filter);
    if (pread(file, program->filter, (size_t)size, 0) == size)
        return program;
    free(program);
    return NULL;
}

/* The rules as the kernel takes them; NULL when they cannot be had. */
static struct sock_fprog *compile(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    struct sock_fprog *program = NULL;
    int file = -1;

    if (filter && add_lists(filter) && add_conditional(filter))
        file = memfd_create("filter", MFD_CLOEXEC);
    if (file >= 0 && seccomp_export_bpf(filter, file) == 0)
        program = read_program(file);
    if (file >= 0)
        close(file);
    seccomp_release(filter);
    return program;
}

void sandbox_prepare(void)
{
    if (!prepared)
        prepared = compile();
}

/* The process ID is compared in one place. */
static bool set_own_pid(struct sock_fprog *program)
{
    unsigned n = 0;

    for (unsigned i = 0; i < program->len; i++)
        if (program->filter[i].k == OWN_PID) {
            program->filter[i].k = (unsigned)getpid();
            n++;
        }
    return n == 1;
}

bool sandbox_seccomp(void)
{
    sandbox_prepare();
    return prepared && set_own_pid(prepared) &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, prepared) == 0;
}
