/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "sandbox.h"
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Landlock by its system calls, because the headers of Debian 12 end at version 2 of the interface
 * and glibc has no wrappers.
 *
 * Source: Documentation/userspace-api/landlock.rst, include/uapi/linux/landlock.h (Linux 6.12)
 */
struct ruleset {
    uint64_t fs, net, scoped;
};

struct beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

#define VERSION_FLAG UINT32_C(1)
#define RULE_BENEATH 1

#define FS_WRITE_FILE  (UINT64_C(1) << 1)
#define FS_READ_FILE   (UINT64_C(1) << 2)
#define FS_READ_DIR    (UINT64_C(1) << 3)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_REG    (UINT64_C(1) << 8)
#define FS_TRUNCATE    (UINT64_C(1) << 14)
#define FS_EXECUTE     (UINT64_C(1) << 0)
#define FS_READ        (FS_READ_FILE | FS_READ_DIR | FS_EXECUTE)
#define FS_IN_FOLDER                                                                               \
    (FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE)

/* Everything that a version can take away, and how long its struct is. */
static const struct version {
    struct ruleset all;
    size_t size;
} versions[] = {
    {{0, 0, 0}, 0},       {{0x1fff, 0, 0}, 8}, /* 1: files and folders */
    {{0x3fff, 0, 0}, 8},                       /* 2: links and renames between folders */
    {{0x7fff, 0, 0}, 8},                       /* 3: truncation */
    {{0x7fff, 3, 0}, 16},                      /* 4: TCP */
    {{0xffff, 3, 0}, 16},                      /* 5: ioctl of devices */
    {{0xffff, 3, 3}, 24},                      /* 6: signals and abstract sockets to the outside */
};
#define NEWEST ((int)(sizeof versions / sizeof versions[0]) - 1)

static int add_rule(int ruleset, int folder, uint64_t allowed)
{
    const struct beneath rule = {allowed, folder};

    return (int)syscall(SYS_landlock_add_rule, ruleset, RULE_BENEATH, &rule, 0);
}

/* A sanitizer reads /proc and starts a symbolizer: there it may read everything. */
static int add_rules(int ruleset, const struct version *v, int folder, bool relaxed)
{
    int status = 0;

    if (folder >= 0)
        status |= add_rule(ruleset, folder, v->all.fs & FS_IN_FOLDER);
    if (relaxed) {
        int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

        status |= add_rule(ruleset, root, v->all.fs & FS_READ);
        close(root);
    }
    return status;
}

int sandbox_landlock(int folder, bool relaxed)
{
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG), ruleset;
    bool ok;

    if (version <= 0)
        return 0;
    if (version > NEWEST)
        version = NEWEST; /* later ones have been about logging */
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &versions[version].all,
                           versions[version].size, 0);
    if (ruleset < 0)
        return 0;
    ok = add_rules(ruleset, &versions[version], folder, relaxed) == 0 &&
         syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    close(ruleset);
    return ok ? version : 0;
}
