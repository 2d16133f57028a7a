/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../remote/remote.h"
#include "cli_inputs.h"
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_is_folder(const char *path)
{
    struct stat st;

    if (remote_is_uri(path))
        return remote_is_folder(path);
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One entry of the walk; `skip` is how much of its path names the folder itself. */
static int take(struct cli_job *job, FTS *walk, FTSENT *entry, size_t skip)
{
    const struct stat *out = &job->output;
    int fd;

    switch (entry->fts_info) {
    case FTS_D: /* hidden folders, and the one where the results go */
        if (entry->fts_level > 0 &&
            (entry->fts_name[0] == '.' ||
             (out->st_ino == entry->fts_statp->st_ino && out->st_dev == entry->fts_statp->st_dev)))
            fts_set(walk, entry, FTS_SKIP);
        return 0;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        cli_error("cannot read %s: %s", entry->fts_path, strerror(entry->fts_errno));
        return EXIT_NO_INPUT;
    case FTS_F:
        break;
    default:
        return 0;
    }
    if (entry->fts_name[0] == '.' || !remote_is_of_model(entry->fts_path))
        return 0;
    fd = open(entry->fts_accpath, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        return cli_job_add_input(job, fd, entry->fts_path + skip, false);
    cli_error("cannot open %s: %s", entry->fts_path, strerror(errno));
    return EXIT_NO_INPUT;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

int cli_job_add_folder(struct cli_job *job, const char *path)
{
    char *copy = strdup(path), *roots[] = {copy, NULL};
    size_t skip;
    int status = 0;
    FTSENT *entry;
    FTS *walk;

    job_raise_files();
    for (size_t n = copy ? strlen(copy) : 0; n > 1 && copy[n - 1] == '/'; n--)
        copy[n - 1] = '\0';
    walk = copy ? fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name) : NULL;
    skip = copy ? strlen(copy) + (strcmp(copy, "/") != 0) : 0;
    while (walk && status == 0 && (entry = fts_read(walk)))
        status = take(job, walk, entry, skip);
    if (!walk) {
        cli_error("cannot read %s: %s", path, strerror(errno));
        status = EXIT_NO_INPUT;
    } else {
        fts_close(walk);
    }
    free(copy);
    return status;
}
