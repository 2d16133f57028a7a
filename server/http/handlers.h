/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_HANDLERS_H
#define KF_SERVER_HANDLERS_H

#include <microhttpd.h>
#include <stdbool.h>

struct request;
struct stored;

/* Each answers a request that needs no body and no worker. */
enum MHD_Result handle_formats(struct request *req);
enum MHD_Result handle_capacity(struct request *req);
enum MHD_Result handle_version(struct request *req);
enum MHD_Result handle_report(struct request *req);
enum MHD_Result handle_jobs(struct request *req);
enum MHD_Result handle_job(struct request *req);
enum MHD_Result handle_job_cancel(struct request *req);
enum MHD_Result handle_job_artifact(struct request *req);
enum MHD_Result handle_job_report(struct request *req);
enum MHD_Result handle_job_events(struct request *req);
/** A file that the program carries, by the route's path. */
enum MHD_Result handle_asset(struct request *req);
enum MHD_Result handle_problems(struct request *req);
enum MHD_Result handle_problem(struct request *req);
enum MHD_Result handle_metrics(struct request *req);
enum MHD_Result handle_livez(struct request *req);
enum MHD_Result handle_readyz(struct request *req);
enum MHD_Result handle_startupz(struct request *req);

/** True when the id of the path is a job's that the client may see. */
bool jobs_has(struct request *req);

/** The job whose id the path has, as far as the client may see it; -1 with a failure. */
int jobs_find(struct request *req, struct stored *out);

/** Answer a request that became a job: 202, or its result when the client waits for it. */
enum MHD_Result jobs_answer(struct request *req);

/** Send the result of a job, or why there is none. */
enum MHD_Result jobs_send_artifact(struct request *req, const struct stored *job);

#endif
