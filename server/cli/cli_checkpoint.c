/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../remote/remote.h"
#include "cli_inputs.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of a checkpoint's name in TensorFlow, "d/ckpt-1" of "d/ckpt-1.index"; 0 for other files. */
static int prefix_of(const char *path)
{
    size_t n = strlen(path), end = strlen(".index");
    char index[PATH_MAX];

    if (remote_is_uri(path))
        return 0;
    if (n > end && strcmp(path + n - end, ".index") == 0)
        return (int)(n - end);
    return access(path, F_OK) < 0 && snprintf(index, sizeof index, "%s.index", path) < PATH_MAX &&
                   access(index, F_OK) == 0
               ? (int)n
               : 0;
}

bool cli_is_checkpoint(const char *path)
{
    return prefix_of(path) > 0;
}

/* Is it one of the files that were given? */
static bool is_given(const struct cli *cli, const char *path)
{
    struct stat file, given;

    if (stat(path, &file) < 0)
        return false;
    for (size_t i = 0; i < cli->n_inputs; i++)
        if (stat(cli->inputs[i], &given) == 0 && given.st_ino == file.st_ino &&
            given.st_dev == file.st_dev)
            return true;
    return false;
}

static int add_data(struct cli_job *job, const char *path, int folder, int prefix)
{
    struct dirent **entries = NULL;
    char in[PATH_MAX], data[PATH_MAX];
    int status = 0, n;

    snprintf(in, sizeof in, "%.*s", folder, path);
    n = scandir(folder > 0 ? in : ".", &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        size_t own = (size_t)(prefix - folder);

        if (status == 0 && strncmp(name, path + folder, own) == 0 &&
            strncmp(name + own, ".data-", strlen(".data-")) == 0 &&
            snprintf(data, sizeof data, "%s%s", folder > 0 ? in : "", name) < PATH_MAX &&
            !is_given(job->cli, data))
            status = cli_job_add_file(job, data, false);
        free(entries[i]);
    }
    free(entries);
    return status;
}

int cli_job_add_checkpoint(struct cli_job *job, const char *path)
{
    const char *slash = strrchr(path, '/');
    int prefix = prefix_of(path), status;
    char index[PATH_MAX];

    if (snprintf(index, sizeof index, "%.*s.index", prefix, path) >= PATH_MAX) {
        cli_error("the name of %s is too long", path);
        return EXIT_NO_INPUT;
    }
    status = cli_job_add_file(job, index, false);
    return status == 0 ? add_data(job, path, slash ? (int)(slash - path) + 1 : 0, prefix) : status;
}
