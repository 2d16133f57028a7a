/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CLI_REMOTE_H
#define KF_SERVER_CLI_REMOTE_H

#include "cli_service.h"

/**
 * Let a service do what cli_job_run() does: afterwards the job's report, facts and artefact are
 * there, and its result says how it ended. The exit status.
 */
int cli_remote_run(struct cli_job *job, enum job_task task, const char *address);

/** Say what is wrong, as the problem says that came with this status: the exit status. */
int cli_remote_explain(const json_t *problem, long status);

/** True when a service found several models. */
bool cli_remote_is_summary(const struct cli_job *job);

/**
 * Unpack the results of several models, as a service packs them, into `folder` (NULL: there are
 * none), and tell what became of each: the exit status.
 */
int cli_remote_unpack(const struct cli_job *job, const char *folder, int status);

#endif
