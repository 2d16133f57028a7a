/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "watch_service.h"
#include "../clock.h"
#include "../http/connections.h"
#include "../http/reply.h"
#include "../http/request.h"
#include "../server.h"
#include "../settings/config.h"
#include "conversion.h"
#include "watch.h"

#define SLOW_UPLOAD_MS 2000 /* after it an upload no longer holds a place in the queue */
#define LINGER_MS      5000 /* how long a client may go on sending after an early answer */

/* What the connection's thread has found wrong meanwhile, it tells itself. */
static void on_stalled(struct request *req)
{
    if (request_fail_first(req, "upload-timeout", "no byte of the body came for %u seconds",
                           (unsigned)req->server->config->upload_idle))
        reply_failure_early(req);
}

static void on_too_slow(struct request *req)
{
    if (request_fail_first(req, "upload-too-slow",
                           "less than %u bytes of the body came in a second",
                           (unsigned)req->server->config->upload_rate_min))
        reply_failure_early(req);
}

/* What came in the time, against what had to come; false while that cannot be said. */
static bool is_too_slow(struct request *req, int64_t ms)
{
    uint64_t least = req->server->config->upload_rate_min;

    return least > 0 && ms >= (int64_t)req->server->config->upload_idle * 1000 &&
           atomic_load(&req->arrived) * 1000 / (uint64_t)ms < least;
}

static void on_tick(void *cls)
{
    struct server *server = cls;

    atomic_store(&server->beat, clock_ms());
    connections_look(server->connections);
}

static void on_gone(struct request *req)
{
    bool stopping = atomic_load(&req->server->state) == SERVER_STOPPING;

    conversion_cancel(req, stopping ? CANCEL_SHUTDOWN : CANCEL_CLIENT);
}

struct watch *watch_service(struct server *server)
{
    const struct watch_hooks hooks = {
        .stalled = on_stalled,
        .slow = conversion_unreserve,
        .is_too_slow = is_too_slow,
        .too_slow = on_too_slow,
        .gone = on_gone,
        .late = conversion_late,
        .tick = on_tick,
        .cls = server,
        .idle_ms = (int64_t)server->config->upload_idle * 1000,
        .slow_ms = SLOW_UPLOAD_MS,
        .linger_ms = LINGER_MS,
        .queue_ms = (int64_t)server->config->queue_timeout * 1000,
    };

    return watch_create(&hooks);
}
