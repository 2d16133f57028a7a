/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../jobs/untar.h"
#include "cli_remote.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * The tar in which a service sends several results, as tar.c lays it out. Only what its summary
 * names is taken out of it.
 */

#define REPORT_MAX  ((uint64_t)64 << 20)
#define SUMMARY_URN "urn:kferry:summary:"

struct unpacking {
    const struct cli_job *job;
    const char *folder;
    struct untar tar;
    unsigned n_taken;
};

bool cli_remote_is_summary(const struct cli_job *job)
{
    const char *schema = json_string_value(json_object_get(job->report, "$schema"));

    return schema && strncmp(schema, SUMMARY_URN, strlen(SUMMARY_URN)) == 0;
}

/* A folder's name has no suffix, in the summary neither. */
static int publish(struct unpacking *un, json_t *row, const char *dir, const char *output)
{
    char *name = cli_folder_name(un->job->cli, output);
    int status = EXIT_INTERNAL;

    if (name && json_object_set_new(row, "artifact", json_string(name)) == 0)
        status = cli_batch_publish(un->job, dir, un->folder, name, NULL);
    free(name);
    return status;
}

/* Copy the member into a folder of its own, from where it is published. */
static int take_artifact(struct unpacking *un, json_t *row, const char *output)
{
    char dir[PATH_MAX], path[PATH_MAX];

    if (snprintf(dir, sizeof dir, "%s/result-%u", un->job->dir, un->n_taken++) < (int)sizeof dir &&
        mkdir(dir, 0700) == 0 &&
        snprintf(path, sizeof path, "%s/artifact", dir) < (int)sizeof path &&
        untar_copy_new(&un->tar, path))
        return publish(un, row, dir, output);
    cli_error("cannot unpack %s: %s", output, strerror(errno));
    return EXIT_CANNOT_WRITE;
}

/* Into the summary, as the command line has it, and beside the result where that is far away. */
static int take_report(struct unpacking *un, json_t *row, const char *name)
{
    size_t n = un->tar.size < REPORT_MAX ? (size_t)un->tar.size : 0;
    char *text = malloc(n + 1);
    json_t *report = NULL;
    char *uri = NULL;
    int status = EXIT_FINE;

    if (text && n > 0 && fread(text, 1, n, un->tar.in) == n) {
        report = json_loadb(text, n, 0, NULL);
        un->tar.left = 0;
    }
    free(text);
    if (!report)
        return EXIT_UNAVAILABLE;
    if (remote_is_uri(un->folder))
        status = asprintf(&uri, "%s%s", un->folder, name) < 0
                     ? EXIT_INTERNAL
                     : cli_uri_store_json(un->job, uri, report);
    free(uri);
    json_object_set_new(row, "report", report);
    return status;
}

/* A member stands below one folder of the archive; what the summary does not name is passed over.
 */
static int take_member(struct unpacking *un)
{
    const json_t *rows = json_object_get(un->job->report, "models");
    const char *name = untar_below(&un->tar);

    for (size_t i = 0; name && i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        const char *artifact = json_string_value(json_object_get(row, "artifact"));
        const char *report = json_string_value(json_object_get(row, "report"));

        if (artifact && strcmp(artifact, name) == 0)
            return take_artifact(un, row, name);
        if (report && strcmp(report, name) == 0)
            return take_report(un, row, name);
    }
    return EXIT_FINE;
}

static int unpack(struct unpacking *un)
{
    int status = EXIT_FINE, more;

    while (status == EXIT_FINE && (more = untar_next(&un->tar)) != 0)
        status = more < 0 ? EXIT_UNAVAILABLE : take_member(un);
    if (status == EXIT_UNAVAILABLE)
        cli_error("the archive of the results is damaged");
    return status;
}

int cli_remote_unpack(const struct cli_job *job, const char *folder, int status)
{
    struct unpacking un = {.job = job, .folder = folder};
    char path[PATH_MAX];

    if (folder && status == EXIT_FINE) {
        if (snprintf(path, sizeof path, "%s/artifact", job->dir) < (int)sizeof path)
            un.tar.in = fopen(path, "re");
        if (!un.tar.in) {
            cli_error("cannot read the results: %s", strerror(errno));
            return EXIT_INTERNAL;
        }
        status = unpack(&un);
        fclose(un.tar.in);
    }
    return cli_batch_tell(job, job->report, status);
}
