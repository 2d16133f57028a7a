/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tasks.h"
#include "../cli/exit_codes.h"
#include "inputs.h"
#include "models.h"
#include "params.h"
#include "report_json.h"
#include "tell.h"
#include <kf/bundle.h>
#include <kf/convert.h>
#include <kf/diff.h>
#include <kf/format.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DIFF_SCHEMA  "urn:kferry:diff:1" /* the $id of diff.schema.json */
#define DIFF_VERSION 1

struct task {
    const char *name;
    bool has_target;
    /* NULL: nothing but what the input holds is asked for, or `run_all` takes all inputs. */
    int (*run)(const struct kf_input *in, const struct kf_request *req, struct kf_report *rep);
    int (*run_all)(const struct inputs *inputs, const struct kf_request *req,
                   struct kf_report *rep);
};

static int put(const char *text, size_t n, void *file)
{
    return fwrite_unlocked(text, 1, n, file) == n ? 0 : -1;
}

/* A file of the job, which appears whole: what stands in `part` gets its name. */
static int save(FILE *part, const char *path, const char *name, int bad)
{
    bool failed = part && ferror(part);

    if (!part || fclose(part) != 0 || failed)
        return EXIT_CANNOT_WRITE;
    if (bad)
        return EXIT_NO_MEMORY;
    return rename(path, name) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}

/* NULL is memory that ran out. Takes `value`. */
static int save_new(const char *name, json_t *value)
{
    char path[64];
    FILE *part;
    int bad;

    if (!value)
        return EXIT_NO_MEMORY;
    snprintf(path, sizeof path, "%s.part", name);
    part = fopen(path, "we");
    bad = part ? json_dump_callback(value, put, part, JSON_COMPACT) : 0;
    json_decref(value);
    return save(part, path, name, bad);
}

/* The exit status that a report stands for. */
static int status_of(const struct kf_report *rep)
{
    switch (rep->first_failure) {
    case KF_OK:
        return EXIT_FINE;
    case KF_NO_MEMORY:
        return EXIT_NO_MEMORY;
    case KF_WRITE_FAILED:
        return EXIT_CANNOT_WRITE;
    default:
        return kf_code_grade(rep->first_failure) == KF_GRADE_FATAL ? EXIT_INTERNAL : EXIT_REFUSED;
    }
}

static int convert(const struct kf_input *in, const struct kf_request *req, struct kf_report *rep)
{
    kf_convert(in, "artifact", &req->options, rep);
    return status_of(rep);
}

static int plan(const struct kf_input *in, const struct kf_request *req, struct kf_report *rep)
{
    kf_plan_only(in, &req->options, rep);
    return status_of(rep);
}

/* What would become of the file as one target, with the options of the request. */
static json_t *verdict_json(const struct kf_input *in, const struct kf_request *req,
                            const struct kf_format_info *writer)
{
    struct kf_options options = req->options;
    struct kf_report rep;
    json_t *verdict;

    kf_report_init(&rep);
    options.to = writer->name;
    options.keras = 0;
    kf_plan_only(in, &options, &rep);
    verdict =
        json_pack("{s:s, s:s?, s:s, s:s}", "to", writer->name, "keras_version",
                  rep.target.keras_version, "verdict", kf_verdict_name(kf_report_verdict(&rep)),
                  "training", kf_training_name(rep.training));
    for (size_t i = 0; verdict && i < rep.n_entries; i++)
        if (rep.entries[i].code == rep.first_failure) {
            json_object_set_new(verdict, "code", json_string(kf_code_slug(rep.first_failure)));
            json_object_set_new(verdict, "where", json_string(rep.entries[i].where));
            json_object_set_new(verdict, "reason", json_string(rep.entries[i].what));
            break;
        }
    kf_report_finish(&rep);
    return verdict;
}

/* One for each target that files of the reader's may become. */
static json_t *verdicts_json(const struct kf_input *in, const struct kf_request *req,
                             const char *reader)
{
    const struct kf_format_info *writer;
    json_t *list = json_array();

    for (size_t i = 0; (writer = kf_writer_info(i)); i++)
        if (!writer->only || (reader && strcmp(writer->only, reader) == 0))
            json_array_append_new(list, verdict_json(in, req, writer));
    return list;
}

/* That a file is no model, or cannot be converted, is an answer here. */
static int inspect(const struct kf_input *in, const struct kf_request *req, struct kf_report *rep)
{
    json_t *facts = NULL;
    int status;

    kf_inspect(in, &req->options, rep, &facts);
    status = status_of(rep);
    if (status != EXIT_FINE && status != EXIT_REFUSED) {
        json_decref(facts);
        return status;
    }
    if (facts)
        json_object_set_new(facts, "targets", verdicts_json(in, req, rep->source.format));
    return save_new("facts.json", facts);
}

/* What an input is that is not one model; `bundle` is NULL where it cannot be taken apart. */
static int inspect_bundle(const struct kf_bundle *bundle, struct kf_report *rep)
{
    json_t *facts = json_pack("{s:s?, s:s?, s:n, s:n, s:n, s:n, s:[], s:[], s:[]}", "format",
                              rep->source.format, "title", rep->source.title, "keras_version",
                              "backend", "model", "graph", "layers", "tensors", "loads_in");
    json_t *held = bundle ? kf_bundle_facts(bundle, rep) : json_object();

    if (!held || json_object_update(facts, held) < 0) {
        json_decref(facts);
        facts = NULL;
    }
    json_decref(held);
    return save_new("facts.json", facts);
}

/* Each model is a job of its own, for whoever gave this one. */
static int hand_back(struct kf_bundle *bundle, const struct kf_report *rep)
{
    int status = save_new("models.json", models_json(bundle));

    kf_bundle_keep(bundle);
    return status == EXIT_FINE ? status_of(rep) : status;
}

static int run_bundle(const struct task *task, struct kf_bundle *bundle,
                      const struct kf_request *req, struct kf_report *rep)
{
    const struct kf_input *one;

    if (!task->run && kf_bundle_count(bundle) > 0)
        return hand_back(bundle, rep);
    if (!task->has_target && kf_bundle_count(bundle) > 1) {
        kf_bundle_describe(rep);
        return inspect_bundle(bundle, rep);
    }
    one = kf_bundle_one(bundle, rep);
    if (one)
        return task->run(one, req, rep);
    if (!task->has_target)
        return inspect_bundle(bundle, rep);
    return kf_bundle_count(bundle) > 1 ? hand_back(bundle, rep) : status_of(rep);
}

static int run(const struct task *task, const struct inputs *inputs, const struct kf_request *req,
               struct kf_report *rep)
{
    struct kf_bundle *bundle = NULL;
    int status;

    if (task->run_all)
        return task->run_all(inputs, req, rep);
    if (inputs->settled && task->run)
        return task->run(&inputs->model, req, rep);
    if (kf_bundle_open(&bundle, &inputs->model, &req->options, rep) < 0) {
        status = status_of(rep);
        return task->has_target || status != EXIT_REFUSED ? status : inspect_bundle(NULL, rep);
    }
    status = run_bundle(task, bundle, req, rep);
    kf_bundle_destroy(bundle);
    return status;
}

/* Two files beside each other; the architecture, where one is given, is that of both. */
static int diff(const struct inputs *inputs, const struct kf_request *req, struct kf_report *rep)
{
    struct kf_input a = inputs->model, b;
    json_t *facts = NULL;

    if (a.n_shards != 1) {
        kf_report_add(rep, KF_BAD_OPTION, "", "two files are compared, and %zu are given",
                      a.n_shards + 1);
        return EXIT_REFUSED;
    }
    b = a.shards[0];
    b.architecture = a.architecture;
    a.shards = NULL;
    a.n_shards = 0;
    if (kf_diff(&a, &b, &req->options, rep, &facts) < 0)
        return status_of(rep);
    json_object_set_new(facts, "$schema", json_string(DIFF_SCHEMA));
    json_object_set_new(facts, "diff_version", json_integer(DIFF_VERSION));
    json_object_set_new(json_object_get(facts, "a"), "filename", json_string(a.name));
    json_object_set_new(json_object_get(facts, "b"), "filename", json_string(b.name));
    return save_new("facts.json", facts);
}

static const struct task tasks[] = {
    {.name = "convert", .has_target = true, .run = convert},
    {.name = "plan", .has_target = true, .run = plan},
    {.name = "inspect", .run = inspect},
    {.name = "list", .has_target = true},
    {.name = "diff", .run_all = diff},
};

const struct task *task_find(const char *name)
{
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
        if (strcmp(tasks[i].name, name) == 0)
            return &tasks[i];
    return NULL;
}

static int load_request(const struct task *task, struct kf_request *req, struct inputs *inputs,
                        struct kf_param_error *err)
{
    json_error_t error;
    json_t *object = json_load_file("request.json", JSON_REJECT_DUPLICATES, &error);
    int status = -1;

    if (!object)
        snprintf(err->detail, sizeof err->detail, "request.json: %.200s", error.text);
    else if (inputs_take(inputs, object) < 0)
        snprintf(err->detail, sizeof err->detail, "request.json does not tell the inputs");
    else
        status = kf_request_from_json(req, object, err);
    json_decref(object);
    return status == 0 && task->has_target ? kf_request_check(req, err) : status;
}

static int save_report(const struct kf_report *rep, const struct kf_request *req, bool rows)
{
    static const char name[] = "report.json", path[] = "report.json.part";
    const char *filename = req->filename[0] != '\0' ? req->filename : NULL;
    FILE *part = fopen(path, "we");
    int bad = part ? kf_report_json_write(rep, filename, rows, put, part) : 0;

    return save(part, path, name, bad);
}

int task_run(const struct task *task)
{
    struct kf_progress progress = {.tell = tell_progress};
    struct kf_param_error err = {0};
    struct inputs inputs = {0};
    struct kf_request req;
    struct kf_report rep;
    int status, saved;

    kf_request_init(&req);
    kf_report_init(&rep);
    if (load_request(task, &req, &inputs, &err) < 0) {
        kf_report_add(&rep, KF_BAD_OPTION, "", "%s", err.detail);
        status = EXIT_REFUSED;
    } else {
        req.options.progress = rep.progress = &progress;
        req.options.passes = inputs.passes;
        status = run(task, &inputs, &req, &rep);
    }
    saved = save_report(&rep, &req, !inputs.brief);
    if (saved != EXIT_FINE && status != EXIT_NO_MEMORY)
        status = saved;
    kf_report_finish(&rep);
    kf_request_finish(&req);
    inputs_finish(&inputs);
    return status;
}
