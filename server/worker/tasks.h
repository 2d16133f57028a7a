/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_WORKER_TASKS_H
#define KF_WORKER_TASKS_H

/* What a worker can be told to do. */
struct task;

/** The task called "convert", "plan", "inspect", "list" or "diff"; NULL when there is none. */
const struct task *task_find(const char *name);

/**
 * Do it in the folder the process stands in (job.h), with descriptors 3 and up as the inputs.
 *
 * Returns the exit status; report.json is there unless it is EXIT_CANNOT_WRITE or EXIT_INTERNAL.
 */
int task_run(const struct task *task);

#endif
