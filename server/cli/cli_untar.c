/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli_remote.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The tar in which a service sends several results, as tar.c lays it out: ustar, and a pax header
 * for long names and big sizes. Only what its summary names is taken out of it.
 */

#define BLOCK       512
#define COPY_BYTES  ((size_t)256 << 10)
#define PAX_MAX     8192
#define REPORT_MAX  ((uint64_t)64 << 20)
#define SUMMARY_URN "urn:kferry:summary:"

struct header {
    char name[100], rest[24], size[12], mtime[12], checksum[8], type;
};

struct unpacking {
    const struct cli_job *job;
    const char *folder;
    FILE *in;
    char name[PATH_MAX]; /* of the next member, "" for none */
    uint64_t size;
    unsigned n_taken;
};

bool cli_remote_is_summary(const struct cli_job *job)
{
    const char *schema = json_string_value(json_object_get(job->report, "$schema"));

    return schema && strncmp(schema, SUMMARY_URN, strlen(SUMMARY_URN)) == 0;
}

/* Records "<length> <key>=<value>\n". */
static void read_pax(struct unpacking *un, char *text)
{
    for (char *line = text; *line;) {
        size_t n = strtoul(line, &line, 10);
        char *end = strchr(line, '\n');

        if (n == 0 || *line != ' ' || !end)
            return;
        *end = '\0';
        if (strncmp(line, " path=", 6) == 0)
            snprintf(un->name, sizeof un->name, "%s", line + 6);
        else if (strncmp(line, " size=", 6) == 0)
            un->size = strtoull(line + 6, NULL, 10);
        line = end + 1;
    }
}

static bool skip(struct unpacking *un, uint64_t n)
{
    return fseeko(un->in, (off_t)n, SEEK_CUR) == 0;
}

static uint64_t padding(uint64_t size)
{
    return (BLOCK - size % BLOCK) % BLOCK;
}

/* Step to the content of the next file: 1, 0 at the end, -1 for what is no such tar. */
static int next(struct unpacking *un)
{
    char block[BLOCK], text[PAX_MAX + 1], number[13] = "";
    struct header h;

    un->name[0] = '\0';
    un->size = 0;
    for (;;) {
        uint64_t size;

        if (fread(block, 1, BLOCK, un->in) != BLOCK)
            return -1;
        memcpy(&h, block, sizeof h);
        if (h.name[0] == '\0')
            return 0;
        memcpy(number, h.size, sizeof h.size);
        size = strtoull(number, NULL, 8);
        if (h.type != 'x') {
            if (un->name[0] == '\0')
                snprintf(un->name, sizeof un->name, "%.100s", h.name);
            if (un->size == 0)
                un->size = size;
            return 1;
        }
        if (size > PAX_MAX || fread(text, 1, (size_t)size, un->in) != size ||
            !skip(un, padding(size)))
            return -1;
        text[size] = '\0';
        read_pax(un, text);
    }
}

/* Below the folder and nowhere else. */
static bool is_safe(const char *path)
{
    if (*path == '/' || *path == '\0')
        return false;
    for (const char *at = path; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
            return false;
    }
    return true;
}

/* Copy the member into a folder of its own, from where it is published. */
static int take_artifact(struct unpacking *un, const char *output)
{
    char dir[PATH_MAX], path[PATH_MAX];
    char *piece = malloc(COPY_BYTES);
    uint64_t left = un->size;
    FILE *out = NULL;
    bool ok = piece != NULL;

    if (snprintf(dir, sizeof dir, "%s/result-%u", un->job->dir, un->n_taken++) < (int)sizeof dir &&
        mkdir(dir, 0700) == 0 && snprintf(path, sizeof path, "%s/artifact", dir) < (int)sizeof path)
        out = fopen(path, "wxe");
    for (; ok && out && left > 0;) {
        size_t n = left < COPY_BYTES ? (size_t)left : COPY_BYTES;

        ok = fread(piece, 1, n, un->in) == n && fwrite(piece, 1, n, out) == n;
        left -= n;
    }
    ok = out && fclose(out) == 0 && ok;
    free(piece);
    if (ok)
        return cli_batch_publish(un->job, dir, un->folder, output, NULL);
    cli_error("cannot unpack %s: %s", output, strerror(errno));
    return EXIT_CANNOT_WRITE;
}

/* Into the summary, as the command line has it. */
static int take_report(struct unpacking *un, json_t *row)
{
    char *text = un->size < REPORT_MAX ? malloc((size_t)un->size + 1) : NULL;
    json_t *report = NULL;

    if (text && fread(text, 1, (size_t)un->size, un->in) == un->size)
        report = json_loadb(text, (size_t)un->size, 0, NULL);
    free(text);
    if (report)
        json_object_set_new(row, "report", report);
    return report ? EXIT_FINE : EXIT_UNAVAILABLE;
}

/* A member stands below one folder of the archive; what the summary does not name is passed over.
 */
static int take_member(struct unpacking *un)
{
    const json_t *rows = json_object_get(un->job->report, "models");
    const char *slash = strchr(un->name, '/'), *name = slash ? slash + 1 : un->name;

    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        const char *artifact = json_string_value(json_object_get(row, "artifact"));
        const char *report = json_string_value(json_object_get(row, "report"));

        if (artifact && strcmp(artifact, name) == 0 && is_safe(name))
            return take_artifact(un, name);
        if (report && strcmp(report, name) == 0)
            return take_report(un, row);
    }
    return skip(un, un->size) ? EXIT_FINE : EXIT_UNAVAILABLE;
}

static int unpack(struct unpacking *un)
{
    int status = EXIT_FINE, more;

    while (status == EXIT_FINE && (more = next(un)) != 0) {
        uint64_t rest = padding(un->size);

        if (more < 0)
            status = EXIT_UNAVAILABLE;
        if (status == EXIT_FINE)
            status = take_member(un);
        if (status == EXIT_FINE && !skip(un, rest))
            status = EXIT_UNAVAILABLE;
    }
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
            un.in = fopen(path, "re");
        if (!un.in) {
            cli_error("cannot read the results: %s", strerror(errno));
            return EXIT_INTERNAL;
        }
        status = unpack(&un);
        fclose(un.in);
    }
    return cli_batch_tell(job, job->report, status);
}
