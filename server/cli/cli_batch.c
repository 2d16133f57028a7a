/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../jobs/batch.h"
#include "../jobs/left.h"
#include "../jobs/parts.h"
#include "../jobs/resume.h"
#include "../remote/remote.h"
#include "cli.h"
#include "report_json.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_MAX 1000

/* Where the results of a batch go. */
struct target {
    const struct cli_job *job;
    const char *folder; /* or URI; NULL: nothing is written */
};

/* Make the folders that a result stands in, the folder of all among them. */
static int make_folders(const char *folder, const char *output)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", folder, output);

    if (n >= (int)sizeof path)
        return -1;
    for (char *slash = path + strlen(folder) - 1; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return 0;
}

/* Beside each result below a URI stands its report, which is alone where it says why there is none.
 */
static int publish_far(const struct cli_job *job, const char *dir, const char *folder,
                       const char *output, const json_t *report)
{
    bool unpacked = job->cli->unpacked && dir;
    char *uri = NULL;
    int status;

    if (asprintf(&uri, "%s%s%s", folder, output, unpacked ? "/" : "") < 0)
        return EXIT_INTERNAL;
    status = unpacked ? cli_folder_publish(job, dir, uri, report)
                      : cli_uri_publish(job, dir, uri, report);
    free(uri);
    return status;
}

int cli_batch_publish(const struct cli_job *job, const char *dir, const char *folder,
                      const char *output, const json_t *report)
{
    char path[PATH_MAX];

    if (remote_is_uri(folder))
        return publish_far(job, dir, folder, output, report);
    if (!dir)
        return EXIT_FINE;
    if (make_folders(folder, output) < 0 ||
        snprintf(path, sizeof path, "%s/%s", folder, output) >= (int)sizeof path) {
        cli_error("cannot write %s in %s: %s", output, folder, strerror(errno));
        return EXIT_CANNOT_WRITE;
    }
    if (report && cli_write_script(job, path, report) != EXIT_FINE)
        return EXIT_CANNOT_WRITE;
    return job->cli->unpacked ? cli_folder_publish(job, dir, path, report) : cli_publish(dir, path);
}

static bool is_made(void *context, const struct found_model *model)
{
    const struct cli_job *job = ((const struct target *)context)->job;

    return job->resume && resume_has_model(job->resume, model, job->inputs, job->n_inputs);
}

static int take(void *context, const struct found_model *model, const char *dir, bool done,
                json_t *report)
{
    const struct target *target = context;
    const struct cli_job *job = target->job;

    if (!target->folder)
        return 0;
    if (job->resume && report && done)
        resume_note(job->resume, report, model, job->inputs, job->n_inputs);
    if (cli_batch_publish(job, done ? dir : NULL, target->folder, model->output, report) ==
        EXIT_FINE)
        return 0;
    return -1;
}

/* One line a model: where it was, what came out, and where that is or why it is not. */
static void print_summary(const json_t *summary, bool planned)
{
    const json_t *rows = json_object_get(summary, "models");
    const json_t *counts = json_object_get(summary, "counts");
    json_int_t skipped = json_integer_value(json_object_get(counts, "skipped"));
    json_t *table = json_array();

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *verdict = json_string_value(json_object_get(row, "verdict"));
        const char *code = json_string_value(json_object_get(row, "code"));
        const char *result = json_string_value(json_object_get(row, code ? "reason" : "artifact"));

        json_array_append_new(table, json_pack("{s:s*, s:s, s:s}", "model",
                                               json_string_value(json_object_get(row, "path")),
                                               "verdict", verdict ? verdict : "failed", "result",
                                               result ? result : ""));
    }
    cli_print_table(stderr, table, ROWS_MAX);
    fprintf(stderr, "%lld of %zu models %s",
            (long long)json_integer_value(json_object_get(counts, "succeeded")),
            json_array_size(rows), planned ? "can be converted" : "converted");
    if (skipped > 0)
        fprintf(stderr, ", %lld of them before: what they were made of is as it was",
                (long long)skipped);
    fputc('\n', stderr);
    json_decref(table);
}

static bool has_failed(const json_t *summary)
{
    return json_integer_value(json_object_get(json_object_get(summary, "counts"), "failed")) > 0;
}

int cli_batch_tell(const struct cli_job *job, const json_t *summary, int status)
{
    const struct cli *cli = job->cli;
    bool failed = has_failed(summary);

    if (!summary)
        return EXIT_INTERNAL;
    if (!cli->quiet || failed)
        print_summary(summary, cli->dry_run);
    if (cli_write_report(job, summary) != EXIT_FINE && status == EXIT_FINE)
        return EXIT_CANNOT_WRITE;
    return status == EXIT_FINE && failed ? EXIT_REFUSED : status;
}

/* Folders have no suffix. */
static int name_folders(struct models *models, const struct cli *cli)
{
    for (size_t i = 0; cli->unpacked && i < models->n; i++) {
        struct found_model *model = &models->list[i];
        char *name = cli_folder_name(cli, model->output);

        if (!name)
            return -1;
        free(model->output);
        model->output = name;
    }
    return 0;
}

static bool in_parts(const struct cli_job *job)
{
    return job->parts && parts_are_several(job->parts);
}

/* What the worker found; it was not asked where an earlier call had made everything. */
static int load(struct models *out, const struct cli_job *job)
{
    const json_t *taken = job->resume ? resume_names(job->resume) : NULL;

    *out = (struct models){.scratch = -1};
    if (!cli_batch_found(job) && cli_batch_goes_on(job))
        return 0;
    return models_load(out, job->dir, job->inputs, job->n_inputs, &job->cli->request, taken,
                       in_parts(job));
}

bool cli_batch_goes_on(const struct cli_job *job)
{
    struct kf_refusal refusal;

    return (in_parts(job) || (job->resume && resume_count(job->resume) > 0)) &&
           (!kf_report_json_refusal(job->report, &refusal) ||
            kf_report_json_refused(job->report, KF_NOT_A_MODEL));
}

/* Each part is told when it is done; the report is of all of them. */
static int tell(const struct cli_job *job, const json_t *summary, int status)
{
    json_t *all = NULL;

    if (!in_parts(job) || !summary)
        return cli_batch_tell(job, summary, status);
    if (!job->cli->quiet || has_failed(summary))
        print_summary(summary, false);
    if (!parts_add(job->parts, summary) || !(all = parts_summary(job->parts)))
        status = EXIT_INTERNAL;
    if ((status != EXIT_FINE || !parts_go_on(job->parts)) &&
        cli_write_report(job, all) != EXIT_FINE && status == EXIT_FINE)
        status = EXIT_CANNOT_WRITE;
    json_decref(all);
    return status == EXIT_FINE && has_failed(summary) ? EXIT_REFUSED : status;
}

int cli_batch(const struct cli_job *job, const char *folder)
{
    struct target target = {job, folder};
    struct models models;
    struct job order;
    struct batch_result result;
    const struct batch batch = {.order = &order,
                                .request = &job->cli->request,
                                .models = &models,
                                .embed = true,
                                .is_made = is_made,
                                .take = take,
                                .context = &target};
    int status = cli_job_order(job, folder ? JOB_CONVERT : JOB_PLAN, &order);

    if (status != 0)
        return status;
    if (load(&models, job) == 0 && name_folders(&models, job->cli) == 0) {
        batch_run(&batch, &result);
        if (job->resume)
            resume_tell(job->resume, result.summary);
        status = tell(job, result.summary, cli_exit_of(result.job.outcome));
        json_decref(result.summary);
    } else {
        cli_error("the worker's list of models cannot be read");
        status = EXIT_INTERNAL;
    }
    models_finish(&models);
    return status;
}

bool cli_batch_found(const struct cli_job *job)
{
    int fd = -1;
    bool found = left_open(job->dir, "models.json", &fd) >= 0;

    if (found)
        close(fd);
    return found;
}
