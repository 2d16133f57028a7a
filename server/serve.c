/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "serve.h"
#include "cli/exit_codes.h"
#include "clock.h"
#include "http/clients.h"
#include "http/connections.h"
#include "http/doors.h"
#include "http/httpd.h"
#include "http/request.h"
#include "http/systemd.h"
#include "jobs/conversion.h"
#include "jobs/jobs.h"
#include "jobs/notify.h"
#include "jobs/pool.h"
#include "jobs/queue.h"
#include "jobs/scratch.h"
#include "jobs/watch.h"
#include "jobs/watch_service.h"
#include "log.h"
#include "measure.h"
#include "metrics.h"
#include "self_test.h"
#include "server.h"
#include "settings/config.h"
#include "settings/reload.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HTTP_THREADS  4
#define ADMIN_THREADS 1
#define REPORTS_MAX   4096
#define REPORTS_BYTES ((size_t)64 << 20)
#define KEEP_MS       10000 /* on top of the time that libmicrohttpd gives a silent connection */
#define STOP_MS       5000  /* what cancelled jobs get to answer and clean up */
#define POLL_MS       20
#define RELOAD_MS     2000 /* between looks at the files that may change */

/* The parts of a running service, in the order in which they are made; undone backwards. */
struct parts {
    struct doors doors;
    struct httpd *httpd, *admin_httpd;
    struct pool *pool;
    struct notify *notify;
};

/* Block what the service is told by, in all threads; the main thread waits for it. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int open_jobs(struct server *server)
{
    char error[512];

    server->jobs = jobs_open(server, error, sizeof error);
    if (server->jobs)
        return 0;
    log_event(LOG_ERROR, "cannot-open-jobs", NULL, "%s", error);
    return EXIT_UNAVAILABLE;
}

static int open_remote(struct server *server)
{
    struct remote_settings settings = config_remote(server->config, false);
    const struct config *config = server->config;
    char error[512], uploads[PATH_MAX];

    if (config->data[0] != '\0')
        snprintf(uploads, sizeof uploads, "%s/uploads", config->data);
    else
        snprintf(uploads, sizeof uploads, "%s/data/uploads", config->scratch_dir);
    settings.uploads = uploads;
    server->remote = remote_create(&settings, error, sizeof error);
    if (server->remote)
        return 0;
    log_event(LOG_ERROR, "setting-wrong", NULL, "%s", error);
    return EXIT_CONFIG;
}

static int make_shared(struct server *server)
{
    const struct config *config = server->config;
    const struct reports_limits limits = {REPORTS_MAX, REPORTS_BYTES,
                                          (int64_t)config->report_ttl * 1000};

    server->scratch = scratch_open(config->scratch_dir, config->scratch_max);
    if (!server->scratch) {
        log_event(LOG_ERROR, "cannot-use-scratch", NULL, "%s: %s", config->scratch_dir,
                  strerror(errno));
        return EXIT_CANNOT_WRITE;
    }
    server->queue = queue_create((unsigned)config->queue_max, (unsigned)config->workers);
    server->reports = reports_create(limits);
    server->clients = clients_create();
    server->metrics = metrics_create();
    server->connections = connections_create((int64_t)config->header_timeout * 1000,
                                             (int64_t)config->upload_idle * 1000 + KEEP_MS);
    if (!server->metrics || !server->connections || !server->clients)
        return EXIT_INTERNAL;
    measure_begin(server);
    server->watch = watch_service(server);
    return server->queue && server->reports && server->watch ? open_jobs(server) : EXIT_INTERNAL;
}

/* What the workers' sandbox will be; a service that requires one does not start without. */
static int probe_sandbox(struct server *server)
{
    enum sandbox_mode mode = (enum sandbox_mode)server->config->sandbox;
    const char *missing;
    int status = 0;

    server->sandbox = job_probe(mode, &status);
    missing = json_string_value(json_object_get(server->sandbox, "missing"));
    if (!server->sandbox) {
        log_event(LOG_ERROR, "no-worker", NULL, "kferry-worker cannot be run");
        return EXIT_INTERNAL;
    }
    if (status != 0) {
        log_event(LOG_ERROR, "no-sandbox", NULL, "KFERRY_SANDBOX=require, but there is no %s",
                  missing ? missing : "sandbox");
        return EXIT_CONFIG;
    }
    if (missing && *missing)
        log_event(LOG_WARNING, "weak-sandbox", NULL, "workers run without %s", missing);
    return 0;
}

/* A service that cannot convert a tiny model does not start. */
static int try_worker(struct server *server)
{
    enum job_outcome outcome = self_test(server);

    if (outcome == JOB_DONE)
        return 0;
    log_event(LOG_ERROR, "self-test-failed", NULL, "a worker cannot convert the sample: %s",
              job_outcome_slug(outcome));
    return EXIT_INTERNAL;
}

static void log_start(const struct server *server, const struct parts *parts)
{
    const struct config *config = server->config;

    log_event_new(
        LOG_INFO, "listening", NULL,
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:i, s:O}", "listen", parts->doors.listener->name,
                  "admin", parts->doors.admin ? parts->doors.admin->name : "", "workers",
                  (json_int_t)config->workers, "queue", (json_int_t)config->queue_max, "body_max",
                  (json_int_t)config->body_max, "scratch", scratch_dir(server->scratch), "swept",
                  (int)scratch_swept(server->scratch), "sandbox", server->sandbox));
}

/* Workers seldom take what they may; where all did at once the kernel would end one. */
static void check_memory(const struct config *config)
{
    uint64_t most = config->workers * config->worker_memory;

    if (config->container_memory > 0 && most > config->container_memory)
        log_event(LOG_WARNING, "memory-short", NULL,
                  "%u workers may take %u MiB, the container has %u MiB for them: lower "
                  "KFERRY_WORKERS or KFERRY_WORKER_MEMORY",
                  (unsigned)config->workers, (unsigned)(most >> 20),
                  (unsigned)(config->container_memory >> 20));
}

static int start(struct server *server, struct parts *parts)
{
    int status = doors_open(&parts->doors, server);

    if (status == 0)
        status = open_remote(server);
    if (status == 0)
        status = make_shared(server);
    if (status == 0)
        status = probe_sandbox(server);
    if (status == 0)
        status = try_worker(server);
    if (status != 0)
        return status;
    check_memory(server->config);
    parts->pool = pool_create(server, (unsigned)server->config->workers);
    parts->notify = notify_start(server);
    if (parts->pool && parts->notify && jobs_start(server->jobs))
        parts->httpd = httpd_start(server, parts->doors.listener, false, HTTP_THREADS);
    if (parts->httpd && parts->doors.admin)
        parts->admin_httpd = httpd_start(server, parts->doors.admin, true, ADMIN_THREADS);
    if (!parts->httpd || (parts->doors.admin && !parts->admin_httpd)) {
        log_event(LOG_ERROR, "cannot-start", NULL, "threads or descriptors are missing");
        return EXIT_INTERNAL;
    }
    atomic_store(&server->state, SERVER_READY);
    return 0;
}

/* The signal that came within `ms`, or -1. */
static int told(const sigset_t *set, long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    return sigtimedwait(set, NULL, &t);
}

static bool told_to_stop(const sigset_t *set, long ms)
{
    int number = told(set, ms);

    return number > 0 && number != SIGHUP;
}

/* Until a signal to stop comes. */
static void serve(struct server *server, const sigset_t *set)
{
    struct reload reload;
    int number;

    reload_begin(&reload, server->config);
    while ((number = told(set, RELOAD_MS)) < 0 || number == SIGHUP) {
        reload_look(&reload, server, number == SIGHUP);
        if (!server_stuck(server))
            systemd_tell("WATCHDOG=1");
    }
}

/* Let what runs come to its end, until the time is over or a second signal comes. */
static void drain(struct server *server, const sigset_t *set)
{
    int64_t end = clock_ms() + (int64_t)server->config->drain_timeout * 1000;

    atomic_store(&server->state, SERVER_DRAINING);
    jobs_drain(server->jobs);
    while (atomic_load(&server->active) > 0 && clock_ms() < end)
        if (told_to_stop(set, POLL_MS))
            break;
    atomic_store(&server->state, SERVER_STOPPING);
    end = clock_ms() + STOP_MS;
    while (atomic_load(&server->active) > 0 && clock_ms() < end) {
        watch_give_up_all(server->watch);
        jobs_give_up(server->jobs);
        told_to_stop(set, POLL_MS);
    }
}

/* Undo start(), whatever it had come to. No connection may be suspended when a daemon stops. */
static void stop(struct server *server, struct parts *parts)
{
    if (server->queue)
        queue_close(server->queue);
    if (server->watch)
        watch_give_up_all(server->watch);
    if (server->jobs) {
        jobs_drain(server->jobs);
        jobs_give_up(server->jobs);
    }
    notify_stop(parts->notify);
    pool_destroy(parts->pool);
    httpd_destroy(parts->httpd);
    httpd_destroy(parts->admin_httpd);
    doors_close(&parts->doors, server);
    jobs_close(server->jobs);
    watch_destroy(server->watch);
    queue_destroy(server->queue);
    reports_destroy(server->reports);
    clients_destroy(server->clients);
    connections_destroy(server->connections);
    metrics_destroy(server->metrics);
    scratch_destroy(server->scratch);
    remote_destroy(server->remote);
    json_decref(server->sandbox);
}

int serve_main(const struct config *config)
{
    struct server server = {.config = config, .started = clock_ms(), .beat = clock_ms()};
    struct parts parts = {0};
    sigset_t set;
    int status;

    block_signals(&set);
    job_raise_files();
    status = start(&server, &parts);
    if (status == 0) {
        log_start(&server, &parts);
        systemd_tell("READY=1");
        serve(&server, &set);
        systemd_tell("STOPPING=1");
        log_event(LOG_INFO, "draining", NULL, "%u requests are under way",
                  atomic_load(&server.active));
        drain(&server, &set);
    }
    stop(&server, &parts);
    if (status == 0)
        log_event(LOG_INFO, "stopped", NULL, NULL);
    return status;
}
