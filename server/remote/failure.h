/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_FAILURE_H
#define KF_REMOTE_FAILURE_H

#include <stdint.h>

/* Why something far away could not be had or put: the words; api/problems.def has the statuses. */
struct remote_failure {
    const char *code; /* slug, static; NULL while nothing is wrong */
    char detail[512]; /* one sentence for people; no key, no query of an URL */
    uint64_t limit;   /* that was passed, or 0 */
};

/** Fill it and return -1; the first failure stands. */
int remote_fail(struct remote_failure *failure, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
