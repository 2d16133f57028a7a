/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "../log.h"
#include "../self_test.h"
#include "../server.h"
#include "../settings/config.h"
#include "conversion.h"
#include "data.h"
#include "hub.h"
#include "jobs_private.h"
#include "progress.h"
#include "queue.h"
#include <sys/eventfd.h>
#include <time.h>

#define TICK_MS        1000
#define SWEEP_MS       60000 /* what a crash left in the folders is looked for that often... */
#define SWEEP_IDLE_S   900   /* ...and a folder of no job goes when that long nothing arrived... */
#define SWEEP_IDLES    2     /* ...nor so many times as long as an upload may be silent */
#define JUMP_MS        60000 /* by which the time changes when somebody sets it */
#define EXPIRE_AT_ONCE 100   /* what store_expire() takes in one go */
#define VAIN_MAX       2     /* what is not there to be dropped may have made room for another */

/* Files first go with the row that points to them; a crash in between is the sweep's matter. */
static void drop_folder(const char *id, void *context)
{
    struct jobs *jobs = context;

    data_drop(jobs->data, id);
}

/* Where there is plenty of room, what was counted a second ago is good enough. */
static bool has_plenty(struct jobs *jobs, uint64_t bytes)
{
    uint64_t max = jobs->server->config->data_max;
    struct store_counts counts;

    jobs_counts(jobs, &counts);
    return (uint64_t)counts.bytes + bytes <= max / 2 && data_has_free(jobs->data, bytes);
}

bool jobs_make_room(struct jobs *jobs, uint64_t bytes)
{
    uint64_t max = jobs->server->config->data_max;
    struct store_counts counts;

    if (has_plenty(jobs, bytes))
        return true;
    for (int vain = 0; vain < VAIN_MAX;) {
        if (store_count(jobs->store, &counts) < 0 || (uint64_t)counts.held + bytes > max)
            return false;
        if ((uint64_t)counts.bytes + bytes <= max && data_has_free(jobs->data, bytes))
            return true;
        vain = store_evict(jobs->store, drop_folder, jobs) > 0 ? 0 : vain + 1;
    }
    return false;
}

/* Tell the store that a job still runs here, and how far it is. Called under the lock. */
static void renew(struct jobs *jobs, struct running *running)
{
    struct progress progress;
    json_t *told = NULL;
    bool cancel = false;
    int held;

    if (progress_read(running->conversion->progress, &progress))
        told = progress_json(&progress, &running->conversion->place);
    held = store_renew(jobs->store, running->job, told, jobs_lease(jobs), &cancel);
    json_decref(told);
    if (held < 0 || (held > 0 && !cancel))
        return;
    running->lost = held == 0;
    atomic_store(&running->conversion->cancelled, (int)CANCEL_CLIENT);
    (void)eventfd_write(running->conversion->cancel_fd, 1);
}

static void renew_all(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    for (struct running *running = jobs->running; running; running = running->next)
        if (!running->lost)
            renew(jobs, running);
    pthread_mutex_unlock(&jobs->lock);
}

static void take_over(struct jobs *jobs)
{
    json_t *result = jobs_lost_result();
    int64_t n = store_take_over(jobs->store, NULL, result, jobs_ttl(jobs));

    json_decref(result);
    if (n > 0)
        log_event(LOG_WARNING, "jobs-taken-over", NULL,
                  "%lld jobs belonged to a replica that is gone", (long long)n);
}

static void count(struct jobs *jobs)
{
    struct store_counts counts;

    if (store_count(jobs->store, &counts) < 0)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->counts = counts;
    pthread_mutex_unlock(&jobs->lock);
    if (counts.jobs[STATE_QUEUED] > 0)
        queue_nudge(jobs->server->queue);
}

/* A round through the folders. */
struct sweep {
    struct jobs *jobs;
    int64_t idle_s; /* a folder of no job that is as old as that goes */
    unsigned swept;
};

static void look_at(const char *id, int64_t idle_s, bool has_source, void *context)
{
    struct sweep *sweep = context;
    struct jobs *jobs = sweep->jobs;
    enum job_state state;
    int64_t attempt;
    int known;

    if (!has_source && idle_s < sweep->idle_s)
        return;
    known = store_look(jobs->store, id, &state, &attempt);
    if (known == 0 && idle_s >= sweep->idle_s) {
        data_drop(jobs->data, id);
        sweep->swept++;
    } else if (known > 0 && has_source && job_state_ended(state)) {
        data_keep_attempt(jobs->data, id, attempt);
    }
}

void jobs_sweep(struct jobs *jobs, int64_t idle_s)
{
    struct sweep sweep = {jobs, idle_s, 0};

    data_each(jobs->data, look_at, &sweep);
    if (sweep.swept > 0)
        log_event(LOG_INFO, "folders-swept", NULL, "%u folders belonged to no job", sweep.swept);
}

/* After failures nobody may send work any more, so that nothing else would find out. */
static void try_worker(struct server *server)
{
    if (atomic_load(&server->failures) >= SERVER_FAILURES_MAX && self_test(server) == JOB_DONE)
        atomic_store(&server->failures, 0);
}

static void keep(struct jobs *jobs)
{
    store_repair(jobs->store);
    renew_all(jobs);
    take_over(jobs);
    while (store_expire(jobs->store, drop_folder, jobs) >= EXPIRE_AT_ONCE)
        continue;
    count(jobs);
    jobs_make_room(jobs, 0);
    hub_look(jobs->hub);
}

static void sleep_for(struct jobs *jobs, int ms)
{
    const struct timespec t = clock_after(ms);

    pthread_mutex_lock(&jobs->lock);
    if (!jobs->stop)
        pthread_cond_timedwait(&jobs->wake, &jobs->lock, &t);
    pthread_mutex_unlock(&jobs->lock);
}

static bool is_stopped(struct jobs *jobs)
{
    bool stop;

    pthread_mutex_lock(&jobs->lock);
    stop = jobs->stop;
    pthread_mutex_unlock(&jobs->lock);
    return stop;
}

/* How far the time that files have is from the clock that only goes forward. */
static int64_t offset_ms(void)
{
    return (int64_t)time(NULL) * 1000 - clock_ms();
}

/* After a jump nobody can tell how old a folder is until all that is under way is younger. */
static bool has_jumped(int64_t *offset)
{
    int64_t now = offset_ms(), jump = now - *offset;

    *offset = now;
    if (jump < JUMP_MS && jump > -JUMP_MS)
        return false;
    log_event(LOG_WARNING, "clock-jumped", NULL, "the time changed by %lld seconds",
              (long long)(jump / 1000));
    return true;
}

static int64_t sweep_idle(const struct jobs *jobs)
{
    int64_t idle = SWEEP_IDLES * (int64_t)jobs->server->config->upload_idle;

    return idle > SWEEP_IDLE_S ? idle : SWEEP_IDLE_S;
}

static void *run(void *arg)
{
    struct jobs *jobs = arg;
    int64_t swept = clock_ms() - SWEEP_MS, offset = offset_ms();

    while (!is_stopped(jobs)) {
        atomic_store(&jobs->beat, clock_ms());
        keep(jobs);
        try_worker(jobs->server);
        if (has_jumped(&offset))
            swept = clock_ms() + sweep_idle(jobs) * 1000;
        if (clock_ms() - swept >= SWEEP_MS) {
            jobs_sweep(jobs, sweep_idle(jobs));
            swept = clock_ms();
        }
        sleep_for(jobs, TICK_MS);
    }
    return NULL;
}

bool jobs_start(struct jobs *jobs)
{
    jobs->started = pthread_create(&jobs->keeper, NULL, run, jobs) == 0;
    return jobs->started;
}
