/* SPDX-License-Identifier: Apache-2.0 */
#include "routes.h"
#include "../server.h"
#include "../settings/config.h"
#include "handlers.h"
#include "request.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define READ "GET, HEAD"
#define WORK "PUT, POST"

/* One row of each kind: what a worker does, what the service knows itself, and probes. */
#define WORKS(pattern, methods, task, first, second)                                               \
    {                                                                                              \
        pattern, methods, NULL, task, {first, second}, false, false, SCOPE_CONVERT                 \
    }
#define TELLS(pattern, methods, answer, scope)                                                     \
    {                                                                                              \
        pattern, methods, answer, 0, {NULL, NULL}, false, false, scope                             \
    }
#define PROBES(pattern, answer, scope)                                                             \
    {                                                                                              \
        pattern, READ, answer, 0, {NULL, NULL}, false, true, scope                                 \
    }

static const struct route routes[] = {
    WORKS("v1/convert", WORK, JOB_CONVERT, NULL, NULL),
    WORKS("v1/convert/{to}", WORK, JOB_CONVERT, "to", NULL),
    WORKS("v1/convert/{to}/{filename}", WORK, JOB_CONVERT, "to", "filename"),
    WORKS("v1/plan", WORK, JOB_PLAN, NULL, NULL),
    WORKS("v1/plan/{to}", WORK, JOB_PLAN, "to", NULL),
    WORKS("v1/plan/{to}/{filename}", WORK, JOB_PLAN, "to", "filename"),
    WORKS("v1/inspect", WORK, JOB_INSPECT, NULL, NULL),
    WORKS("v1/inspect/{filename}", WORK, JOB_INSPECT, "filename", NULL),
    WORKS("v1/diff", "POST", JOB_DIFF, NULL, NULL),
    {"v1/jobs", "POST", NULL, JOB_CONVERT, {NULL, NULL}, true, false, SCOPE_CONVERT},
    TELLS("v1/jobs", READ, handle_jobs, SCOPE_READ),
    TELLS("v1/jobs/{id}:cancel", "POST", handle_job_cancel, SCOPE_CONVERT),
    TELLS("v1/jobs/{id}", READ ", DELETE", handle_job, SCOPE_READ),
    TELLS("v1/jobs/{id}/artifact", READ, handle_job_artifact, SCOPE_READ),
    TELLS("v1/jobs/{id}/report", READ, handle_job_report, SCOPE_READ),
    TELLS("v1/jobs/{id}/events", READ, handle_job_events, SCOPE_READ),
    TELLS("v1/reports/{id}", READ, handle_report, SCOPE_READ),
    TELLS("v1/formats", READ, handle_formats, SCOPE_READ),
    TELLS("v1/capacity", READ, handle_capacity, SCOPE_READ),
    TELLS("problems", READ, handle_problems, SCOPE_OPEN),
    TELLS("problems/{code}", READ, handle_problem, SCOPE_OPEN),
    TELLS("openapi.json", READ, handle_asset, SCOPE_OPEN),
    TELLS("openapi.yaml", READ, handle_asset, SCOPE_OPEN),
    TELLS("report.schema.json", READ, handle_asset, SCOPE_OPEN),
    TELLS("summary.schema.json", READ, handle_asset, SCOPE_OPEN),
    TELLS("diff.schema.json", READ, handle_asset, SCOPE_OPEN),
    TELLS("", READ, handle_asset, SCOPE_OPEN),
    TELLS("assets/{name}", READ, handle_asset, SCOPE_OPEN),
    TELLS("docs", READ, handle_asset, SCOPE_OPEN),
    TELLS("docs.css", READ, handle_asset, SCOPE_OPEN),
    TELLS("docs.js", READ, handle_asset, SCOPE_OPEN),
    TELLS("version", READ, handle_version, SCOPE_OPEN),
    PROBES("metrics", handle_metrics, SCOPE_METRICS),
    PROBES("livez", handle_livez, SCOPE_OPEN),
    PROBES("readyz", handle_readyz, SCOPE_OPEN),
    PROBES("startupz", handle_startupz, SCOPE_OPEN),
};
#define N_ROUTES (sizeof routes / sizeof routes[0])

/* True when `methods`, as "GET, HEAD", has `method`. */
static bool allows(const char *methods, const char *method)
{
    size_t n = strlen(method);

    for (const char *at = methods; *at; at += strspn(at, ", ")) {
        size_t len = strcspn(at, ",");

        if (len == n && memcmp(at, method, n) == 0)
            return true;
        at += len;
    }
    return false;
}

/* 404, with the path that looks most like the one that was asked for. */
static int not_found(struct request *req)
{
    const struct route *nearest = NULL;
    size_t best = strlen(req->raw) / 2; /* more than half wrong is something else */

    for (size_t i = 0; i < N_ROUTES; i++) {
        size_t d = target_distance(&req->target, routes[i].pattern);

        if (d < best) {
            best = d;
            nearest = &routes[i];
        }
    }
    if (nearest)
        return request_fail(req, "not-found", "there is no such path; did you mean /%s",
                            nearest->pattern);
    return request_fail(req, "not-found",
                        "there is no such path; GET /v1/formats, PUT "
                        "/v1/convert/{to}/{filename} and /v1/inspect/ are there");
}

/* Metrics are for the admin listener where there is one, and it has nothing but probes. */
static bool is_served(const struct request *req, const struct route *route)
{
    if (req->admin)
        return route->probe;
    return route->answer != handle_metrics || req->server->config->admin_listen[0] == '\0';
}

/* One path may have several rows. */
static void add_allowed(struct request *req, const char *methods)
{
    char *allow = req->failure.allow;
    size_t n = strlen(allow), max = sizeof req->failure.allow;

    snprintf(allow + n, max - n, "%s%s", n > 0 ? ", " : "", methods);
}

int route_find(struct request *req)
{
    for (size_t i = 0; i < N_ROUTES; i++) {
        const struct route *route = &routes[i];

        if (req->route && strcmp(req->route->pattern, route->pattern) != 0)
            break; /* the rows of one path stand together */
        if (!is_served(req, route) || !target_match(&req->target, route->pattern, req->captured))
            continue;
        req->route = route;
        if (allows(route->methods, req->method)) {
            req->failure.allow[0] = '\0';
            return 0;
        }
        add_allowed(req, route->methods);
    }
    if (!req->route)
        return not_found(req);
    return request_fail(req, "method-not-allowed", "%s is not for this path; it takes %s",
                        req->method, req->failure.allow);
}
