/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_MEASURE_H
#define KF_SERVER_MEASURE_H

#include "store/store.h"
#include <stdbool.h>

struct conversion;
struct request;
struct server;

/** Make the series of small sets at 0, so that an alert on their rate sees the first one. */
void measure_begin(struct server *server);

/** Count a request that is over. `gone`: the client left. */
void measure_request(const struct request *req, bool gone);

/** Count what a worker did, for a request or a job. */
void measure_worker(struct server *server, const struct conversion *c);

/** Count an attempt at a job that ended here; `code` is its problem, or NULL. */
void measure_job(struct server *server, enum job_state state, const char *code);

/** One try at telling the end of a job: "delivered", "failed" or "given-up". */
void measure_webhook(struct server *server, const char *outcome);

#endif
