/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../http/request.h"
#include "../server.h"
#include "../settings/config.h"
#include "batch.h"
#include "conversion.h"
#include "left.h"
#include "outcome.h"
#include "parts.h"
#include "report_json.h"
#include "resume.h"
#include "scratch.h"
#include "verify.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COPY_BYTES (256 * 1024)

/* What goes into the archive, while it is gathered. */
struct gathering {
    struct request *req;
    const char *stem; /* of the folder that everything stands in */
    const struct job_input *given;
    size_t n_given;
    struct archive_member *members;
    size_t n;
};

/* Takes the texts; `name` stands below the folder. */
static int add_member(struct gathering *g, const char *name, char *path, char *text, uint64_t size)
{
    struct archive_member *grown = realloc(g->members, (g->n + 1) * sizeof *grown);
    char *whole = NULL;

    if (grown)
        g->members = grown;
    if (!grown || asprintf(&whole, "%s-kferry/%s", g->stem, name) < 0) {
        free(path);
        free(text);
        return -1;
    }
    g->members[g->n++] =
        (struct archive_member){.name = whole, .data = text, .size = size, .fd = -1, .path = path};
    return 0;
}

static int add_json(struct gathering *g, const char *name, const json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2));

    return text ? add_member(g, name, NULL, text, strlen(text)) : -1;
}

/* The script that compares a result with what it was made of, called after it. */
static int add_script(struct gathering *g, const char *output, const json_t *report)
{
    char *text = verify_script(report), *name = NULL;
    int status = -1;

    if (text && asprintf(&name, "%s.verify.py", output) >= 0)
        status = add_member(g, name, NULL, text, strlen(text));
    else
        free(text);
    free(name);
    return status;
}

/* Move an artefact out of its folder, which goes, and count it. */
static int add_artifact(struct gathering *g, const struct found_model *model, const char *dir)
{
    struct conversion *c = g->req->conversion;
    char from[PATH_MAX], *to = NULL;
    int fd = -1;
    int64_t size = left_open(dir, "artifact", &fd);

    if (size < 0)
        return -1;
    close(fd);
    if (!scratch_reserve(g->req->server->scratch, (uint64_t)size))
        return -1;
    c->scratch += (uint64_t)size;
    if (snprintf(from, sizeof from, "%s/artifact", dir) >= (int)sizeof from ||
        asprintf(&to, "%s/artifact-%zu", c->dir, g->n) < 0)
        return -1;
    if (rename(from, to) < 0) {
        free(to);
        return -1;
    }
    return add_member(g, model->output, to, NULL, (uint64_t)size);
}

static bool is_made(void *context, const struct found_model *model)
{
    struct gathering *g = context;
    struct resume *resume = g->req->conversion->resume;

    return resume && resume_has_model(resume, model, g->given, g->n_given);
}

static int take(void *context, const struct found_model *model, const char *dir, bool done,
                json_t *report)
{
    struct gathering *g = context;
    char *name, path[PATH_MAX];
    int status = 0;

    if (g->req->conversion->task != JOB_CONVERT)
        return 0;
    if (g->req->conversion->resume && report && done)
        resume_note(g->req->conversion->resume, report, model, g->given, g->n_given);
    if (g->req->conversion->each)
        return snprintf(path, sizeof path, "%s/artifact", dir) < (int)sizeof path
                   ? conversion_deliver_one(g->req, model->output, done ? path : NULL, report)
                   : -1;
    if (done && add_artifact(g, model, dir) < 0)
        return -1;
    if (done && report && g->req->conversion->params.verify &&
        add_script(g, model->output, report) < 0)
        return -1;
    name = batch_report_name(model->output);
    if (report)
        status = name ? add_json(g, name, report) : -1;
    free(name);
    return status;
}

static int write_archive(const struct archive *archive, const char *path)
{
    char *piece = malloc(COPY_BYTES);
    FILE *out = fopen(path, "wxe");
    uint64_t at = 0, size = archive_size(archive);
    int status = piece && out ? 0 : -1;

    while (status == 0 && at < size) {
        ssize_t n = archive_read(archive, at, piece, COPY_BYTES);

        if (n <= 0 || fwrite(piece, 1, (size_t)n, out) != (size_t)n)
            status = -1;
        at += n > 0 ? (uint64_t)n : 0;
    }
    if (out && fclose(out) != 0)
        status = -1;
    free(piece);
    return status;
}

/* All that was gathered becomes the artefact, with the summary at its end. */
static int pack(struct gathering *g)
{
    struct conversion *c = g->req->conversion;
    bool tar = c->form == ANSWER_TAR;
    KF_AUTO(archive) archive = NULL;
    char path[PATH_MAX];

    kf_report_json_set_source(c->report, c->body.sha256);
    if (add_json(g, "summary.json", c->report) < 0)
        return -1;
    archive =
        tar ? archive_tar(g->members, g->n, time(NULL)) : archive_zip(g->members, g->n, time(NULL));
    if (!archive || snprintf(path, sizeof path, "%s/artifact", c->dir) >= (int)sizeof path ||
        !scratch_reserve(g->req->server->scratch, archive_size(archive)))
        return -1;
    c->scratch += archive_size(archive);
    c->artifact_type = tar ? "application/x-tar" : "application/zip";
    if (asprintf(&c->artifact_name, "%s-kferry.%s", g->stem, tar ? "tar" : "zip") < 0)
        c->artifact_name = NULL;
    return c->artifact_name ? write_archive(archive, path) : -1;
}

static void finish(struct gathering *g)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->members[i].path)
            unlink(g->members[i].path);
        free((char *)g->members[i].name);
        free((char *)g->members[i].path);
        free((void *)g->members[i].data);
    }
    free(g->members);
}

/* Each is where it belongs: what is left to be the artefact is the summary. */
static int leave_summary(struct gathering *g)
{
    struct conversion *c = g->req->conversion;
    char path[PATH_MAX];

    kf_report_json_set_source(c->report, c->body.sha256);
    if (snprintf(path, sizeof path, "%s/artifact", c->dir) >= (int)sizeof path ||
        json_dump_file(c->report, path, JSON_INDENT(2)) < 0)
        return -1;
    c->artifact_type = "application/json";
    c->artifact_name = strdup("summary.json");
    return c->artifact_name ? 0 : -1;
}

/* None could be converted: the first reason stands for all. */
static void refuse_all(struct request *req, const json_t *summary)
{
    const json_t *rows = json_object_get(summary, "models"), *first = json_array_get(rows, 0);
    const char *path = json_string_value(json_object_get(first, "path"));
    const char *reason = json_string_value(json_object_get(first, "reason"));

    request_fail(req, "conversion-refused", "none of the %zu models can be converted; %s: %s",
                 json_array_size(rows), path ? path : "", reason ? reason : "");
}

/* The summary of a part has its own place, and goes into that of all. */
static int add_part(struct request *req, const json_t *summary)
{
    struct conversion *c = req->conversion;
    const char *name = parts_add(c->parts, summary);

    c->each = true;
    c->body.sha256[0] = '\0'; /* the source is no file */
    if (!name || conversion_deliver_part(req, name, summary) < 0)
        return -1;
    json_decref(c->report);
    c->report = parts_summary(c->parts);
    return 0;
}

/* Was none made, now or before? */
static bool has_none(const json_t *summary)
{
    return json_integer_value(json_object_get(json_object_get(summary, "counts"), "succeeded")) ==
           0;
}

/* The summary is that of all. */
static void end(struct request *req, struct gathering *g)
{
    struct conversion *c = req->conversion;

    if (!c->report) {
        c->result.outcome = JOB_INTERNAL;
    } else if (has_none(c->report)) {
        refuse_all(req, c->report);
        c->result.outcome = JOB_REFUSED;
    } else if (c->task == JOB_CONVERT && (c->each ? leave_summary(g) : pack(g)) < 0) {
        c->result.outcome = JOB_CANNOT_WRITE;
    }
}

static void conclude(struct request *req, struct gathering *g, struct batch_result *result)
{
    struct conversion *c = req->conversion;
    uint64_t wall_ms = c->result.wall_ms;

    c->result = result->job;
    c->result.wall_ms += wall_ms;
    if (c->resume)
        resume_tell(c->resume, result->summary);
    if (c->result.outcome == JOB_DONE && conversion_in_parts(c)) {
        if (add_part(req, result->summary) < 0)
            c->result.outcome = JOB_CANNOT_WRITE;
    } else if (c->result.outcome == JOB_DONE) {
        json_decref(c->report);
        c->report = json_incref(result->summary);
    }
    if (c->each && c->result.outcome == JOB_CANNOT_WRITE) /* or nobody waits any more */
        c->result.outcome = req->failure.code ? JOB_REMOTE : JOB_CANCELLED;
    if (c->result.outcome == JOB_DONE && !(c->parts && parts_go_on(c->parts)))
        end(req, g);
}

static void run(struct request *req, const struct models *models, const struct job_input *inputs,
                size_t n_inputs)
{
    struct conversion *c = req->conversion;
    char *stem = strndup(c->params.filename, (size_t)outcome_stem(c->params.filename));
    const struct job order = {
        .dir = c->dir,
        .task = c->task,
        .sandbox = (enum sandbox_mode)req->server->config->sandbox,
        .limits = config_job_limits(req->server->config),
        .progress = c->progress,
        .cancel_fd = c->cancel_fd,
    };
    struct gathering g = {
        .req = req, .stem = stem && *stem ? stem : "models", .given = inputs, .n_given = n_inputs};
    const struct batch batch = {.order = &order,
                                .request = &c->params,
                                .models = models,
                                .place = &c->place,
                                .embed = c->task != JOB_CONVERT,
                                .is_made = is_made,
                                .take = take,
                                .context = &g};
    struct batch_result result;

    batch_run(&batch, &result);
    conclude(req, &g, &result);
    json_decref(result.summary);
    finish(&g);
    free(stem);
}

void conversion_skip(struct request *req)
{
    struct models none = {.scratch = -1};

    if (conversion_check_several(req) == 0)
        run(req, &none, NULL, 0);
}

void conversion_run_batch(struct request *req, const struct job_input *inputs, size_t n_inputs)
{
    struct conversion *c = req->conversion;
    struct models models;

    if (c->stored && c->form != ANSWER_ZIP)
        c->form = ANSWER_TAR;
    if (c->task == JOB_CONVERT && conversion_check_several(req) < 0)
        return;
    if (c->task == JOB_CONVERT && !c->each && c->form != ANSWER_TAR && c->form != ANSWER_ZIP) {
        request_fail(req, "not-acceptable",
                     "there are several models in it: their results come as application/x-tar or "
                     "application/zip");
        return;
    }
    if (models_load(&models, c->dir, inputs, n_inputs, &c->params,
                    c->resume ? resume_names(c->resume) : NULL, conversion_in_parts(c)) == 0)
        run(req, &models, inputs, n_inputs);
    else
        c->result.outcome = JOB_INTERNAL;
    models_finish(&models);
}
