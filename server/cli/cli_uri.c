/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../jobs/id.h"
#include "../jobs/left.h"
#include "../jobs/parts.h"
#include "../jobs/resume.h"
#include "../remote/remote.h"
#include "cli_inputs.h"
#include "cli_remote.h"
#include "problem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a failure far away means to the shell. */
static int exit_of(const char *code)
{
    static const struct {
        const char *code;
        int status;
    } rows[] = {
        {"invalid-parameter", EXIT_USAGE},    {"cancelled", EXIT_AGAIN},
        {"scratch-full", EXIT_CANNOT_WRITE},  {"target-unavailable", EXIT_CANNOT_WRITE},
        {"target-exists", EXIT_CANNOT_WRITE}, {"path-not-allowed", EXIT_NO_INPUT},
        {"internal-error", EXIT_INTERNAL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].code, code) == 0)
            return rows[i].status;
    return kf_problem_type(code)->retryable ? EXIT_UNAVAILABLE : EXIT_NO_INPUT;
}

static int fail(const struct remote_task *task)
{
    if (strcmp(task->failure.code, "cancelled") != 0)
        cli_error("%s: %s", task->failure.code, task->failure.detail);
    return exit_of(task->failure.code);
}

/* The settings of the environment, without the rules that are for other people's requests. */
static int open_remote(struct cli_job *job)
{
    struct config config;
    struct config_error error;
    char wrong[512];
    int status = 0;

    if (job->remote)
        return 0;
    if (config_load(&config, 0, NULL, environ, &error) < 0) {
        cli_error("%s", error.text);
        status = EXIT_CONFIG;
    } else {
        const struct remote_settings settings = config_remote(&config, true);

        job->remote = remote_create(&settings, wrong, sizeof wrong);
        if (!job->remote) {
            cli_error("%s", wrong);
            status = EXIT_CONFIG;
        }
    }
    config_finish(&config);
    return status;
}

static struct remote_task task_of(const struct cli_job *job)
{
    return (struct remote_task){.remote = job->remote, .cancel_fd = job->cancel_fd};
}

/* Fetch one file and add it under `name`, or under its own. */
static int fetch(struct cli_job *job, const char *uri, const char *name, bool architecture)
{
    const struct remote_source source = {.uri = uri};
    struct remote_task task = task_of(job);
    struct remote_got got = {0};
    char path[PATH_MAX];
    int status = 0, fd;

    if (snprintf(path, sizeof path, "%s/in-%zu", job->fetched, job->n_inputs) >= (int)sizeof path)
        return EXIT_CANNOT_WRITE;
    if (remote_fetch(&task, &source, path, &got) < 0)
        status = fail(&task);
    fd = status == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0)
        status = cli_job_add_input(job, fd, name ? name : got.name, architecture);
    else if (status == 0)
        status = EXIT_CANNOT_WRITE;
    remote_got_finish(&got);
    return status;
}

static int fail_memory(void)
{
    cli_error("out of memory");
    return EXIT_INTERNAL;
}

/* A folder that goes into a folder: what is there already of an earlier call? */
static int look_back(struct cli_job *job, const struct remote_listing *now)
{
    const struct cli *cli = job->cli;
    struct remote_task task = task_of(job);

    if (!remote_is_uri(cli->output) || !remote_is_folder(cli->output) || cli->unpacked)
        return 0;
    job->resume = resume_create(&task, cli->output, parts_window(job->parts, now), now,
                                &cli->request, job->fetched);
    return job->resume ? 0 : fail_memory();
}

/* A folder that goes into a folder goes in parts; what a service is to have, at once. */
static bool goes_in_parts(const struct cli *cli)
{
    return cli->command == COMMAND_CONVERT && !cli->dry_run && cli->n_inputs == 1 && cli->output &&
           cli_takes_several(cli) && !service_address(cli);
}

static int list_all(struct remote_task *task, const char *uri, struct remote_listing *out)
{
    if (remote_list(task, uri, NULL, out, PARTS_FILES_MAX) < 0)
        return fail(task);
    if (!out->more)
        return 0;
    cli_error("there are more than %zu files of models below %s: any number of them goes into a "
              "folder, -o DIR/ or -o URI/, without --server",
              PARTS_FILES_MAX, uri);
    return EXIT_USAGE;
}

static int list(struct cli_job *job, const char *uri, struct remote_listing *out)
{
    struct remote_task task = task_of(job);

    *out = (struct remote_listing){0};
    if (!goes_in_parts(job->cli))
        return list_all(&task, uri, out);
    if (!job->parts)
        job->parts = parts_create();
    if (!job->parts)
        return fail_memory();
    return parts_list(job->parts, &task, uri, out) < 0 ? fail(&task) : look_back(job, out);
}

static int fetch_folder(struct cli_job *job, const char *uri)
{
    struct remote_listing listing;
    int status;

    job_raise_files();
    status = list(job, uri, &listing);
    for (size_t i = 0; status == 0 && i < listing.n; i++)
        if (!job->resume || !resume_has_file(job->resume, &listing.list[i]))
            status = fetch(job, listing.list[i].uri, listing.list[i].name, false);
    remote_listing_finish(&listing);
    return status;
}

int cli_uri_add(struct cli_job *job, const char *uri, bool architecture)
{
    int status = open_remote(job);

    if (status != 0)
        return status;
    if (!job->fetched)
        job->fetched = job_dir_create(cli_temporary(), ".kferry-");
    if (!job->fetched) {
        cli_error("cannot write in %s: %s", cli_temporary(), strerror(errno));
        return EXIT_CANNOT_WRITE;
    }
    return remote_is_folder(uri) && !architecture ? fetch_folder(job, uri)
                                                  : fetch(job, uri, NULL, architecture);
}

int cli_uri_check(struct cli_job *job, const char *uri)
{
    struct remote_task task;
    int status = open_remote(job);

    task = task_of(job);
    if (status == 0 && remote_check(&task, uri, true) < 0)
        status = fail(&task);
    return status;
}

/* Like a file at -o, it takes the place of what was there. */
static int store(const struct cli_job *job, const char *uri, int fd, uint64_t size)
{
    char id[ID_SIZE]; /* by which an upload is known again whose answer was lost */
    const struct remote_target target = {.uri = uri, .replace = true, .job = id};
    struct remote_task task = task_of(job);
    int status;

    id_create(id);
    status = remote_store(&task, &target, fd, size) < 0 ? fail(&task) : 0;
    return status == EXIT_NO_INPUT ? EXIT_CANNOT_WRITE : status;
}

int cli_uri_store_json(const struct cli_job *job, const char *uri, const json_t *value)
{
    int fd = memfd_create("report", MFD_CLOEXEC), status = EXIT_INTERNAL;
    off_t size;

    if (fd >= 0 && json_dumpfd(value, fd, JSON_INDENT(2)) == 0 &&
        (size = lseek(fd, 0, SEEK_END)) >= 0)
        status = store(job, uri, fd, (uint64_t)size);
    if (fd >= 0)
        close(fd);
    return status;
}

int cli_uri_store_file(const struct cli_job *job, const char *path, const char *uri)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC), status = EXIT_INTERNAL;

    if (fd >= 0 && fstat(fd, &st) == 0)
        status = store(job, uri, fd, (uint64_t)st.st_size);
    if (fd >= 0)
        close(fd);
    return status;
}

static int store_artifact(const struct cli_job *job, const char *dir, const char *uri)
{
    int fd = -1, status;
    int64_t size = left_open(dir, "artifact", &fd);

    if (size < 0)
        return EXIT_INTERNAL;
    status = store(job, uri, fd, (uint64_t)size);
    close(fd);
    return status;
}

/* The report goes last, beside the result; an URL that takes a PUT takes one file. */
int cli_uri_publish(const struct cli_job *job, const char *dir, const char *uri,
                    const json_t *report)
{
    int status = dir ? store_artifact(job, dir, uri) : 0;
    char *beside = NULL;

    if (status != 0 || !report || strncasecmp(uri, "http", 4) == 0)
        return status;
    if (asprintf(&beside, "%s.report.json", uri) < 0)
        return EXIT_INTERNAL;
    status = cli_uri_store_json(job, beside, report);
    free(beside);
    return status;
}

void cli_uri_drop(struct cli_job *job)
{
    if (job->fetched)
        job_dir_remove(job->fetched);
    free(job->fetched);
    job->fetched = NULL;
}

void cli_uri_end(struct cli_job *job)
{
    resume_destroy(job->resume);
    parts_destroy(job->parts);
    remote_destroy(job->remote);
}
