/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../jobs/parts.h"
#include "../jobs/verify.h"
#include "../remote/remote.h"
#include "cli.h"
#include "cli_remote.h"
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

/* Of results that are folders it must say so. */
bool cli_takes_several(const struct cli *cli)
{
    size_t n = strlen(cli->output);

    return cli->unpacked ? n > 0 && cli->output[n - 1] == '/' : is_folder(cli->output);
}

/* What -o says is to be written, by its suffix; of an URL that of its path. */
static const char *kind_of_output(const struct cli *cli)
{
    char *name = remote_is_uri(cli->output) ? remote_name(cli->output) : NULL;
    const char *to = kf_writer_of_name(name ? name : cli->output);

    free(name);
    return to;
}

/* A result that is a folder is packed as its name or --archive says, and else not at all. */
static int choose_archive(struct cli *cli, struct kf_param_error *err)
{
    const char *archive = cli->output ? kf_archive_of_name(cli->output) : NULL;
    bool given = kf_request_has(&cli->request, "archive");
    bool uri = cli->output && remote_is_uri(cli->output);

    if (!cli->output || !kf_writes_folder(cli->request.options.to))
        return 0;
    cli->unpacked = !archive && !given && (!uri || remote_is_folder(cli->output));
    return archive && !given ? kf_request_set(&cli->request, "archive", archive, err) : 0;
}

/* A folder has room for each of several checkpoints, unless it is itself the result. */
static int choose_checkpoints(struct cli *cli, struct kf_param_error *err)
{
    if (!cli->output || cli->unpacked || !cli_takes_several(cli) ||
        kf_request_has(&cli->request, "checkpoints"))
        return 0;
    return kf_request_set(&cli->request, "checkpoints", "all", err);
}

/* The name of the first input; 0, or -1 with `err`. */
static int name_input(struct cli *cli, struct kf_param_error *err)
{
    const char *input = cli->inputs[0];
    char *name = remote_is_uri(input) ? remote_name(input) : NULL;
    int status = kf_request_set(&cli->request, "filename", name ? name : input, err);

    free(name);
    return status;
}

/* Take the name, and what follows from -o, into the request; 0 or an exit status. */
static int complete(struct cli *cli)
{
    struct kf_request *req = &cli->request;
    const char *to = req->options.to || !cli->output ? NULL : kind_of_output(cli);
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
    if (req->verify && cli->output && remote_is_uri(cli->output)) {
        cli_error("the script of --verify is written beside a file, and %s is none", cli->output);
        return EXIT_USAGE;
    }
    if ((req->filename[0] == '\0' && name_input(cli, &err) < 0) ||
        (to && kf_request_set(req, "to", to, &err) < 0) || choose_archive(cli, &err) < 0 ||
        choose_checkpoints(cli, &err) < 0 || kf_request_check(req, &err) < 0) {
        cli_error("%s", err.detail);
        return EXIT_USAGE;
    }
    return 0;
}

/* The folder that holds a path. */
static void find_parent(char parent[PATH_MAX], const char path[PATH_MAX])
{
    char *slash;

    memcpy(parent, path, PATH_MAX);
    slash = strrchr(parent, '/');
    if (!slash)
        memcpy(parent, ".", 2);
    else
        slash[slash == parent] = '\0';
}

/* In a folder the result gets the name that the service would give it, unless it is the folder. */
static int find_place(struct place *out, const struct cli *cli)
{
    bool uri = remote_is_uri(cli->output), inside = is_folder(cli->output) && !cli->unpacked;
    char *name = inside ? kf_artifact_name(&cli->request) : NULL;
    size_t end = strlen(cli->output);
    int n;

    if (name && !uri && !cli->dry_run && mkdir(cli->output, 0777) < 0 && errno != EEXIST) {
        cli_error("cannot make %s: %s", cli->output, strerror(errno));
        free(name);
        return EXIT_CANNOT_WRITE;
    }
    while (cli->unpacked && !uri && end > 1 && cli->output[end - 1] == '/')
        end--;
    n = snprintf(out->path, sizeof out->path, "%.*s%s%s", (int)end, cli->output,
                 name && !uri ? "/" : "", name ? name : "");
    free(name);
    if (n >= (int)sizeof out->path) {
        cli_error("the path of the result is too long");
        return EXIT_CANNOT_WRITE;
    }
    if (uri)
        snprintf(out->parent, sizeof out->parent, "%s", cli_temporary());
    else
        find_parent(out->parent, out->path);
    return 0;
}

/* The worker's file has the rights that its sandbox gave it; the user's are those of the umask. */
int cli_publish(const char *dir, const char *to)
{
    char path[PATH_MAX];
    mode_t mask = umask(0);

    umask(mask);
    if (snprintf(path, sizeof path, "%s/artifact", dir) < (int)sizeof path &&
        chmod(path, 0666 & ~mask) == 0 && rename(path, to) == 0)
        return EXIT_FINE;
    cli_error("cannot write %s: %s", to, strerror(errno));
    return EXIT_CANNOT_WRITE;
}

int cli_write_report(const struct cli_job *job, const json_t *report)
{
    const char *path = job->cli->report;
    FILE *out;
    int bad;

    if (!path)
        return EXIT_FINE;
    if (remote_is_uri(path))
        return cli_uri_store_json(job, path, report);
    out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (out && job->rows.file && report == job->report)
        bad = cli_rows_write(&job->rows, report, out);
    else
        bad = out ? json_dumpf(report, out, JSON_INDENT(2)) : -1;
    if (out) {
        bad |= fputc('\n', out) == EOF;
        bad |= out == stdout ? fflush(out) : fclose(out);
    }
    if (bad == 0)
        return EXIT_FINE;
    cli_error("cannot write the report to %s: %s", path, strerror(errno));
    return EXIT_CANNOT_WRITE;
}

int cli_write_script(const struct cli_job *job, const char *result, const json_t *report)
{
    char path[PATH_MAX], *text;
    FILE *out = NULL;
    int bad = -1;

    if (!job->cli->request.verify)
        return EXIT_FINE;
    text = verify_script(report);
    if (text && snprintf(path, sizeof path, "%s.verify.py", result) < (int)sizeof path)
        out = fopen(path, "we");
    if (out) {
        bad = fputs(text, out) == EOF ? -1 : 0;
        bad |= fclose(out);
    }
    free(text);
    if (bad == 0)
        return EXIT_FINE;
    cli_error("cannot write %s.verify.py: %s", result, strerror(errno));
    return EXIT_CANNOT_WRITE;
}

/* The result appears last: when it is there, everything else went well. */
static int conclude(struct cli_job *job, const struct place *place, int status)
{
    const struct cli *cli = job->cli;
    int reported;

    if (!job->report) {
        cli_job_explain(job);
        return status == EXIT_FINE ? EXIT_INTERNAL : status;
    }
    if (status != EXIT_FINE || !cli->quiet)
        cli_print_lines(stderr, json_object_get(json_object_get(job->report, "summary"), "lines"));
    reported = cli_write_report(job, job->report);
    if (job->result.outcome != JOB_DONE && job->result.outcome != JOB_REFUSED)
        cli_job_explain(job);
    if (status == EXIT_FINE)
        status = reported;
    if (status == EXIT_FINE && !cli->dry_run)
        status = cli_write_script(job, place->path, job->report);
    if (status != EXIT_FINE || cli->dry_run)
        return status;
    if (remote_is_uri(place->path))
        cli_job_drop_inputs(job); /* nothing on the disk is to wait for the end of an upload */
    if (cli->unpacked)
        return cli_folder_publish(job, job->dir, place->path, job->report);
    return remote_is_uri(place->path) ? cli_uri_publish(job, job->dir, place->path, job->report)
                                      : cli_publish(job->dir, place->path);
}

/* The folder that several results go into: of a URI as it was given. */
static const char *folder_of(const struct cli *cli, const struct place *place)
{
    if (cli->dry_run)
        return NULL;
    if (remote_is_uri(cli->output))
        return cli->output;
    return cli->unpacked ? place->path : place->parent;
}

/* Of a folder or several inputs, into a folder: what there is, however many. */
static enum job_task task_of(const struct cli_job *job)
{
    const struct cli *cli = job->cli;
    bool many = cli->n_inputs > 1 || (cli_is_folder(cli->inputs[0]) && !cli->unpacked);
    bool listed = (many && cli->request.options.all_checkpoints) ||
                  (!cli->dry_run && job->parts && parts_are_several(job->parts));

    if (listed && cli->output && cli_takes_several(cli))
        return JOB_LIST;
    return cli->dry_run ? JOB_PLAN : JOB_CONVERT;
}

/* What a service packed for us, where one file was to be written. */
static int refuse_several(const struct cli_job *job)
{
    cli_error("several-models: there are %zu models in it: convert them into a folder, -o DIR/",
              json_array_size(json_object_get(job->report, "models")));
    return EXIT_REFUSED;
}

static int run_part(struct cli_job *job, const struct place *place)
{
    const struct cli *cli = job->cli;
    enum job_task task = task_of(job);
    int status = job->n_inputs > 0 ? cli_job_run(job, task) : EXIT_FINE;
    bool ended =
        job->n_inputs == 0 || job->result.outcome == JOB_DONE || job->result.outcome == JOB_REFUSED;

    if (ended && cli_remote_is_summary(job))
        return cli->dry_run || cli_takes_several(cli)
                   ? cli_remote_unpack(job, folder_of(cli, place), status)
                   : refuse_several(job);
    if (ended && (cli_batch_found(job) || cli_batch_goes_on(job)) &&
        (cli->dry_run || cli_takes_several(cli)))
        return cli_batch(job, folder_of(cli, place));
    return conclude(job, place, status);
}

/* One part after the other; what was refused does not stop the others. */
static int run(struct cli_job *job, const struct place *place)
{
    int status = run_part(job, place), next = status;

    while ((next == EXIT_FINE || next == EXIT_REFUSED) && cli_job_next(job, &next)) {
        if (next == EXIT_FINE)
            next = run_part(job, place);
        status = next == EXIT_FINE ? status : next;
    }
    return status;
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
