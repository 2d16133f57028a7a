/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * without landlock|root PROGRAM ARGUMENT...
 *
 * Run a program as on a kernel that has no Landlock, or neither that nor a way to another root.
 */
static int take_away(scmp_filter_ctx filter, const char *const *names)
{
    int bad = 0;

    for (; *names; names++)
        bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                                seccomp_syscall_resolve_name(*names), 0);
    return bad;
}

int main(int argc, char **argv)
{
    static const char *const landlock[] = {"landlock_create_ruleset", "landlock_add_rule",
                                           "landlock_restrict_self", NULL};
    static const char *const root[] = {"chroot", "unshare", NULL};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    if (argc < 3 || !filter || take_away(filter, landlock) != 0)
        return 64;
    if (strcmp(argv[1], "root") == 0 && take_away(filter, root) != 0)
        return 64;
    if (seccomp_load(filter) != 0)
        return 77;
    seccomp_release(filter);
    execv(argv[2], argv + 2);
    return 127;
}
