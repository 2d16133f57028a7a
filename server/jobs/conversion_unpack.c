/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../http/request.h"
#include "../remote/remote.h"
#include "../server.h"
#include "conversion.h"
#include "order.h"
#include "scratch.h"
#include "untar.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* What says that the folder of a SavedModel is one: whoever waits for it finds the rest there. */
#define LAST "saved_model.pb"

bool conversion_is_unpacked(const struct conversion *c)
{
    const char *target = c->order ? c->order->target : NULL;

    return target && remote_is_folder(target) && strncasecmp(target, "http", 4) != 0 && !c->each &&
           !c->artifact_type && kf_writes_folder(c->params.options.to) &&
           !kf_request_has(&c->params, "archive");
}

static FILE *open_scratch(const struct scratch *scratch)
{
    char path[PATH_MAX];
    int fd = -1;

    if (snprintf(path, sizeof path, "%s/member-XXXXXX", scratch_dir(scratch)) < (int)sizeof path)
        fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd >= 0 ? fdopen(fd, "w+e") : NULL;
}

static int store_copy(struct remote_task *task, const struct remote_target *target,
                      struct untar *tar, FILE *copy)
{
    if (copy && untar_copy(tar, copy))
        return remote_store(task, target, fileno(copy), tar->size);
    remote_fail(&task->failure, "scratch-full", "there is no room to unpack the result");
    return -1;
}

/* Store the member that the tar stands at. */
static int store_member(struct request *req, struct remote_task *task, struct remote_target *target,
                        struct untar *tar)
{
    struct scratch *scratch = req->server->scratch;
    const char *name = untar_below(tar), *folder = target->uri;
    uint64_t size = tar->size;
    char *uri = NULL;
    FILE *copy = NULL;
    int status = -1;

    if (!name || asprintf(&uri, "%s%s", folder, name) < 0) {
        remote_fail(&task->failure, "internal-error", "the result is no folder");
    } else if (!scratch_reserve(scratch, size)) {
        remote_fail(&task->failure, "scratch-full", "there is no room to unpack the result");
    } else {
        target->uri = uri;
        copy = open_scratch(scratch);
        status = store_copy(task, target, tar, copy);
        target->uri = folder;
        if (copy)
            fclose(copy);
        scratch_release(scratch, size);
    }
    free(uri);
    return status;
}

/* One walk through the tar: all but the file that goes last, or that alone. */
static int store_members(struct request *req, struct remote_task *task,
                         struct remote_target *target, bool last)
{
    int fd = dup(req->conversion->artifact), more = -1;
    struct untar tar = {.in = fd >= 0 ? fdopen(fd, "re") : NULL};

    if (tar.in && fseeko(tar.in, 0, SEEK_SET) == 0)
        while ((more = untar_next(&tar)) > 0) {
            const char *name = untar_below(&tar);
            bool is_last = name && strcmp(name, LAST) == 0;

            if (is_last == last && store_member(req, task, target, &tar) < 0)
                break;
        }
    if (more < 0)
        remote_fail(&task->failure, "internal-error", "the result cannot be unpacked");
    if (tar.in)
        fclose(tar.in);
    return more == 0 ? 0 : -1;
}

int conversion_store_folder(struct request *req, struct remote_task *task,
                            struct remote_target *target)
{
    int status = store_members(req, task, target, false);

    return status < 0 ? status : store_members(req, task, target, true);
}
