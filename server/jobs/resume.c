/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "resume.h"
#include "../digest.h"
#include "batch.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORTS_MAX ((size_t)100000)
#define END         ".report.json"

struct resume {
    char request[65]; /* digest of the options and the release */
    json_t *now;      /* {path: etag} of what is below the source */
    json_t *origins;  /* {name of a result: what it was made of} where that is still so */
    json_t *whole;    /* {path: true} of the files that are needed for nothing any more */
    json_t *rows;     /* {name of a result: its row} of what is passed over */
    json_t *names;    /* the keys of `origins` */
    json_t *verdicts; /* {name of a result: its row, should it be passed over} */
};

void resume_destroy(struct resume *resume)
{
    if (!resume)
        return;
    json_decref(resume->now);
    json_decref(resume->origins);
    json_decref(resume->whole);
    json_decref(resume->rows);
    json_decref(resume->names);
    json_decref(resume->verdicts);
    free(resume);
}

static bool hash_request(const struct kf_request *request, char out[65])
{
    json_t *object = kf_request_to_json(request);
    char *text = NULL;
    bool ok;

    json_object_del(object, "filename");
    json_object_del(object, "checkpoints"); /* which models there are, not what becomes of one */
    json_object_set_new(object, "release", json_string(KFERRY_VERSION));
    text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    ok = text && digest_sha256_text(text, out);
    free(text);
    json_decref(object);
    return ok;
}

/* Is every file of an origin below the source as it was then? */
static bool is_unchanged(const struct resume *resume, const json_t *origin)
{
    const json_t *files = json_object_get(origin, "files");
    const char *request = json_string_value(json_object_get(origin, "request")), *path, *etag;

    if (!request || strcmp(request, resume->request) != 0 || json_array_size(files) == 0)
        return false;
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i), *now;

        path = json_string_value(json_object_get(file, "path"));
        etag = json_string_value(json_object_get(file, "etag"));
        now = path ? json_object_get(resume->now, path) : NULL;
        if (!etag || *etag == '\0' || !now || strcmp(etag, json_string_value(now)) != 0)
            return false;
    }
    return true;
}

static bool has_path(const json_t *files, const char *path)
{
    for (size_t i = 0; i < json_array_size(files); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(files, i), "path")), path) == 0)
            return true;
    return false;
}

/* Do the files belong to this model alone: one file, or all that is in the model's folder? */
static bool is_alone(const struct resume *resume, const char *model, const json_t *files)
{
    size_t n = strlen(model), below = 0;
    const char *path;
    json_t *etag;

    if (json_array_size(files) == 1)
        return has_path(files, model);
    json_object_foreach(resume->now, path, etag)
    {
        if (n > 0 && (strncmp(path, model, n) != 0 || path[n] != '/'))
            continue;
        if (!has_path(files, path))
            return false;
        below++;
    }
    return below == json_array_size(files);
}

static void pass_over(struct resume *resume, const char *name)
{
    json_object_set(resume->rows, name, json_object_get(resume->verdicts, name));
}

/* Keep what one report tells, where it tells that a result is as it would be made now. */
static void take_report(struct resume *resume, const char *name, const json_t *report)
{
    json_t *origin = json_object_get(json_object_get(report, "source"), "origin");
    const json_t *files = json_object_get(origin, "files");
    const char *model = json_string_value(json_object_get(origin, "path"));
    char *report_name = batch_report_name(name);
    json_t *row;

    if (model && report_name && is_unchanged(resume, origin)) {
        row = json_pack("{s:s, s:O, s:O?, s:s, s:s, s:b}", "path", *model ? model : name, "verdict",
                        json_object_get(report, "verdict"), "training",
                        json_object_get(report, "training"), "artifact", name, "report",
                        report_name, "skipped", 1);
        json_object_set_new(resume->verdicts, name, row);
        json_object_set(resume->origins, name, origin);
        json_array_append_new(resume->names, json_string(name));
        if (is_alone(resume, model, files)) {
            pass_over(resume, name);
            for (size_t i = 0; i < json_array_size(files); i++)
                json_object_set_new(
                    resume->whole,
                    json_string_value(json_object_get(json_array_get(files, i), "path")),
                    json_true());
        }
    }
    free(report_name);
}

static bool read_report(struct resume *resume, struct remote_task *task,
                        const struct remote_entry *entry, const char *name, const char *dir)
{
    const struct remote_source source = {.uri = entry->uri};
    struct remote_got got = {0};
    char path[PATH_MAX];
    json_t *report;
    bool ok = snprintf(path, sizeof path, "%s/earlier", dir) < (int)sizeof path;

    if (ok && remote_fetch(task, &source, path, &got) == 0) {
        report = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
        take_report(resume, name, report);
        json_decref(report);
    }
    remote_got_finish(&got);
    unlink(path);
    ok = !task->failure.code || strcmp(task->failure.code, "cancelled") != 0;
    if (ok)
        task->failure = (struct remote_failure){0};
    return ok;
}

/* The reports whose results are there too. */
static void read_reports(struct resume *resume, struct remote_task *task, const char *target,
                         const struct remote_window *window, const char *dir)
{
    struct remote_task back = *task;
    struct remote_listing listing;
    json_t *there = json_object();
    bool go_on = true;

    back.looks_back = true;
    back.reserve = NULL;
    if (remote_list_all(&back, target, window, &listing, REPORTS_MAX) == 0)
        for (size_t i = 0; i < listing.n; i++)
            json_object_set_new(there, listing.list[i].name, json_true());
    for (size_t i = 0; go_on && i < listing.n; i++) {
        const struct remote_entry *entry = &listing.list[i];
        size_t n = strlen(entry->name), n_end = sizeof END - 1;
        char *name = n > n_end && strcmp(entry->name + n - n_end, END) == 0
                         ? strndup(entry->name, n - n_end)
                         : NULL;

        if (name && json_object_get(there, name))
            go_on = read_report(resume, &back, entry, name, dir);
        free(name);
    }
    remote_listing_finish(&listing);
    json_decref(there);
}

struct resume *resume_create(struct remote_task *task, const char *target,
                             const struct remote_window *window, const struct remote_listing *now,
                             const struct kf_request *request, const char *dir)
{
    KF_AUTO(resume) resume = calloc(1, sizeof *resume);

    if (!resume)
        return NULL;
    resume->now = json_object();
    resume->origins = json_object();
    resume->whole = json_object();
    resume->rows = json_object();
    resume->names = json_array();
    resume->verdicts = json_object();
    for (size_t i = 0; i < now->n; i++)
        json_object_set_new(resume->now, now->list[i].name, json_string(now->list[i].etag));
    if (!resume->verdicts || json_object_size(resume->now) != now->n ||
        !hash_request(request, resume->request))
        return NULL;
    if (target)
        read_reports(resume, task, target, window, dir);
    return resume_take(&resume);
}

bool resume_has_file(const struct resume *resume, const struct remote_entry *entry)
{
    return json_object_get(resume->whole, entry->name) != NULL;
}

static bool has_descriptor(const struct job_input *inputs, size_t n, int fd)
{
    for (size_t i = 0; i < n; i++)
        if (inputs[i].fd == fd)
            return true;
    return false;
}

/* The files that a model consists of, as an origin lists them; of what was unpacked all may be. */
static json_t *files_of(const struct resume *resume, const struct found_model *model,
                        const struct job_input *given, size_t n_given)
{
    json_t *files = json_array();
    bool unpacked = false;

    for (size_t k = 0; k < model->n_inputs; k++)
        unpacked = unpacked || !has_descriptor(given, n_given, model->inputs[k].fd);
    for (size_t i = 0; i < n_given; i++) {
        const char *etag = json_string_value(json_object_get(resume->now, given[i].name));

        if (etag && (unpacked || has_descriptor(model->inputs, model->n_inputs, given[i].fd)))
            json_array_append_new(files,
                                  json_pack("{s:s, s:s}", "path", given[i].name, "etag", etag));
    }
    return files;
}

static json_t *all_files(const struct resume *resume)
{
    json_t *files = json_array(), *etag;
    const char *path;

    json_object_foreach(resume->now, path, etag)
    {
        json_array_append_new(files, json_pack("{s:s, s:O}", "path", path, "etag", etag));
    }
    return files;
}

bool resume_has_model(struct resume *resume, const struct found_model *model,
                      const struct job_input *given, size_t n_given)
{
    json_t *files = files_of(resume, model, given, n_given), *origin;
    const char *name;
    bool found = false;

    json_object_foreach(resume->origins, name, origin)
    {
        const char *path = json_string_value(json_object_get(origin, "path"));

        if (strcmp(path, model->path) == 0 && json_array_size(files) > 0 &&
            json_equal(files, json_object_get(origin, "files"))) {
            pass_over(resume, name);
            found = true;
        }
    }
    json_decref(files);
    return found;
}

size_t resume_count(const struct resume *resume)
{
    return json_object_size(resume->rows);
}

const json_t *resume_names(const struct resume *resume)
{
    return resume->names;
}

void resume_note(const struct resume *resume, json_t *report, const struct found_model *model,
                 const struct job_input *given, size_t n_given)
{
    json_t *files = model ? files_of(resume, model, given, n_given) : all_files(resume);

    if (json_array_size(files) > 0)
        json_object_set_new(json_object_get(report, "source"), "origin",
                            json_pack("{s:s, s:s, s:O}", "path", model ? model->path : "",
                                      "request", resume->request, "files", files));
    json_decref(files);
}

static void add_count(json_t *counts, const char *name, size_t n)
{
    json_int_t before = json_integer_value(json_object_get(counts, name));

    json_object_set_new(counts, name, json_integer(before + (json_int_t)n));
}

void resume_tell(const struct resume *resume, json_t *summary)
{
    json_t *counts = json_object_get(summary, "counts"), *models, *row;
    size_t n = resume_count(resume);
    const char *name;

    models = json_object_get(summary, "models");
    json_object_foreach(resume->rows, name, row)
    {
        json_array_append(models, row);
    }
    if (n == 0)
        return;
    add_count(counts, "models", n);
    add_count(counts, "succeeded", n);
    add_count(counts, "skipped", n);
}
