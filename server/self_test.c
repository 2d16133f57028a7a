/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "self_test.h"
#include "jobs/scratch.h"
#include "params.h"
#include "sample.h"
#include "server.h"
#include "settings/config.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME "sample.h5"

/* Write the model into the folder; a descriptor to read it from, or -1. */
static int write_sample(const char *dir)
{
    char path[PATH_MAX];
    int fd;

    if (snprintf(path, sizeof path, "%s/in", dir) >= (int)sizeof path)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && write(fd, sample_h5, sizeof sample_h5) == (ssize_t)sizeof sample_h5)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int write_request(const char *dir, const struct job_input *input)
{
    struct kf_param_error err = {0};
    struct kf_request request;
    int status;

    kf_request_init(&request);
    status = kf_request_set(&request, "to", "keras", &err);
    if (status == 0)
        status = job_write_request(dir, &request, input, 1, (struct job_told){0});
    kf_request_finish(&request);
    return status;
}

static enum job_outcome run_in(struct server *server, const char *dir)
{
    struct job_input input = {.fd = write_sample(dir), .name = NAME};
    struct job_result result = {.outcome = JOB_CANNOT_WRITE};
    const struct job job = {
        .dir = dir,
        .inputs = &input,
        .n_inputs = 1,
        .task = JOB_CONVERT,
        .sandbox = (enum sandbox_mode)server->config->sandbox,
        .limits = config_job_limits(server->config),
        .progress = -1,
        .cancel_fd = -1,
    };

    if (input.fd < 0)
        return JOB_CANNOT_WRITE;
    if (write_request(dir, &input) == 0)
        job_run(&job, &result);
    close(input.fd);
    return result.outcome;
}

enum job_outcome self_test(struct server *server)
{
    char *dir = job_dir_create(scratch_dir(server->scratch), "job-");
    enum job_outcome outcome = dir ? run_in(server, dir) : JOB_CANNOT_WRITE;

    if (dir)
        job_dir_remove(dir);
    free(dir);
    return outcome;
}
