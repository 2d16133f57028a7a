/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_VOLUME_H
#define KF_REMOTE_VOLUME_H

#include "remote.h"
#include <limits.h>

/*
 * file:// on a volume that others write to: what may be named stands below a root, and the kernel
 * keeps it there (openat2 with RESOLVE_BENEATH), whatever links are or become. Links that stay
 * inside the root work. On the command line the root is /.
 */
struct volume_place {
    int root;            /* descriptor of the folder, owned by whoever found it */
    bool own;            /* the command line: any link may be followed */
    char path[PATH_MAX]; /* below it; "." for itself */
};

/** The root that an URI lies below, with the right to it; -1 with task->failure. */
int volume_find(struct remote_task *task, const char *uri, bool write, struct volume_place *out);

/** Open a path below the root; -1 with errno. */
int volume_open(const struct volume_place *place, const char *path, int flags);

/** Say by errno why a path cannot be opened, with `code` where it is just not there; -1. */
int volume_explain(struct remote_task *task, const char *uri, const char *code);

int volume_check(struct remote_task *task, const char *uri, bool write);
int volume_fetch(struct remote_task *task, const struct remote_source *source, const char *path,
                 struct remote_got *got);
int volume_store(struct remote_task *task, const struct remote_target *target, int fd,
                 uint64_t size);
int volume_list(struct remote_task *task, const char *uri, const struct remote_window *window,
                struct remote_listing *out, size_t max);

/** Are the roots of KFERRY_FILE_ROOTS folders? False with one sentence. */
bool volume_roots_hold(const char *roots, char *error, size_t error_max);

#endif
