/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_INPUTS_H
#define CLI_INPUTS_H

#include "cli.h"

/* The inputs of a job: each function gives 0, or an exit status after the reason. */

/** Open all that the command line names. */
int cli_job_open_inputs(struct cli_job *job);
/** Add all files below a folder that may belong to a model. cli_walk.c */
int cli_job_add_folder(struct cli_job *job, const char *path);
/** Is it a TensorFlow checkpoint: its index, or the name without ".index"? cli_checkpoint.c */
bool cli_is_checkpoint(const char *path);
/** Add its index, and the data files beside it that are not given themselves. */
int cli_job_add_checkpoint(struct cli_job *job, const char *path);
/** Add a file or a URI by its name. */
int cli_job_add_file(struct cli_job *job, const char *path, bool architecture);
/** Add an open file under a name. Takes the descriptor, on failure too. */
int cli_job_add_input(struct cli_job *job, int fd, const char *name, bool architecture);

#endif
