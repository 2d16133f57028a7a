/* SPDX-License-Identifier: Apache-2.0 */
#include "../clock.h"
#include "../jobs/jobs.h"
#include "../jobs/queue.h"
#include "../jobs/scratch.h"
#include "../server.h"
#include "handlers.h"
#include "reply.h"
#include "request.h"

#define BEAT_MS        10000
#define KEEPER_BEAT_MS 120000 /* it waits for the database, a few statements a round */

/* A probe's answer: 200, or 503 with the reason. */
static enum MHD_Result answer(struct request *req, const char *problem)
{
    struct reply reply = {.status = problem ? 503 : 200};

    if (problem)
        return reply_json_new(req, &reply,
                              json_pack("{s:s, s:s}", "status", "fail", "reason", problem));
    return reply_json_new(req, &reply, json_pack("{s:s}", "status", "ok"));
}

const char *server_stuck(const struct server *server)
{
    int64_t now = clock_ms();

    if (now - atomic_load(&server->beat) > BEAT_MS)
        return "the watch thread is stuck";
    if (now - jobs_beat(server->jobs) > KEEPER_BEAT_MS)
        return "the keeper thread is stuck";
    return NULL;
}

enum MHD_Result handle_livez(struct request *req)
{
    return answer(req, server_stuck(req->server));
}

enum MHD_Result handle_startupz(struct request *req)
{
    bool started = atomic_load(&req->server->state) != SERVER_STARTING;

    return answer(req, started ? NULL : "starting");
}

/* A full queue is no reason: that is what 429 is for. */
enum MHD_Result handle_readyz(struct request *req)
{
    const struct server *server = req->server;

    if (atomic_load(&server->state) == SERVER_STARTING)
        return answer(req, "starting");
    if (!server_takes_work(server))
        return answer(req, "shutting-down");
    if (atomic_load(&server->failures) >= SERVER_FAILURES_MAX)
        return answer(req, "workers-fail");
    if (scratch_used(server->scratch) >= scratch_max(server->scratch))
        return answer(req, "scratch-full");
    return answer(req, NULL);
}
