/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../jobs/untar.h"
#include "../remote/remote.h"
#include "cli.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A result that is a folder: the worker's tar is unpacked beside the place of the folder, which
 * then appears at once.
 */

#define SUFFIX ".tar"

/* What a SavedModel and an ONNX model with its weights have at their tops: a folder with nothing
 * else in it may be replaced by another. */
static const char *const known[] = {
    "saved_model.pb", "keras_metadata.pb", "fingerprint.pb", "variables",
    "assets",         "assets.extra",      "model.onnx",     "model.onnx.data"};

char *cli_folder_name(const struct cli *cli, const char *output)
{
    size_t n = strlen(output), end = strlen(SUFFIX);

    if (cli->unpacked && n > end && strcmp(output + n - end, SUFFIX) == 0)
        n -= end;
    return strndup(output, n);
}

/* Make the folders that the file `path` stands in, below the first `skip` bytes of it. */
static int make_folders(char *path, size_t skip)
{
    for (char *slash = path + skip; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return 0;
}

static int unpack(struct untar *tar, const char *folder)
{
    char path[PATH_MAX];
    int more;

    while ((more = untar_next(tar)) > 0) {
        const char *name = untar_below(tar);

        errno = ENAMETOOLONG;
        if (!name || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path ||
            make_folders(path, strlen(folder)) < 0 || !untar_copy_new(tar, path))
            return -1;
    }
    return more;
}

/* Unpack the artefact in `dir` into a folder beside it. */
static int unpack_artifact(const char *dir, char folder[PATH_MAX])
{
    struct untar tar = {0};
    char path[PATH_MAX];
    int status = -1;

    errno = ENAMETOOLONG;
    if (snprintf(path, sizeof path, "%s/artifact", dir) < (int)sizeof path &&
        snprintf(folder, PATH_MAX, "%s/folder", dir) < PATH_MAX && mkdir(folder, 0777) == 0)
        tar.in = fopen(path, "re");
    if (tar.in) {
        status = unpack(&tar, folder);
        fclose(tar.in);
    }
    return status;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i]) == 0)
            return true;
    return false;
}

static bool holds_others(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool others = dir == NULL;

    while (!others && (entry = readdir(dir)))
        others = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                 !is_known(entry->d_name);
    if (dir)
        closedir(dir);
    return others;
}

/* The old folder goes with the temporary one that it changes places with. */
static int replace(const char *folder, const char *to)
{
    if (holds_others(to)) {
        cli_error("cannot write %s: there is a folder with other things in it than a SavedModel",
                  to);
        return EXIT_CANNOT_WRITE;
    }
    if (renameat2(AT_FDCWD, folder, AT_FDCWD, to, RENAME_EXCHANGE) == 0)
        return EXIT_FINE;
    cli_error("cannot write %s: %s; remove it first", to, strerror(errno));
    return EXIT_CANNOT_WRITE;
}

static int publish_here(const char *folder, const char *to)
{
    if (rename(folder, to) == 0)
        return EXIT_FINE;
    if (errno == ENOTEMPTY || errno == EEXIST)
        return replace(folder, to);
    cli_error("cannot write %s: %s", to, strerror(errno));
    return EXIT_CANNOT_WRITE;
}

static int upload_file(const struct cli_job *job, const char *path, const char *name,
                       const char *uri)
{
    char *whole = NULL;
    int status;

    if (asprintf(&whole, "%s%s", uri, name) < 0)
        return EXIT_INTERNAL;
    status = cli_uri_store_file(job, path, whole);
    free(whole);
    return status;
}

/* Whoever waits for the folder of a SavedModel finds all of it when this file is there. */
static bool goes_last(const FTSENT *entry)
{
    return strcmp(entry->fts_name, "saved_model.pb") == 0;
}

static int in_order(const FTSENT **a, const FTSENT **b)
{
    if (goes_last(*a) != goes_last(*b))
        return goes_last(*a) - goes_last(*b);
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int upload(const struct cli_job *job, char *folder, const char *uri)
{
    char *roots[] = {folder, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, in_order);
    int status = walk ? EXIT_FINE : EXIT_INTERNAL;
    FTSENT *entry;

    while (status == EXIT_FINE && (entry = fts_read(walk)))
        if (entry->fts_info == FTS_F)
            status = upload_file(job, entry->fts_path, entry->fts_path + strlen(folder) + 1, uri);
    if (walk)
        fts_close(walk);
    return status;
}

/* The report goes last, beside the folder. */
static int publish_far(const struct cli_job *job, char *folder, const char *uri,
                       const json_t *report)
{
    char *beside = NULL;
    int status = upload(job, folder, uri);

    if (status != EXIT_FINE || !report)
        return status;
    if (asprintf(&beside, "%.*s.report.json", (int)strlen(uri) - 1, uri) < 0)
        return EXIT_INTERNAL;
    status = cli_uri_store_json(job, beside, report);
    free(beside);
    return status;
}

int cli_folder_publish(const struct cli_job *job, const char *dir, const char *to,
                       const json_t *report)
{
    char folder[PATH_MAX];

    if (unpack_artifact(dir, folder) < 0) {
        cli_error("cannot unpack the result: %s", strerror(errno));
        return EXIT_CANNOT_WRITE;
    }
    return remote_is_uri(to) ? publish_far(job, folder, to, report) : publish_here(folder, to);
}
