/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tell.h"
#include "../clock.h"
#include "../jobs/progress.h"
#include <fcntl.h>
#include <unistd.h>

/* Two records of the same phase are at least that far apart. */
#define INTERVAL_MS 50

static struct {
    int fd; /* -1: there is nobody to tell */
    bool opened;
    int64_t last; /* clock_ms() */
    struct progress record;
} told;

static bool is_anybody_there(void)
{
    if (!told.opened) {
        told.opened = true;
        told.fd = open(PROGRESS_FILE, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    return told.fd >= 0;
}

void tell_progress(const struct kf_progress *progress)
{
    struct progress *record = &told.record;
    int64_t now = clock_ms();

    if (!is_anybody_there())
        return;
    if (record->phase == progress->phase && now - told.last < INTERVAL_MS)
        return;
    told.last = now;
    *record =
        (struct progress){record->changes + 1,   progress->phase,        progress->bytes_done,
                          progress->bytes_total, progress->tensors_done, progress->tensors_total};
    if (pwrite(told.fd, record, sizeof *record, 0) != (ssize_t)sizeof *record)
        told.fd = -1; /* no room: the result is what matters */
}

void tell_end(int status)
{
    struct rusage usage;
    struct progress_end end = {.told = 1, .status = (uint64_t)status};

    if (!is_anybody_there() || getrusage(RUSAGE_SELF, &usage) < 0)
        return;
    end.cpu_ms = clock_cpu_ms(&usage);
    end.max_rss = (uint64_t)usage.ru_maxrss * 1024;
    if (pwrite(told.fd, &end, sizeof end, sizeof(struct progress)) == (ssize_t)sizeof end) {
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
    }
}
