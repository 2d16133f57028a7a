/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers.h"
#include "queue.h"
#include "reply.h"
#include "request.h"
#include "scratch.h"
#include "server.h"

/* A probe's answer: 200, or 503 with the reason. */
static enum MHD_Result answer(struct request *req, const char *problem)
{
    struct reply reply = {.status = problem ? 503 : 200};

    if (problem)
        return reply_json_new(req, &reply,
                              json_pack("{s:s, s:s}", "status", "fail", "reason", problem));
    return reply_json_new(req, &reply, json_pack("{s:s}", "status", "ok"));
}

/* That this thread answers is the whole proof. */
enum MHD_Result handle_livez(struct request *req)
{
    return answer(req, NULL);
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
    if (scratch_used(server->scratch) >= scratch_max(server->scratch))
        return answer(req, "scratch-full");
    return answer(req, NULL);
}
