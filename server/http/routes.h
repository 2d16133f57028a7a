/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_ROUTES_H
#define KF_SERVER_ROUTES_H

#include "../jobs/job.h"
#include "../settings/keys.h"
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

struct request;

/* One path and what it does. */
struct route {
    const char *pattern; /* without the first slash; "{...}" stands for one segment, or its part */
    const char *methods; /* as the header Allow says them */
    enum MHD_Result (*answer)(struct request *req); /* NULL: a job for a worker */
    enum job_task task;                             /* when `answer` is NULL */
    const char *fields[2]; /* parameters that the placeholders set, in order */
    bool job;              /* a job for later: 202 */
    bool probe;            /* asked every few seconds: logged only for debugging; on the admin
                            * listener too */
    enum scope scope;      /* what a client's key must open; changing takes SCOPE_CONVERT always */
};

/**
 * Find the route of a request and fill req->route and req->captured.
 *
 * Returns 0, or -1 with a failure 404 (with the nearest path) or 405 (with what is allowed).
 */
int route_find(struct request *req);

#endif
