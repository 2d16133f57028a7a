/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "../jobs/hub.h"
#include "../jobs/jobs.h"
#include "../server.h"
#include "handlers.h"
#include "reply.h"
#include "request.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Server-sent events about one job. Each event is the whole job, so nothing is lost by a reader
 * that comes back late: Last-Event-ID is the revision it knows, and it gets the newest.
 *
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

/* A line of comment in that distance shows proxies, and us, that the other end is there. */
#define PING_MS INT64_C(15000)

struct stream {
    struct server *server; /* borrowed */
    struct waiter waiter;
    char id[ID_SIZE], principal[STORE_NAME_SIZE];
    int64_t revision; /* told last */
    int state;        /* told last, or -1 */
    char *text;       /* what is to be sent; owned */
    size_t n, at;
    int64_t pinged; /* clock_ms() */
    bool ended;     /* after the text nothing follows */
};

static void stream_free(void *cls)
{
    struct stream *stream = cls;

    hub_leave(jobs_hub(stream->server->jobs), &stream->waiter);
    free(stream->text);
    free(stream);
}

static const char *name_of(const struct stream *stream, const struct stored *job)
{
    if (job_state_ended(job->state))
        return "done";
    return (int)job->state == stream->state ? "progress" : "state";
}

/* Make the event for what is new; false when memory ran out. */
static bool tell(struct stream *stream, const struct stored *job)
{
    json_t *object = jobs_json(job);
    char *data = json_dumps(object, JSON_COMPACT);
    int n = -1;

    free(stream->text);
    stream->text = NULL;
    if (data)
        n = asprintf(&stream->text, "id: %" PRId64 "\nevent: %s\ndata: %s\n\n", job->revision,
                     name_of(stream, job), data);
    free(data);
    json_decref(object);
    if (n < 0)
        return false;
    stream->n = (size_t)n;
    stream->at = 0;
    stream->revision = job->revision;
    stream->state = (int)job->state;
    stream->ended = job_state_ended(job->state);
    stream->pinged = clock_ms();
    return true;
}

static bool ping(struct stream *stream)
{
    free(stream->text);
    stream->text = strdup(":\n\n");
    stream->n = stream->text ? 3 : 0;
    stream->at = 0;
    stream->pinged = clock_ms();
    return stream->text != NULL;
}

static void wait_for_news(struct stream *stream)
{
    struct waiter *waiter = &stream->waiter;

    snprintf(waiter->id, sizeof waiter->id, "%s", stream->id);
    waiter->revision = stream->revision;
    waiter->until_end = false;
    waiter->deadline = stream->pinged + PING_MS;
    hub_wait(jobs_hub(stream->server->jobs), waiter);
}

/* Something to send, or the connection is suspended; 0, or why it ends. */
static ssize_t next(struct stream *stream)
{
    struct jobs *jobs = stream->server->jobs;
    struct stored job;
    bool ok = true;

    if (stream->ended || hub_is_closed(jobs_hub(jobs)))
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (store_get(jobs_store(jobs), stream->id, stream->principal, &job) <= 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (job.revision != stream->revision)
        ok = tell(stream, &job);
    else if (clock_ms() - stream->pinged >= PING_MS)
        ok = ping(stream);
    else
        wait_for_news(stream);
    stored_finish(&job);
    return ok ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_stream(void *cls, uint64_t pos, char *to, size_t max)
{
    struct stream *stream = cls;
    size_t left = stream->n - stream->at;

    (void)pos;
    if (left == 0) {
        ssize_t end = next(stream);

        left = stream->n - stream->at;
        if (end < 0 || left == 0)
            return end;
    }
    if (left > max)
        left = max;
    memcpy(to, stream->text + stream->at, left);
    stream->at += left;
    return (ssize_t)left;
}

static struct stream *stream_create(struct request *req, const struct stored *job)
{
    const char *known = request_header(req, "Last-Event-ID");
    struct stream *stream = calloc(1, sizeof *stream);

    if (!stream)
        return NULL;
    stream->server = req->server;
    stream->waiter.connection = req->connection;
    snprintf(stream->id, sizeof stream->id, "%s", job->id);
    snprintf(stream->principal, sizeof stream->principal, "%s", job->principal);
    stream->revision = known ? strtoll(known, NULL, 10) : 0;
    stream->state = known && stream->revision == job->revision ? (int)job->state : -1;
    stream->ended = known && stream->revision == job->revision && job_state_ended(job->state);
    stream->pinged = clock_ms();
    return stream;
}

enum MHD_Result handle_job_events(struct request *req)
{
    struct reply reply = {.status = MHD_HTTP_OK, .media_type = "text/event-stream"};
    struct stream *stream;
    struct stored job;

    if (jobs_find(req, &job) < 0)
        return reply_refusal(req);
    stream = stream_create(req, &job);
    stored_finish(&job);
    if (!stream)
        return MHD_NO;
    reply_header(&reply, "X-Accel-Buffering", "no"); /* nginx: hand each event on at once */
    return reply_stream_new(req, &reply, read_stream, stream, stream_free);
}
