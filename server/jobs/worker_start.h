/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_WORKER_START_H
#define KF_SERVER_WORKER_START_H

#include "job.h"
#include <sys/types.h>

/**
 * Start `kferry-worker` for a job: in its folder, in a process group of its own, with an empty
 * environment and no descriptor but 0 to 2 and the inputs.
 *
 * `said_out` gets the end of a pipe from which its standard output and error are read. Returns the
 * process, or -1 with errno. From any thread.
 */
pid_t worker_start(const struct job *job, int *said_out);

#endif
