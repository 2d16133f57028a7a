/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_WORKER_START_H
#define KF_SERVER_WORKER_START_H

#include "job.h"
#include <sys/types.h>

/* What a worker gets: what to do, where, and which descriptors. All is borrowed. */
struct launch {
    char *const *argv;
    const char *dir; /* NULL for the folder of this process */
    const struct job_input *inputs;
    size_t n_inputs;
};

/**
 * Start `kferry-worker` for a job: in its folder, in a process group of its own, with an empty
 * environment and no descriptor but 0 to 2 and the inputs.
 *
 * `said_out` gets the end of a pipe from which its standard output and error are read. Returns the
 * process, or -1 with errno. From any thread.
 */
pid_t worker_start(const struct job *job, int *said_out);

/** Start what makes workers on demand from the socket `asked` (../worker/fork_server.h). The
 * process, or -1 with errno. */
pid_t worker_spawn_forking(int asked);

#endif
