/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli_inputs.h"
#include "../remote/remote.h"
#include "names.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_input(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        cli_error("cannot open %s: %s", path, strerror(errno));
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    cli_error("%s is %s, not a file", path, S_ISDIR(st.st_mode) ? "a folder" : "a device or pipe");
    close(fd);
    return -1;
}

int cli_job_add_input(struct cli_job *job, int fd, const char *name, bool architecture)
{
    char *copy = strdup(name);

    if (copy && job->n_inputs < JOB_INPUTS_MAX) {
        job->inputs[job->n_inputs++] =
            (struct job_input){.fd = fd, .name = copy, .architecture = architecture};
        return 0;
    }
    close(fd);
    free(copy);
    if (!copy)
        cli_error("out of memory");
    else
        cli_error("more than %d files: convert the folder in parts", JOB_INPUTS_MAX - 1);
    return copy ? EXIT_USAGE : EXIT_INTERNAL;
}

int cli_job_add_file(struct cli_job *job, const char *path, bool architecture)
{
    char *name = kf_clean_filename(path);
    int fd, status = EXIT_NO_INPUT;

    if (remote_is_uri(path)) {
        free(name);
        return cli_uri_add(job, path, architecture);
    }
    if (strstr(path, "://") && access(path, F_OK) < 0) {
        cli_error("%s: a URI begins with s3://, https://, http:// or file:///", path);
        free(name);
        return EXIT_USAGE;
    }
    fd = name ? open_input(path) : -1;
    if (fd >= 0)
        status = cli_job_add_input(job, fd, name, architecture);
    free(name);
    return status;
}

static int add_input(struct cli_job *job, const char *path)
{
    if (cli_is_checkpoint(path))
        return cli_job_add_checkpoint(job, path);
    return cli_is_folder(path) && !remote_is_uri(path) ? cli_job_add_folder(job, path)
                                                       : cli_job_add_file(job, path, false);
}

int cli_job_open_inputs(struct cli_job *job)
{
    const struct cli *cli = job->cli;
    int status = 0;

    for (size_t i = 0; status == 0 && i < cli->n_inputs; i++)
        status = add_input(job, cli->inputs[i]);
    if (status == 0 && job->n_inputs == 0 && !job->parts) {
        cli_error("no file of a model is in %s", cli->inputs[0]);
        status = EXIT_NO_INPUT;
    }
    if (status == 0 && cli->architecture)
        status = cli_job_add_file(job, cli->architecture, true);
    return status;
}

void cli_job_drop_inputs(struct cli_job *job)
{
    for (size_t i = 0; i < job->n_inputs; i++) {
        close(job->inputs[i].fd);
        free((char *)job->inputs[i].name);
    }
    job->n_inputs = 0;
    cli_uri_drop(job);
}
