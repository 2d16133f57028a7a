/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_SELF_TEST_H
#define KF_SERVER_SELF_TEST_H

#include "jobs/job.h"

struct server;

/**
 * Convert a tiny model in a real worker, sandbox and all.
 *
 * JOB_DONE when that works; else how the worker ended.
 */
enum job_outcome self_test(struct server *server);

#endif
