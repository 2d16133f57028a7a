/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli.h"
#include "report_json.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the result goes: its path, and the folder that holds it. */
struct place {
    char path[PATH_MAX], parent[PATH_MAX];
};

static bool is_folder(const char *path)
{
    struct stat st;
    size_t n = strlen(path);

    return (n > 0 && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

/* Take the name, and what follows from -o, into the request; 0 or an exit status. */
static int complete(struct cli *cli)
{
    struct kf_request *req = &cli->request;
    const char *to = req->options.to || !cli->output ? NULL : kf_writer_of_name(cli->output);
    struct kf_param_error err;

    if (!cli->output && !cli->dry_run) {
        cli_error("say where the result goes: -o FILE");
        return EXIT_USAGE;
    }
    if (cli->output && !to && !req->options.to) {
        cli_error("what to write does not follow from the name %s: give --to; `kferry formats` "
                  "lists the kinds",
                  cli->output);
        return EXIT_USAGE;
    }
    if ((req->filename[0] == '\0' && kf_request_set(req, "filename", cli->inputs[0], &err) < 0) ||
        (to && kf_request_set(req, "to", to, &err) < 0) || kf_request_check(req, &err) < 0) {
        cli_error("%s", err.detail);
        return EXIT_USAGE;
    }
    return 0;
}

/* In a folder the result gets the name that the service would give it. */
static int find_place(struct place *out, const struct cli *cli)
{
    char *name = is_folder(cli->output) ? kf_artifact_name(&cli->request) : NULL, *slash;
    int n = snprintf(out->path, sizeof out->path, "%s%s%s", cli->output, name ? "/" : "",
                     name ? name : "");

    free(name);
    if (n >= (int)sizeof out->path) {
        cli_error("the path of the result is too long");
        return EXIT_CANNOT_WRITE;
    }
    memcpy(out->parent, out->path, sizeof out->parent);
    slash = strrchr(out->parent, '/');
    if (!slash)
        memcpy(out->parent, ".", 2);
    else
        slash[slash == out->parent] = '\0';
    return 0;
}

/* The worker's file has the rights that its sandbox gave it; the user's are those of the umask. */
static int publish(const struct cli_job *job, const struct place *place)
{
    char path[PATH_MAX];
    mode_t mask = umask(0);

    umask(mask);
    if (snprintf(path, sizeof path, "%s/artifact", job->dir) < (int)sizeof path &&
        chmod(path, 0666 & ~mask) == 0 && rename(path, place->path) == 0)
        return EXIT_FINE;
    cli_error("cannot write %s: %s", place->path, strerror(errno));
    return EXIT_CANNOT_WRITE;
}

static int write_report(const struct cli_job *job)
{
    const char *path = job->cli->report;
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    int bad = out ? json_dumpf(job->report, out, JSON_INDENT(2)) : -1;

    if (out) {
        bad |= fputc('\n', out) == EOF;
        bad |= out == stdout ? fflush(out) : fclose(out);
    }
    if (bad == 0)
        return EXIT_FINE;
    cli_error("cannot write the report to %s: %s", path, strerror(errno));
    return EXIT_CANNOT_WRITE;
}

/* The result appears last: when it is there, everything else went well. */
static int run(struct cli_job *job, const struct place *place)
{
    const struct cli *cli = job->cli;
    int status = cli_job_run(job, cli->dry_run ? JOB_PLAN : JOB_CONVERT), reported = EXIT_FINE;

    if (!job->report) {
        cli_job_explain(job);
        return status == EXIT_FINE ? EXIT_INTERNAL : status;
    }
    if (status != EXIT_FINE || !cli->quiet)
        cli_print_lines(stderr, json_object_get(json_object_get(job->report, "summary"), "lines"));
    if (cli->report)
        reported = write_report(job);
    if (job->result.outcome != JOB_DONE && job->result.outcome != JOB_REFUSED)
        cli_job_explain(job);
    if (status == EXIT_FINE)
        status = reported;
    return status == EXIT_FINE && !cli->dry_run ? publish(job, place) : status;
}

int cli_convert(int argc, char *const *argv)
{
    struct cli cli;
    struct cli_job job;
    struct place place = {"", ""};
    int status = cli_parse(&cli, COMMAND_CONVERT, argc, argv);

    if (status == 0)
        status = complete(&cli);
    if (status == 0 && cli.output)
        status = find_place(&place, &cli);
    if (status == 0) {
        status = cli_job_begin(&job, &cli, cli.dry_run ? NULL : place.parent);
        if (status == 0)
            status = run(&job, &place);
        cli_job_finish(&job);
    }
    cli_finish(&cli);
    return status;
}
