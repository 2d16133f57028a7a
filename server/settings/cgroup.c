/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cgroup.h"
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The cgroup of this process, "/system.slice/kferry.service"; "" where there is none. */
static void read_own(char path[PATH_MAX], const char *root)
{
    char name[PATH_MAX], line[PATH_MAX];
    FILE *file = NULL;

    path[0] = '\0';
    if (snprintf(name, sizeof name, "%s/proc/self/cgroup", root) < (int)sizeof name)
        file = fopen(name, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "0::/", 4) == 0) { /* version 2 has the one hierarchy 0 */
            line[strcspn(line, "\n")] = '\0';
            memcpy(path, line + 3, strlen(line + 3) + 1);
        }
    if (file)
        fclose(file);
}

static FILE *open_one(const char *root, const char *path, const char *file)
{
    char name[2 * PATH_MAX];

    if (snprintf(name, sizeof name, "%s/sys/fs/cgroup%s/%s", root, path, file) >= (int)sizeof name)
        return NULL;
    return fopen(name, "re");
}

static void read_level(struct cgroup_limits *out, const char *root, const char *path)
{
    double quota, period;
    uint64_t bytes;
    FILE *file = open_one(root, path, "cpu.max");

    /* "max 100000" has no quota and is not read as numbers. */
    if (file && fscanf(file, "%lf %lf", &quota, &period) == 2 && period > 0 &&
        (out->processors == 0 || quota / period < out->processors))
        out->processors = quota / period;
    if (file)
        fclose(file);
    file = open_one(root, path, "memory.max");
    if (file && fscanf(file, "%" SCNu64, &bytes) == 1 && (out->memory == 0 || bytes < out->memory))
        out->memory = bytes;
    if (file)
        fclose(file);
}

void cgroup_read(struct cgroup_limits *out, const char *root)
{
    char path[PATH_MAX];

    *out = (struct cgroup_limits){0};
    read_own(path, root);
    for (;;) {
        char *slash = strrchr(path, '/');

        read_level(out, root, path);
        if (!slash)
            return;
        *slash = '\0';
    }
}
