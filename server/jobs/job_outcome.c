/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

const char *job_outcome_slug(enum job_outcome outcome)
{
    static const char *const slugs[] = {
        [JOB_DONE] = "done",
        [JOB_REFUSED] = "conversion-refused",
        [JOB_CRASHED] = "worker-crashed",
        [JOB_MEMORY] = "worker-memory-limit",
        [JOB_TIMEOUT] = "conversion-timeout",
        [JOB_VIOLATION] = "sandbox-violation",
        [JOB_STALLED] = "conversion-stalled",
        [JOB_CANCELLED] = "cancelled",
        [JOB_CANNOT_WRITE] = "scratch-full",
        [JOB_REMOTE] = "source-fetch-failed",
        [JOB_NO_SANDBOX] = "sandbox-unavailable",
        [JOB_INTERNAL] = "internal-error",
    };

    return slugs[outcome];
}
