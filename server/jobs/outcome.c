/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "outcome.h"
#include "../clock.h"
#include "../http/request.h"
#include "../server.h"
#include "conversion.h"
#include "left.h"
#include "report_json.h"
#include "resume.h"
#include "scratch.h"
#include "verify.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_BYTES_MAX 1024

static json_t *left_object(const char *dir, const char *name)
{
    json_t *value = left_json(dir, name);

    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

/* The report as the client gets it, by link, embedded or as the answer itself. */
static void publish(struct request *req)
{
    struct conversion *c = req->conversion;
    char *text;

    if (!c->report)
        return;
    kf_report_json_set_source(c->report, c->body.sha256);
    if (c->resume && !c->each && c->result.outcome == JOB_DONE)
        resume_note(c->resume, c->report, NULL, NULL, 0);
    if (c->params.filename[0] != '\0')
        kf_report_json_set_filename(c->report, c->params.filename);
    kf_report_json_set_timing(c->report, "upload", (double)(c->received - c->began));
    kf_report_json_set_timing(c->report, "queue", (double)(c->started - c->received));
    kf_report_json_set_timing(c->report, "work", (double)(c->ended - c->started));
    json_object_set_new(c->report, "id", json_string(c->id));
    json_object_set_new(c->report, "request_id", json_string(req->id));
    text = json_dumps(c->report, JSON_INDENT(2));
    if (text)
        c->report_text = blob_create(text, strlen(text));
    free(text);
    if (c->report_text && !c->stored)
        reports_keep(req->server->reports, c->id, req->principal, c->report_text);
}

int outcome_stem(const char *name)
{
    static const char *const ends[] = {".weights.h5", ".tar.gz"};
    size_t n = strlen(name);
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (n > strlen(ends[i]) && strcmp(name + n - strlen(ends[i]), ends[i]) == 0)
            return (int)(n - strlen(ends[i]));
    return dot && dot != name ? (int)(dot - name) : (int)n;
}

/* Lay out the tar or zip answer. In this thread, because a zip needs the artefact's CRC first. */
static void pack(struct conversion *c)
{
    char names[3][NAME_BYTES_MAX], *script = c->params.verify ? verify_script(c->report) : NULL;
    int stem = outcome_stem(c->artifact_name);
    size_t n = script ? 3 : 2;
    const struct archive_member members[] = {
        {.name = names[0], .size = c->artifact_size, .fd = c->artifact},
        {.name = names[1],
         .data = blob_data(c->report_text),
         .size = blob_size(c->report_text),
         .fd = -1},
        {.name = names[2], .data = script, .size = script ? strlen(script) : 0, .fd = -1},
    };

    snprintf(names[0], sizeof names[0], "%.*s-kferry/%s", stem, c->artifact_name, c->artifact_name);
    snprintf(names[1], sizeof names[1], "%.*s-kferry/report.json", stem, c->artifact_name);
    snprintf(names[2], sizeof names[2], "%.*s-kferry/verify.py", stem, c->artifact_name);
    if (script || !c->params.verify)
        c->archive = c->form == ANSWER_TAR ? archive_tar(members, n, time(NULL))
                                           : archive_zip(members, n, time(NULL));
    free(script);
}

static void collect_artifact(struct request *req)
{
    struct conversion *c = req->conversion;
    int64_t size = left_open(c->dir, "artifact", &c->artifact);

    if (!c->artifact_name)
        c->artifact_name = kf_artifact_name(&c->params);
    if (size < 0 || !c->artifact_name || !c->report_text) {
        c->result.outcome = JOB_INTERNAL;
        return;
    }
    c->artifact_size = (uint64_t)size;
    if (!c->stored && !c->artifact_type && (c->form == ANSWER_TAR || c->form == ANSWER_ZIP))
        pack(c);
}

/* The input is gone, the artefact is there until it is sent. */
static void settle_scratch(struct request *req)
{
    struct conversion *c = req->conversion;

    if (c->stored)
        return;
    job_dir_remove(c->dir);
    free(c->dir);
    c->dir = NULL;
    scratch_count(req->server->scratch, c->artifact_size);
    scratch_release(req->server->scratch, c->scratch);
    c->scratch = c->artifact_size;
}

void outcome_collect(struct request *req)
{
    struct conversion *c = req->conversion;

    if (c->result.outcome != JOB_CANCELLED) {
        if (!c->report)
            c->report = left_object(c->dir, "report.json");
        if (!conversion_has_target(c))
            c->facts = left_object(c->dir, "facts.json");
        publish(req);
    }
    if (c->result.outcome == JOB_DONE && c->task == JOB_CONVERT)
        collect_artifact(req);
    settle_scratch(req);
}
