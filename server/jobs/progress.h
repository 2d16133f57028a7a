/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_PROGRESS_H
#define KF_SERVER_PROGRESS_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * How far a worker has come: one record of fixed size in the file `progress` of its job's folder.
 * The service makes the file and keeps it open, the worker overwrites the record; where there is
 * no file nobody wants to know. Both are on one machine, so it is written as it lies in memory.
 */
#define PROGRESS_FILE "progress"

struct progress {
    uint64_t changes; /* counts up with each record; 0: nothing was told yet */
    uint64_t phase;   /* enum kf_phase */
    uint64_t bytes_done, bytes_total;
    uint64_t tensors_done, tensors_total;
};

/* What a worker writes behind it at last: all is done, and only its memory is to be given back. */
struct progress_end {
    uint64_t told;   /* 0 while it is not */
    uint64_t status; /* with which it exits */
    uint64_t cpu_ms;
    uint64_t max_rss; /* bytes */
};

/** Make the file in a job's folder; a descriptor, or -1 with errno. */
int progress_create(const char *dir);

/** The latest record; false while there is none. Nothing in it can be relied on. */
bool progress_read(int fd, struct progress *out);

/** What the worker said at last; false while it did not. Nothing in it can be relied on. */
bool progress_read_end(int fd, struct progress_end *out);

/** Forget what the worker before said at last. False when it cannot be. */
bool progress_clear_end(int fd);

/**
 * Let the worker of one of several models, whose folder is `dir`, tell into the record of them all:
 * it is empty again. False when it cannot.
 */
bool progress_lend(int fd, const char *from, const char *dir);

/* Which of several models it is about. */
struct progress_place {
    _Atomic unsigned done, total; /* total is 0 for a model alone */
};

/**
 * {"phase", "percent", "bytes_done", "bytes_total", "tensors_done", "tensors_total"}, and of
 * several models {"models_done", "models_total"}: then "percent" is of them all. New.
 */
json_t *progress_json(const struct progress *progress, const struct progress_place *place);

#endif
