/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CLOCK_H
#define KF_SERVER_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

/** Milliseconds of a clock that only goes forward. */
static inline int64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/** That clock, `ms` from now: what pthread_cond_timedwait() takes with a clock_condition(). */
static inline struct timespec clock_after(int ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms % 1000 * 1000000L;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/** Milliseconds of a processor, in the program and in the kernel for it. */
static inline uint64_t clock_cpu_ms(const struct rusage *usage)
{
    const struct timeval *own = &usage->ru_utime, *kernel = &usage->ru_stime;

    return (uint64_t)(own->tv_sec + kernel->tv_sec) * 1000 +
           (uint64_t)(own->tv_usec + kernel->tv_usec) / 1000;
}

/** A condition whose waits no change of the system's time makes longer or shorter. */
static inline void clock_condition(pthread_cond_t *out)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(out, &attributes);
    pthread_condattr_destroy(&attributes);
}

#endif
