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
    struct remote_wish wish;
    size_t n_base; /* bytes of the folder's own path, with its slash */
    bool full;
};

static int walk(struct walk *w, const char *path, unsigned depth);

static int rank_of(char c)
{
    return c == '/' ? 1 : (unsigned char)c;
}

/* In the order of the walk, which goes down into "a" before it looks at "a-b"? */
static bool is_after(const char *name, const char *bound)
{
    while (*name != '\0' && *name == *bound) {
        name++;
        bound++;
    }
    return rank_of(*name) > rank_of(*bound);
}

static int add(struct walk *w, const char *name, const struct stat *st)
{
    const char *after = w->wish.window.after;
    char state[64];
    const struct remote_found found = {name, state, (uint64_t)st->st_size};

    snprintf(state, sizeof state, "%llx-%llx-%lx", (unsigned long long)st->st_size,
             (unsigned long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    if (after && !is_after(name, after))
        return 0;
    w->full = !remote_list_add(w->out, &w->wish, &found);
    return w->full && !w->out->more
               ? remote_fail(&w->task->failure, "internal-error", "out of memory")
               : 0;
}

static int visit(struct walk *w, const char *path, unsigned depth)
{
    int fd = volume_open(&w->place, path, O_PATH);
    struct stat st;
    int status;

    if (fd < 0)
        return errno == EXDEV || errno == ELOOP ? volume_explain(w->task, w->wish.base, "") : 0;
    status = fstat(fd, &st);
    close(fd);
    if (status < 0)
        return 0;
    if (S_ISDIR(st.st_mode))
        return depth < DEPTH_MAX ? walk(w, path, depth + 1) : 0;
    return S_ISREG(st.st_mode) ? add(w, path + w->n_base, &st) : 0;
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
        return volume_explain(w->task, w->wish.base, "source-unavailable");
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    n = scandir(proc, &names, is_plain, by_name);
    for (int i = 0; i < n; i++) {
        bool top = strcmp(path, ".") == 0;

        if (status == 0 && !w->full &&
            snprintf(below, sizeof below, "%s%s%s", top ? "" : path, top ? "" : "/",
                     names[i]->d_name) < (int)sizeof below)
            status = visit(w, below, depth);
        free(names[i]);
    }
    free(names);
    close(fd);
    return status;
}

int volume_list(struct remote_task *task, const char *uri, const struct remote_window *window,
                struct remote_listing *out, size_t max)
{
    struct walk w = {
        .task = task, .out = out, .wish = {.base = uri, .window = *window, .max = max}};
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
