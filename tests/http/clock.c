/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim.h"
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

/*
 * Preloaded into the service by those who move its clock: the file that KF_CLOCK names holds the
 * seconds by which the time of day is ahead. What only goes forward stays as it is.
 */
static atomic_llong *ahead;

__attribute__((constructor)) static void begin(void)
{
    ahead = shim_shared("KF_CLOCK", sizeof *ahead);
}

static time_t shift(void)
{
    return ahead ? (time_t)atomic_load(ahead) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int status = REAL(clock_gettime)(clock, out);

    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        out->tv_sec += shift();
    return status;
}

time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}
