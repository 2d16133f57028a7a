/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "notify.h"
#include "../http/request.h"
#include "../log.h"
#include "../measure.h"
#include "../remote/remote.h"
#include "../server.h"
#include "conversion.h"
#include "data.h"
#include "jobs.h"
#include "order.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS    1000
#define ORPHAN_S   3600 /* a file of no job is as old as that */
#define FOLDER     "notify"
#define ENDING     ".json"
#define TEXT_BYTES 65536

/* Seconds before each further try; after the last one it is given up. */
static const int waits[] = {1, 5, 30, 120, 300};
#define WAIT_MAX   (json_int_t)600 /* twice the longest of them */
#define MORE_TRIES (int)(sizeof waits / sizeof waits[0])

struct notify {
    struct server *server;
    pthread_t thread;
    int stop_fd;
};

static bool folder_of(const struct server *server, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/" FOLDER, data_dir(jobs_data(server->jobs))) < PATH_MAX;
}

static bool path_of(const struct server *server, const char *id, char out[PATH_MAX])
{
    char folder[PATH_MAX];

    return folder_of(server, folder) &&
           snprintf(out, PATH_MAX, "%s/%s" ENDING, folder, id) < PATH_MAX;
}

/* At no moment is there less than a note: it is written over, what is behind it does no harm. */
static int write_note(int fd, const json_t *note)
{
    char *text = json_dumps(note, JSON_COMPACT);
    size_t n = text ? strlen(text) : 0;
    bool ok = text && pwrite(fd, text, n, 0) == (ssize_t)n;

    free(text);
    return ok && ftruncate(fd, (off_t)n) == 0 ? fsync(fd) : -1;
}

int notify_add(const struct request *req)
{
    const struct conversion *c = req->conversion;
    char folder[PATH_MAX], path[PATH_MAX];
    json_t *note;
    int fd, status = -1;

    if (!c->order || !c->order->notify)
        return 0;
    if (!folder_of(req->server, folder) || !path_of(req->server, c->id, path) ||
        (mkdir(folder, 0700) < 0 && errno != EEXIST))
        return -1;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    note = json_pack("{s:s, s:s, s:i, s:i}", "url", c->order->notify, "principal", req->principal,
                     "tries", 0, "next", 0);
    if (fd >= 0 && note)
        status = write_note(fd, note);
    json_decref(note);
    if (fd >= 0)
        close(fd);
    return status;
}

void notify_drop(const struct server *server, const char *id)
{
    char path[PATH_MAX];

    if (path_of(server, id, path))
        unlink(path);
}

/* What is sent: the job as clients see it. */
static char *body_of(const struct stored *job)
{
    json_t *all = json_pack("{s:o, s:s, s:I, s:{s:o}}", "type",
                            json_sprintf("job.%s", job_state_name(job->state)), "id", job->id,
                            "timestamp", (json_int_t)time(NULL), "data", "job", jobs_json(job));
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;

    json_decref(all);
    return text;
}

static void log_try(const struct stored *job, const struct remote_failure *failure, bool last)
{
    if (!failure->code)
        log_event(LOG_INFO, "webhook-delivered", NULL, "of job %s", job->id);
    else
        log_event(last ? LOG_WARNING : LOG_INFO, last ? "webhook-given-up" : "webhook-failed", NULL,
                  "of job %s: %s", job->id, failure->detail);
}

/* Tell it once. True when the file may go: it is told, or nobody is to hear it any more. */
static bool tell(struct notify *notify, const struct stored *job, json_t *note)
{
    const char *trace = json_string_value(json_object_get(job->facts, "trace_id"));
    struct remote_task task = {.remote = notify->server->remote, .cancel_fd = notify->stop_fd};
    int tries = (int)json_integer_value(json_object_get(note, "tries"));
    char *body = body_of(job);
    const struct remote_note what = {job->id, body ? body : "{}", trace ? trace : ""};
    const char *url = json_string_value(json_object_get(note, "url"));
    int status = url ? remote_notify(&task, url, &what) : 0;
    bool last = status < 0 && tries >= MORE_TRIES;
    unsigned random = 0;

    free(body);
    if (status < 0 && strcmp(task.failure.code, "cancelled") == 0)
        return false;
    log_try(job, &task.failure, last);
    measure_webhook(notify->server, status == 0 ? "delivered" : last ? "given-up" : "failed");
    if (status == 0 || last)
        return true;
    if (getrandom(&random, sizeof random, 0) < 0)
        random = 0;
    json_object_set_new(note, "tries", json_integer(tries + 1));
    json_object_set_new(note, "next",
                        json_integer((json_int_t)time(NULL) + waits[tries] +
                                     (json_int_t)(random % (unsigned)(waits[tries] + 1))));
    return false;
}

/* The file is ours: has the job ended, and is it time? */
static bool look_at(struct notify *notify, const char *id, int fd, json_t *note)
{
    json_int_t wait = json_integer_value(json_object_get(note, "next")) - (json_int_t)time(NULL);
    struct store *store = jobs_store(notify->server->jobs);
    const char *principal = json_string_value(json_object_get(note, "principal"));
    struct stored job;
    struct stat st;
    bool done = false;
    int known;

    if (wait > 0 && wait <= WAIT_MAX) /* what is further away was noted before the time was set */
        return false;
    known = principal ? store_get(store, id, principal, &job) : 0;
    if (known == 0) /* deleted by its client; or not yet recorded */
        return fstat(fd, &st) == 0 && time(NULL) - st.st_mtime > ORPHAN_S;
    if (known < 0)
        return false;
    if (job_state_ended(job.state)) {
        done = tell(notify, &job, note);
        if (!done)
            write_note(fd, note);
    }
    stored_finish(&job);
    return done;
}

/* Another replica may have been done with it between its being opened and locked. */
static bool is_there(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static void look_at_file(struct notify *notify, const char *name)
{
    size_t n = strlen(name), n_ending = strlen(ENDING);
    char id[ID_SIZE], path[PATH_MAX];
    json_t *note = NULL;
    int fd;

    if (n != ID_SIZE - 1 + n_ending || strcmp(name + n - n_ending, ENDING) != 0)
        return;
    snprintf(id, sizeof id, "%.*s", ID_SIZE - 1, name);
    if (!path_of(notify->server, id, path))
        return;
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_there(fd))
        note = json_loadfd(fd, JSON_DISABLE_EOF_CHECK, NULL);
    if (note && look_at(notify, id, fd, note))
        unlink(path);
    json_decref(note);
    if (fd >= 0)
        close(fd);
}

static void look(struct notify *notify)
{
    char folder[PATH_MAX];
    DIR *d = folder_of(notify->server, folder) ? opendir(folder) : NULL;
    struct dirent *entry;

    while (d && (entry = readdir(d)))
        look_at_file(notify, entry->d_name);
    if (d)
        closedir(d);
}

static void *run(void *arg)
{
    struct notify *notify = arg;
    struct pollfd stop = {.fd = notify->stop_fd, .events = POLLIN};
    unsigned n = remote_sweep(notify->server->remote, notify->stop_fd);

    if (n > 0)
        log_event(LOG_INFO, "uploads-given-up", NULL, "%u uploads of an earlier run", n);
    while (poll(&stop, 1, LOOK_MS) == 0)
        look(notify);
    return NULL;
}

struct notify *notify_start(struct server *server)
{
    struct notify *notify = calloc(1, sizeof *notify);

    if (!notify)
        return NULL;
    notify->server = server;
    notify->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (notify->stop_fd >= 0 && pthread_create(&notify->thread, NULL, run, notify) == 0)
        return notify;
    if (notify->stop_fd >= 0)
        close(notify->stop_fd);
    free(notify);
    return NULL;
}

void notify_stop(struct notify *notify)
{
    if (!notify)
        return;
    (void)eventfd_write(notify->stop_fd, 1);
    pthread_join(notify->thread, NULL);
    close(notify->stop_fd);
    free(notify);
}
