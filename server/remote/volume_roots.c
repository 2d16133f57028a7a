/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote_private.h"
#include "volume.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#define SCHEME "file://"

/* One of "/models/in:ro,/models/out:rw". */
struct root {
    const char *path; /* borrowed, `n` bytes without a slash at the end */
    size_t n;
    bool write;
};

/* The next root of a list; false at its end. `bad` is set where it is none. */
static bool next_root(const char **at, struct root *out, bool *bad)
{
    const char *text = *at + strspn(*at, ", ");
    size_t n = strcspn(text, ",");

    *at = text + n;
    if (n == 0)
        return false;
    *out = (struct root){.path = text, .n = n};
    if (n > 3 && (memcmp(text + n - 3, ":rw", 3) == 0 || memcmp(text + n - 3, ":ro", 3) == 0)) {
        out->write = text[n - 1] == 'w';
        out->n = n - 3;
    } else {
        *bad = true;
    }
    while (out->n > 1 && text[out->n - 1] == '/')
        out->n--;
    *bad = *bad || *text != '/';
    return true;
}

bool volume_roots_hold(const char *roots, char *error, size_t error_max)
{
    struct root root;
    bool bad = false;

    while (next_root(&roots, &root, &bad)) {
        char path[PATH_MAX];
        int fd;

        snprintf(path, sizeof path, "%.*s", (int)root.n, root.path);
        fd = bad ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            snprintf(error, error_max,
                     "KFERRY_FILE_ROOTS has \"%s\", which is no folder as /models/in:ro or "
                     "/models/out:rw",
                     path);
            return false;
        }
        close(fd);
    }
    return true;
}

static bool is_below(const struct root *root, const char *path)
{
    return strncmp(path, root->path, root->n) == 0 &&
           (path[root->n] == '/' || path[root->n] == '\0' || root->n == 1);
}

/* The longest root that the path lies below. */
static bool find_root(const char *roots, const char *path, struct root *out)
{
    struct root root;
    bool bad = false, found = false;

    while (next_root(&roots, &root, &bad))
        if (is_below(&root, path) && (!found || root.n > out->n)) {
            *out = root;
            found = true;
        }
    return found;
}

/* "file:///a%20b" as "/a b"; -1 where another machine is named. */
static int path_of(struct remote_task *task, const char *uri, char out[PATH_MAX])
{
    const char *rest = uri + strlen(SCHEME);

    if (strncasecmp(rest, "localhost/", 10) == 0)
        rest += 9;
    if (*rest != '/' || strlen(rest) >= PATH_MAX)
        return remote_fail(&task->failure, "invalid-parameter",
                           "a URI of a file is file:///path, from the root on");
    snprintf(out, PATH_MAX, "%s", rest);
    remote_decode(out);
    return 0;
}

int volume_find(struct remote_task *task, const char *uri, bool write, struct volume_place *out)
{
    const struct remote_settings *set = &task->remote->set;
    char path[PATH_MAX], folder[PATH_MAX];
    struct root root = {"/", 1, true};
    const char *rest;

    KF_TRY(path_of(task, uri, path));
    if (!set->own && !find_root(set->file_roots, path, &root))
        return remote_fail(&task->failure, "path-not-allowed", "%s is not below KFERRY_FILE_ROOTS",
                           uri);
    if (write && !root.write)
        return remote_fail(&task->failure, "path-not-allowed",
                           "%s may be read, not written: its root has :ro in KFERRY_FILE_ROOTS",
                           uri);
    snprintf(folder, sizeof folder, "%.*s", (int)root.n, root.path);
    rest = path + root.n;
    rest += strspn(rest, "/");
    snprintf(out->path, sizeof out->path, "%s", *rest ? rest : ".");
    out->own = set->own;
    out->root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (out->root >= 0)
        return 0;
    return remote_fail(&task->failure, "source-fetch-failed", "%s: its root cannot be opened: %s",
                       uri, strerror(errno));
}

int volume_open(const struct volume_place *place, const char *path, int flags)
{
    const struct open_how how = {
        .flags = (unsigned)flags | (unsigned)O_CLOEXEC,
        .mode = flags & O_CREAT ? 0600 : 0,
        .resolve = place->own ? 0 : RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int fd;

    do
        fd = (int)syscall(SYS_openat2, place->root, path, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return fd;
}

int volume_explain(struct remote_task *task, const char *uri, const char *code)
{
    switch (errno) {
    case EXDEV:
    case ELOOP:
        return remote_fail(&task->failure, "path-not-allowed",
                           "%s leads out of its root in KFERRY_FILE_ROOTS", uri);
    case ENOSYS:
        return remote_fail(&task->failure, "path-not-allowed",
                           "file:// needs the system call openat2, Linux 5.6");
    case ENOENT:
    case ENOTDIR:
        return remote_fail(&task->failure, code, "%s: there is no such file or folder", uri);
    default:
        return remote_fail(&task->failure, code, "%s: %s", uri, strerror(errno));
    }
}
