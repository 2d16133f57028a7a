/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../jobs/hub.h"
#include "../jobs/jobs.h"
#include "../jobs/queue.h"
#include "../jobs/scratch.h"
#include "../metrics.h"
#include "../server.h"
#include "../settings/config.h"
#include "../store/store.h"
#include "connections.h"
#include "handlers.h"
#include "reply.h"
#include "request.h"
#include "tls.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

static void gauge(struct metrics_text *text, const char *name, const char *help, double value)
{
    metrics_print(text, "# HELP %s %s\n# TYPE %s gauge\n%s %.17g\n", name, help, name, name, value);
}

static void counter(struct metrics_text *text, const char *name, const char *help, double value)
{
    metrics_print(text, "# HELP %s %s\n# TYPE %s counter\n%s %.17g\n", name, help, name, name,
                  value);
}

static void print_queue(struct metrics_text *text, const struct server *server)
{
    struct queue_state q;

    queue_look(server->queue, &q);
    gauge(text, "kferry_queue_depth", "Requests that wait for a worker.", q.waiting);
    gauge(text, "kferry_queue_uploading", "Uploads that hold a place.", q.reserved);
    gauge(text, "kferry_queue_limit", "Requests that may wait.", q.limit);
    gauge(text, "kferry_workers", "Workers that may run at once.", q.workers);
    gauge(text, "kferry_workers_busy", "Workers that run.", q.running);
    gauge(text, "kferry_saturation_ratio", "Running and waiting work by workers.",
          (double)(q.running + q.waiting) / q.workers);
}

static void print_jobs(struct metrics_text *text, const struct server *server)
{
    struct store_counts counts;

    jobs_counts(server->jobs, &counts);
    metrics_print(text, "# HELP kferry_jobs Jobs that are known, by state; of all replicas.\n"
                        "# TYPE kferry_jobs gauge\n");
    for (int i = 0; i < JOB_STATES; i++)
        metrics_print(text, "kferry_jobs{state=\"%s\"} %lld\n", job_state_name((enum job_state)i),
                      (long long)counts.jobs[i]);
    gauge(text, "kferry_jobs_bytes", "Room that jobs take in KFERRY_DATA.", (double)counts.bytes);
    gauge(text, "kferry_jobs_limit_bytes", "Room that they may take.",
          (double)server->config->data_max);
    gauge(text, "kferry_queue_bytes", "Input of jobs that wait or run.", (double)counts.held);
    gauge(text, "kferry_queue_oldest_seconds", "Age of the oldest job that waits.",
          (double)counts.oldest_ms / 1000);
}

static void print_state(struct metrics_text *text, const struct request *req)
{
    const struct server *server = req->server;
    const char *level = json_string_value(json_object_get(server->sandbox, "level"));

    gauge(text, "kferry_http_requests_in_flight", "Requests that are being answered.",
          atomic_load(&server->active));
    gauge(text, "kferry_http_connections", "Open connections.",
          connections_count(server->connections));
    gauge(text, "kferry_http_waiters", "Connections that wait for a job to change.",
          hub_waiting(jobs_hub(server->jobs)));
    gauge(text, "kferry_scratch_used_bytes", "Room that conversions take.",
          (double)scratch_used(server->scratch));
    gauge(text, "kferry_scratch_limit_bytes", "Room that they may take.",
          (double)scratch_max(server->scratch));
    if (server->config->tls_cert[0] != '\0')
        gauge(text, "kferry_tls_certificate_expiry_timestamp_seconds",
              "When the certificate of HTTPS ends.", (double)tls_expiry());
    gauge(text, "kferry_draining", "1 while the service stops.", !server_takes_work(server));
    metrics_print(text,
                  "# HELP kferry_sandbox_level What workers are confined by.\n"
                  "# TYPE kferry_sandbox_level gauge\nkferry_sandbox_level{level=\"%s\"} 1\n",
                  level ? level : "unknown");
    metrics_print(text,
                  "# HELP kferry_build_info Which build this is.\n"
                  "# TYPE kferry_build_info gauge\n"
                  "kferry_build_info{version=\"%s\",libmicrohttpd=\"%s\"} 1\n",
                  KFERRY_VERSION, MHD_get_version());
}

static unsigned count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the folder itself */
}

/* Seconds since 1970 at which this process began: field 22 of stat counts ticks since boot. */
static double start_time(void)
{
    unsigned long long ticks = 0, boot = 0;
    char line[256];
    FILE *f = fopen("/proc/self/stat", "re");

    if (f && fgets(line, sizeof line, f)) {
        const char *at = strrchr(line, ')');

        if (at)
            sscanf(at + 1,
                   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                   "%*d %*d %llu",
                   &ticks);
    }
    if (f)
        fclose(f);
    f = fopen("/proc/stat", "re");
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "btime %llu", &boot);
    if (f)
        fclose(f);
    return (double)boot + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

/* The standard names. */
static void print_process(struct metrics_text *text)
{
    unsigned long long total = 0, resident = 0;
    struct rusage usage = {0};
    struct rlimit limit = {0};
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && fscanf(f, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    getrusage(RUSAGE_SELF, &usage);
    getrlimit(RLIMIT_NOFILE, &limit);
    counter(text, "process_cpu_seconds_total", "Processor time of the service, without workers.",
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    gauge(text, "process_resident_memory_bytes", "Resident memory.",
          (double)resident * (double)sysconf(_SC_PAGESIZE));
    gauge(text, "process_virtual_memory_bytes", "Virtual memory.",
          (double)total * (double)sysconf(_SC_PAGESIZE));
    gauge(text, "process_open_fds", "Open descriptors.", count_descriptors());
    gauge(text, "process_max_fds", "Descriptors that may be open.", (double)limit.rlim_cur);
    gauge(text, "process_start_time_seconds", "When the service began.", start_time());
}

enum MHD_Result handle_metrics(struct request *req)
{
    struct reply reply = {.status = MHD_HTTP_OK, .media_type = TEXT_TYPE};
    struct metrics_text text = {0};

    metrics_render(req->server->metrics, &text);
    print_queue(&text, req->server);
    print_jobs(&text, req->server);
    print_state(&text, req);
    print_process(&text);
    if (text.bad) {
        free(text.data);
        return MHD_NO;
    }
    return reply_text_new(req, &reply, text.data, text.n);
}
