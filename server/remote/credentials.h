/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_CREDENTIALS_H
#define KF_REMOTE_CREDENTIALS_H

#include "remote.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * Keys for S3-style storage, looked for where AWS's own programs look, in their order: the
 * environment, web identity (EKS), the shared files, the container, the machine. What is temporary
 * is asked for again before it ends, and the file with a web identity's token is read each time.
 *
 * The metadata services are asked on a path of their own, which no URL of a request can take.
 */
struct credentials {
    char id[256], secret[256];
    char token[4096];   /* "" for keys that stay */
    int64_t expires;    /* seconds since 1970; 0 for keys that stay */
    const char *source; /* static: for logs and metrics */
};

struct credentials_cache;
struct credentials_cache *credentials_create(void);
void credentials_destroy(struct credentials_cache *cache);

/**
 * The keys to use now; `stale`: the storage says that the last ones have ended. -1 with
 * task->failure, which says where they were looked for.
 */
int credentials_get(struct credentials_cache *cache, struct remote_task *task, bool stale,
                    struct credentials *out);

/* Where they may be: 1 and `out`; 0 when nothing points there; -1 with task->failure. */
typedef int (*credentials_provider)(struct remote_task *task, struct credentials *out);
int credentials_of_files(struct remote_task *task, struct credentials *out);
int credentials_of_web_identity(struct remote_task *task, struct credentials *out);
int credentials_of_container(struct remote_task *task, struct credentials *out);
int credentials_of_machine(struct remote_task *task, struct credentials *out);

/** "2026-01-31T12:34:56Z" as seconds since 1970; 0 when it is none. */
int64_t credentials_time(const char *text);

/** A variable of the environment that is set and not empty, or NULL. */
const char *credentials_variable(const char *name);

/** The text of a small file without the white space at its end; malloc'ed, NULL with errno. */
char *credentials_read(const char *path);

#endif
