/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "batch.h"
#include "left.h"
#include "problem.h"
#include "report_json.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUMMARY_SCHEMA  "urn:kferry:summary:1" /* the $id of summary.schema.json */
#define SUMMARY_VERSION 1

char *batch_report_name(const char *output)
{
    char *name = NULL;

    return asprintf(&name, "%s.report.json", output) < 0 ? NULL : name;
}

/* The ends that are a model's own doing; after any other there is no use in going on. */
static bool is_models_fault(enum job_outcome outcome)
{
    return outcome < JOB_CANCELLED;
}

static void put_text(json_t *row, const char *key, const char *text)
{
    if (text)
        json_object_set_new(row, key, json_string(text));
}

/* Why there is no result: the first reason of the report, or how the worker ended. */
static void put_reason(json_t *row, const json_t *report, enum job_outcome outcome)
{
    const struct kf_problem_type *type = kf_problem_type(job_outcome_slug(outcome));
    struct kf_refusal refusal;

    if (outcome == JOB_REFUSED && report && kf_report_json_refusal(report, &refusal)) {
        put_text(row, "code", refusal.code);
        put_text(row, "where", refusal.where);
        put_text(row, "reason", refusal.reason);
        put_text(row, "way_out", refusal.way_out);
        return;
    }
    put_text(row, "code", type->code);
    put_text(row, "reason", type->title);
    put_text(row, "way_out", type->hint);
}

static json_t *row_json(const struct batch *batch, const struct found_model *model,
                        enum job_outcome outcome, json_t *report)
{
    bool written = outcome == JOB_DONE && batch->order->task == JOB_CONVERT;
    char *name = batch_report_name(model->output);
    json_t *verdict = json_object_get(report, "verdict");
    json_t *row = json_pack(
        "{s:s, s:O, s:O?, s:s?}", "path", model->path, "verdict",
        verdict && is_models_fault(outcome) && outcome <= JOB_REFUSED ? verdict : json_null(),
        "training", json_object_get(report, "training"), "artifact",
        written ? model->output : NULL);

    if (!report)
        json_object_set_new(row, "report", json_null());
    else if (batch->embed)
        json_object_set(row, "report", report);
    else
        put_text(row, "report", name);
    if (outcome != JOB_DONE)
        put_reason(row, report, outcome);
    free(name);
    return row;
}

/* What is known only out here goes into the report of the one. */
static json_t *load_report(const char *dir, const struct job_result *result)
{
    json_t *report = left_json(dir, "report.json");

    if (json_is_object(report)) {
        kf_report_json_set_timing(report, "work", (double)result->wall_ms);
        return report;
    }
    json_decref(report);
    return NULL;
}

static void run_worker(const struct batch *batch, const struct found_model *model, const char *dir,
                       struct job_result *out)
{
    struct job job = *batch->order;
    struct kf_request request;

    *out = (struct job_result){.outcome = JOB_CANNOT_WRITE};
    job.dir = dir;
    if (job.progress >= 0 && !progress_lend(job.progress, batch->order->dir, dir))
        job.progress = -1;
    job.inputs = model->inputs;
    job.n_inputs = model->n_inputs;
    if (models_request(&request, batch->request, model) == 0 &&
        job_write_request(dir, &request, model->inputs, model->n_inputs,
                          (struct job_told){.settled = true}) == 0)
        job_run(&job, out);
    job_bury();
    kf_request_finish(&request);
}

static void add_result(struct batch_result *sum, const struct job_result *one)
{
    sum->job.wall_ms += one->wall_ms;
    sum->job.cpu_ms += one->cpu_ms;
    sum->job.pid = one->pid;
    if (one->max_rss > sum->job.max_rss)
        sum->job.max_rss = one->max_rss;
    sum->n_done += one->outcome == JOB_DONE;
}

static void run_one(const struct batch *batch, const struct found_model *model, const char *dir,
                    struct batch_result *out, json_t *rows)
{
    struct job_result one;
    json_t *report;

    run_worker(batch, model, dir, &one);
    report = load_report(dir, &one);
    if (one.outcome == JOB_DONE && !report)
        one.outcome = JOB_INTERNAL;
    if (is_models_fault(one.outcome) &&
        batch->take(batch->context, model, dir, one.outcome == JOB_DONE, report) < 0)
        one.outcome = JOB_CANNOT_WRITE;
    add_result(out, &one);
    if (is_models_fault(one.outcome))
        json_array_append_new(rows, row_json(batch, model, one.outcome, report));
    else
        out->job.outcome = one.outcome;
    json_decref(report);
}

static json_t *summary_new(const struct batch *batch, size_t n_done, json_t *rows)
{
    size_t n = json_array_size(rows);

    return json_pack("{s:s, s:i, s:{s:s, s:n}, s:{s:s?}, s:{s:I, s:I, s:I}, s:{}, s:o}", "$schema",
                     SUMMARY_SCHEMA, "summary_version", SUMMARY_VERSION, "source", "filename",
                     batch->request->filename, "sha256", "target", "format",
                     batch->request->options.to, "counts", "models", (json_int_t)n, "succeeded",
                     (json_int_t)n_done, "failed", (json_int_t)(n - n_done), "timings", "models",
                     rows);
}

void batch_run(const struct batch *batch, struct batch_result *out)
{
    /* Of a folder in parts, those of the parts before count too. */
    unsigned before = batch->place ? atomic_load(&batch->place->done) : 0;
    json_t *rows = json_array();
    char dir[PATH_MAX];

    *out = (struct batch_result){.job.outcome = JOB_DONE};
    if (batch->place)
        atomic_store(&batch->place->total, before + (unsigned)batch->models->n);
    for (size_t i = 0; i < batch->models->n && out->job.outcome == JOB_DONE; i++) {
        if (batch->is_made && batch->is_made(batch->context, &batch->models->list[i]))
            continue;
        if (snprintf(dir, sizeof dir, "%s/model-%zu", batch->order->dir, i) >= (int)sizeof dir ||
            mkdir(dir, 0700) < 0) {
            out->job.outcome = JOB_CANNOT_WRITE;
            break;
        }
        run_one(batch, &batch->models->list[i], dir, out, rows);
        job_dir_remove(dir);
        if (batch->place && out->job.outcome == JOB_DONE)
            atomic_store(&batch->place->done, before + (unsigned)i + 1);
    }
    out->summary = summary_new(batch, out->n_done, rows);
}
