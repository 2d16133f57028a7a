/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote_private.h"
#include "volume.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 24 /* links that lead upwards end here */

/* A folder of a volume, while it is walked. */
struct walk {
    struct remote_task *task;
    struct volume_place place;
    struct remote_listing *out;
    size_t max, n_base; /* bytes of the folder's own path, with its slash */
    const char *uri;
};

static int walk(struct walk *w, const char *path, unsigned depth);

static int fail_many(struct walk *w)
{
    return remote_fail(&w->task->failure, "source-too-large",
                       "there are more than %zu files of models below %s: convert it in parts",
                       w->max, w->uri);
}

static int visit(struct walk *w, const char *path, unsigned depth)
{
    int fd = volume_open(&w->place, path, O_PATH);
    struct stat st;
    char state[64];
    int status;

    if (fd < 0)
        return errno == EXDEV || errno == ELOOP ? volume_explain(w->task, w->uri, "") : 0;
    status = fstat(fd, &st);
    close(fd);
    if (status < 0)
        return 0;
    if (S_ISDIR(st.st_mode))
        return depth < DEPTH_MAX ? walk(w, path, depth + 1) : 0;
    snprintf(state, sizeof state, "%llx-%llx-%lx", (unsigned long long)st.st_size,
             (unsigned long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    if (S_ISREG(st.st_mode) && !remote_list_add(w->out, w->max, path + w->n_base, w->uri, state))
        return fail_many(w);
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_plain(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int walk(struct walk *w, const char *path, unsigned depth)
{
    int fd = volume_open(&w->place, path, O_RDONLY | O_DIRECTORY), status = 0;
    struct dirent **names = NULL;
    char below[PATH_MAX], proc[64];
    int n;

    if (fd < 0)
        return volume_explain(w->task, w->uri, "source-unavailable");
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    n = scandir(proc, &names, is_plain, by_name);
    for (int i = 0; i < n; i++) {
        bool top = strcmp(path, ".") == 0;

        if (status == 0 && snprintf(below, sizeof below, "%s%s%s", top ? "" : path, top ? "" : "/",
                                    names[i]->d_name) < (int)sizeof below)
            status = visit(w, below, depth);
        free(names[i]);
    }
    free(names);
    close(fd);
    return status;
}

int volume_list(struct remote_task *task, const char *uri, struct remote_listing *out, size_t max)
{
    struct walk w = {.task = task, .out = out, .max = max, .uri = uri};
    size_t n;
    int status;

    KF_TRY(volume_find(task, uri, false, &w.place));
    n = strlen(w.place.path);
    while (n > 1 && w.place.path[n - 1] == '/')
        w.place.path[--n] = '\0';
    w.n_base = strcmp(w.place.path, ".") == 0 ? 0 : n + 1;
    status = walk(&w, w.place.path, 0);
    close(w.place.root);
    return status;
}
