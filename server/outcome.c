/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "outcome.h"
#include "clock.h"
#include "conversion.h"
#include "report_json.h"
#include "request.h"
#include "scratch.h"
#include "server.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A report of a million tensors has about 500 bytes for each; one beyond this is hostile. */
#define JSON_BYTES_MAX (INT64_C(512) << 20)
#define NAME_BYTES_MAX 1024

/* Open a plain file of the job's folder: its size, or -1. */
static int64_t open_plain(const char *dir, const char *name, int *fd_out)
{
    char path[PATH_MAX];
    struct stat st;
    int fd;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
        close(fd);
        return -1;
    }
    *fd_out = fd;
    return st.st_size;
}

static json_t *load_json(const char *dir, const char *name)
{
    json_t *value = NULL;
    json_error_t error;
    int fd = -1;
    int64_t size = open_plain(dir, name, &fd);

    if (size < 0)
        return NULL;
    if (size <= JSON_BYTES_MAX)
        value = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
    close(fd);
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
        reports_keep(req->server->reports, c->id, c->report_text);
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
    char names[2][NAME_BYTES_MAX];
    int stem = outcome_stem(c->artifact_name);
    const struct archive_member members[] = {
        {names[0], NULL, c->artifact_size, c->artifact},
        {names[1], blob_data(c->report_text), blob_size(c->report_text), -1},
    };

    snprintf(names[0], sizeof names[0], "%.*s-kferry/%s", stem, c->artifact_name, c->artifact_name);
    snprintf(names[1], sizeof names[1], "%.*s-kferry/report.json", stem, c->artifact_name);
    c->archive = c->form == ANSWER_TAR ? archive_tar(members, 2, time(NULL))
                                       : archive_zip(members, 2, time(NULL));
}

static void collect_artifact(struct request *req)
{
    struct conversion *c = req->conversion;
    int64_t size = open_plain(c->dir, "artifact", &c->artifact);

    c->artifact_name = kf_artifact_name(&c->params);
    if (size < 0 || !c->artifact_name || !c->report_text) {
        c->result.outcome = JOB_INTERNAL;
        return;
    }
    c->artifact_size = (uint64_t)size;
    if (c->form == ANSWER_TAR || c->form == ANSWER_ZIP)
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
        c->report = load_json(c->dir, "report.json");
        if (c->task == JOB_INSPECT)
            c->facts = load_json(c->dir, "facts.json");
        publish(req);
    }
    if (c->result.outcome == JOB_DONE && c->task == JOB_CONVERT)
        collect_artifact(req);
    settle_scratch(req);
}
