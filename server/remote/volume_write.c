/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote_private.h"
#include "volume.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t)1 << 20)

/* Make the folders of a path, one below the other, each from a descriptor inside the root. */
static int make_folders(const struct volume_place *place, char *folder)
{
    int parent = volume_open(place, ".", O_PATH | O_DIRECTORY);
    char *rest = folder, *name;

    for (size_t n = 0; parent >= 0 && (name = strsep(&rest, "/"));) {
        const struct volume_place below = {.root = parent, .own = place->own};
        int next;

        n++;
        if (*name == '\0' || strcmp(name, ".") == 0)
            continue;
        if (mkdirat(parent, name, 0777) < 0 && errno != EEXIST)
            next = -1;
        else
            next = volume_open(&below, name, O_PATH | O_DIRECTORY);
        close(parent);
        parent = next;
    }
    return parent;
}

/* The folder that a path stands in: as it is, or made. */
static int open_folder(const struct volume_place *place)
{
    char folder[PATH_MAX], *slash;
    int fd;

    snprintf(folder, sizeof folder, "%s", place->path);
    slash = strrchr(folder, '/');
    if (!slash)
        return volume_open(place, ".", O_PATH | O_DIRECTORY);
    *slash = '\0';
    fd = volume_open(place, folder, O_PATH | O_DIRECTORY);
    return fd < 0 && errno == ENOENT ? make_folders(place, folder) : fd;
}

static bool copy(int from, int to, uint64_t size)
{
    char *block = malloc(BLOCK);
    uint64_t at = 0;
    bool ok = block != NULL;

    while (ok && at < size) {
        ssize_t n = pread(from, block, BLOCK, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        ok = n > 0 && pwrite(to, block, (size_t)n, (off_t)at) == n;
        at += ok ? (uint64_t)n : 0;
    }
    free(block);
    return ok;
}

/* The same bytes are there: an earlier attempt of this conversion came that far. */
static bool is_there(int folder, const char *name, int fd, uint64_t size)
{
    int there = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char *a = malloc(BLOCK), *b = malloc(BLOCK);
    struct stat st;
    uint64_t at = 0;
    bool same = there >= 0 && a && b && fstat(there, &st) == 0 && S_ISREG(st.st_mode) &&
                (uint64_t)st.st_size == size;

    while (same && at < size) {
        ssize_t n = pread(fd, a, BLOCK, (off_t)at);

        same = n > 0 && pread(there, b, (size_t)n, (off_t)at) == n && memcmp(a, b, (size_t)n) == 0;
        at += same ? (uint64_t)n : 0;
    }
    if (there >= 0)
        close(there);
    free(a);
    free(b);
    return same;
}

/* Give the whole file its name; where one must not be there, not even for a moment. */
static int publish(int folder, const char *temporary, const char *name, bool replace)
{
    if (replace)
        return renameat(folder, temporary, folder, name);
    if (renameat2(folder, temporary, folder, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return linkat(folder, temporary, folder, name, 0) == 0 ? unlinkat(folder, temporary, 0) : -1;
}

/* The umask, without setting it: that would hold for all threads. */
static mode_t read_umask(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[128];
    unsigned mask = 022;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Umask: %o", &mask) == 1)
            break;
    if (f)
        fclose(f);
    return (mode_t)mask;
}

static int write_file(struct remote_task *task, const struct remote_target *target, int folder,
                      const char *name, int fd, uint64_t size)
{
    char temporary[48];
    uint64_t random = 0;
    int out = -1, status = -1;

    if (getrandom(&random, sizeof random, 0) == sizeof random) {
        snprintf(temporary, sizeof temporary, ".kferry-%016llx", (unsigned long long)random);
        out = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    if (out >= 0 && copy(fd, out, size) && fchmod(out, 0666 & ~read_umask()) == 0 &&
        fsync(out) == 0)
        status = publish(folder, temporary, name, target->replace);
    if (status < 0 && errno == EEXIST && !target->replace && is_there(folder, name, fd, size)) {
        unlinkat(folder, temporary, 0);
        status = 0;
    } else if (status < 0) {
        int error = errno;

        if (out >= 0)
            unlinkat(folder, temporary, 0);
        remote_fail(&task->failure, error == EEXIST ? "target-exists" : "target-unavailable",
                    error == EEXIST ? "%s is there already" : "%s cannot be written: %s",
                    target->uri, strerror(error));
    }
    if (out >= 0)
        close(out);
    return status;
}

int volume_store(struct remote_task *task, const struct remote_target *target, int fd,
                 uint64_t size)
{
    struct volume_place place;
    const char *slash, *name;
    int folder, status = -1;

    KF_TRY(volume_find(task, target->uri, true, &place));
    folder = open_folder(&place);
    slash = strrchr(place.path, '/');
    name = slash ? slash + 1 : place.path;
    if (folder < 0)
        volume_explain(task, target->uri, "target-unavailable");
    else if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        remote_fail(&task->failure, "invalid-parameter", "%s names no file", target->uri);
    else
        status = write_file(task, target, folder, name, fd, size);
    if (folder >= 0)
        close(folder);
    close(place.root);
    return status;
}
