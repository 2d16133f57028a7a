/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_DATA_H
#define KF_SERVER_DATA_H

#include "auto.h"
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The folder of jobs, which outlives the service and which replicas share:
 *
 *   <data>/lock              held shared by every service that uses it
 *   <data>/jobs.db           the store, when that is SQLite
 *   <data>/jobs/ID/src/      what was accepted: inputs and request.json (job.h)
 *   <data>/jobs/ID/N/        the N-th attempt: the worker's folder, and at its end the result
 *
 * A folder belongs to the job of its name. The store decides which attempt counts; what no job
 * points to any more is swept.
 */
struct data;

/**
 * Open or make the folder. `alone_out`: no other service uses it, so nothing in it is under way,
 * and none gets in before data_share(). NULL with errno.
 */
struct data *data_open(const char *dir, bool *alone_out);
void data_close(struct data *data);

/** Whoever was alone has put things in order: others may come in now. */
void data_share(struct data *data);
static inline void data_destroy(struct data *data)
{
    data_close(data);
}
KF_DEFINE_AUTO(data)

/** The folder itself, absolute. */
const char *data_dir(const struct data *data);

/** Make a job's folder for what is to arrive: malloc'ed path of ID/src, or NULL with errno. */
char *data_make(struct data *data, const char *id);

/** Put a job's source on the disk for good, and write-protect it. 0, or -1 with errno. */
int data_settle(struct data *data, const char *id);

/** Make the folder of an attempt with the source's files in it; malloc'ed path or NULL, errno. */
char *data_attempt(struct data *data, const char *id, int64_t attempt);

/** Put a folder and all its files on the disk for good. 0, or -1 with errno. */
int data_sync(const char *dir);

/** Path of a file of an attempt; false when it is too long. */
bool data_path(const struct data *data, const char *id, int64_t attempt, const char *name,
               char out[PATH_MAX]);

/** Remove an attempt; all but the result of one; all of a job. Best effort. */
void data_drop_attempt(struct data *data, const char *id, int64_t attempt);
void data_keep_attempt(struct data *data, const char *id, int64_t attempt);
void data_drop(struct data *data, const char *id);

/**
 * Look at every job's folder: `idle_s` seconds nothing has changed in it; `has_source`: what was
 * accepted is still there, as it is until the job has ended and was tidied.
 */
typedef void (*data_visit)(const char *id, int64_t idle_s, bool has_source, void *context);
void data_each(struct data *data, data_visit visit, void *context);

/** True when its file system has that much free, and a little more. */
bool data_has_free(const struct data *data, uint64_t bytes);

#endif
