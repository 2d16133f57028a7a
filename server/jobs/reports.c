/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "reports.h"
#include "../clock.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct blob {
    _Atomic unsigned refs;
    size_t n;
    char data[];
};

struct blob *blob_create(const void *data, size_t n)
{
    struct blob *blob = malloc(sizeof *blob + n);

    if (!blob)
        return NULL;
    atomic_init(&blob->refs, 1);
    blob->n = n;
    memcpy(blob->data, data, n);
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    atomic_fetch_add(&blob->refs, 1);
    return blob;
}

void blob_destroy(struct blob *blob)
{
    if (blob && atomic_fetch_sub(&blob->refs, 1) == 1)
        free(blob);
}

const char *blob_data(const struct blob *blob)
{
    return blob->data;
}

size_t blob_size(const struct blob *blob)
{
    return blob->n;
}

/* A kept report; the list runs from the oldest to the newest. */
struct kept {
    struct kept *next;
    char id[40];
    char principal[129];
    int64_t until; /* clock_ms() */
    struct blob *report;
};

struct reports {
    pthread_mutex_t lock;
    struct reports_limits limits;
    struct kept *oldest, **end;
    size_t count, bytes;
};

struct reports *reports_create(struct reports_limits limits)
{
    struct reports *reports = calloc(1, sizeof *reports);

    if (!reports)
        return NULL;
    pthread_mutex_init(&reports->lock, NULL);
    reports->limits = limits;
    reports->end = &reports->oldest;
    return reports;
}

static void drop_oldest(struct reports *reports)
{
    struct kept *kept = reports->oldest;

    reports->oldest = kept->next;
    if (!reports->oldest)
        reports->end = &reports->oldest;
    reports->count--;
    reports->bytes -= blob_size(kept->report);
    blob_destroy(kept->report);
    free(kept);
}

void reports_destroy(struct reports *reports)
{
    if (!reports)
        return;
    while (reports->oldest)
        drop_oldest(reports);
    pthread_mutex_destroy(&reports->lock);
    free(reports);
}

/* Drop what is over its time, or over the limits. Called under the lock. */
static void drop_old(struct reports *reports)
{
    const struct reports_limits *max = &reports->limits;
    int64_t now = clock_ms();

    while (reports->oldest && (reports->oldest->until <= now || reports->count > max->count_max ||
                               reports->bytes > max->bytes_max))
        drop_oldest(reports);
}

void reports_keep(struct reports *reports, const char *id, const char *principal,
                  struct blob *report)
{
    struct kept *kept = calloc(1, sizeof *kept);

    if (!kept)
        return;
    memcpy(kept->id, id, strnlen(id, sizeof kept->id - 1));
    memcpy(kept->principal, principal, strnlen(principal, sizeof kept->principal - 1));
    kept->until = clock_ms() + reports->limits.ttl_ms;
    kept->report = blob_ref(report);
    pthread_mutex_lock(&reports->lock);
    *reports->end = kept;
    reports->end = &kept->next;
    reports->count++;
    reports->bytes += blob_size(report);
    drop_old(reports);
    pthread_mutex_unlock(&reports->lock);
}

struct blob *reports_find(struct reports *reports, const char *id, const char *principal)
{
    struct blob *found = NULL;

    pthread_mutex_lock(&reports->lock);
    drop_old(reports);
    for (struct kept *kept = reports->oldest; kept && !found; kept = kept->next)
        if (strcmp(kept->id, id) == 0 && strcmp(kept->principal, principal) == 0)
            found = blob_ref(kept->report);
    pthread_mutex_unlock(&reports->lock);
    return found;
}
