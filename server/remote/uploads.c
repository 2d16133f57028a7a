/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "uploads.h"
#include "remote_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX   4096
#define ABORTS_MAX 4

struct upload {
    int fd;
    char path[PATH_MAX];
};

struct upload *upload_note(const char *dir, const char *uri, const char *id)
{
    struct upload *upload = dir[0] != '\0' ? calloc(1, sizeof *upload) : NULL;

    if (!upload)
        return NULL;
    if ((mkdir(dir, 0700) == 0 || errno == EEXIST) &&
        snprintf(upload->path, sizeof upload->path, "%s/XXXXXX", dir) < (int)sizeof upload->path)
        upload->fd = mkostemp(upload->path, O_CLOEXEC);
    else
        upload->fd = -1;
    if (upload->fd >= 0 && flock(upload->fd, LOCK_EX) == 0 &&
        dprintf(upload->fd, "%s\n%s\n", uri, id) > 0)
        return upload;
    upload_forget(upload);
    return NULL;
}

void upload_forget(struct upload *upload)
{
    if (!upload)
        return;
    if (upload->fd >= 0) {
        unlink(upload->path);
        close(upload->fd);
    }
    free(upload);
}

/*
 * A part that still arrives may bring an upload back that was given up just now: once more, until
 * the storage says that there is none.
 */
int s3_abort(struct s3 *s3, const struct s3_place *place, const char *id)
{
    struct s3_request request = S3_REQUEST_INIT;
    char query[2048];
    int status = 0;
    bool gone = false;

    snprintf(query, sizeof query, "uploadId=%s", id);
    request.method = "DELETE";
    request.place = place;
    request.query = query;
    for (unsigned i = 1; status == 0 && !gone && i <= ABORTS_MAX; i++) {
        struct s3_call call = {0};

        status = s3_ask(s3, &request, &call);
        gone = call.x.head.status == 404;
        if (status == 0 && !gone && !s3_is_fine(&call))
            status = s3_explain(s3, &request, &call);
        s3_call_finish(&call);
        if (status == 0 && !gone && !http_pause(&s3->policy, 1, 0))
            break;
    }
    return status;
}

/* Nobody holds it: give it up, and forget it when that is done. */
static int give_up(struct remote *remote, char *text, int cancel_fd)
{
    struct remote_task task = {.remote = remote, .cancel_fd = cancel_fd};
    char *newline = strchr(text, '\n'), *id = newline ? newline + 1 : NULL;
    struct s3_place place = {0};
    struct s3 s3 = {0};
    int status = -1;

    if (!id)
        return 0; /* it was not written: it was not begun */
    *newline = '\0';
    id[strcspn(id, "\n")] = '\0';
    if (s3_place_parse(&task, &place, text) == 0 && s3_begin(&s3, &task, true) == 0)
        status = s3_abort(&s3, &place, id);
    s3_end(&s3);
    s3_place_finish(&place);
    return status;
}

static bool sweep_one(struct remote *remote, const char *path, int cancel_fd)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    char text[TEXT_MAX] = "";
    bool done = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
                read(fd, text, sizeof text - 1) >= 0 && give_up(remote, text, cancel_fd) == 0 &&
                unlink(path) == 0;

    if (fd >= 0)
        close(fd);
    return done;
}

unsigned remote_sweep(struct remote *remote, int cancel_fd)
{
    const char *dir = remote->set.uploads;
    DIR *d = dir[0] != '\0' ? opendir(dir) : NULL;
    struct dirent *entry;
    char path[PATH_MAX];
    unsigned n = 0;

    while (d && (entry = readdir(d)))
        if (entry->d_name[0] != '.' &&
            snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) < (int)sizeof path)
            n += sweep_one(remote, path, cancel_fd);
    if (d)
        closedir(d);
    return n;
}
