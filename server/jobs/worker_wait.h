/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_WORKER_WAIT_H
#define KF_SERVER_WORKER_WAIT_H

#include "worker_start.h"

/*
 * A worker for each thread that wants one, loaded before there is a job for it. It has seen nothing
 * yet, serves one job like any other, and confines itself when it knows which. A process that sees
 * no job makes them, one after the other, for its thread (../worker/fork_server.h).
 */

/** Let a worker wait for the calling thread's next job, if none does; best effort. */
void worker_ready(void);

/** End the one that waits for the calling thread, and what makes them. */
void worker_dismiss(void);

/**
 * Make the calling thread's next workers anew, from the program, after one has crashed: all that
 * one process makes have their memory at the same addresses, and who guesses them gets one guess.
 */
void worker_renew(void);

/**
 * Give the calling thread's waiting worker its job; what it says goes to `said`.
 *
 * Returns the process, or -1 when none waits or it cannot be given that.
 */
pid_t worker_hand_over(const struct launch *launch, int said);

#endif
