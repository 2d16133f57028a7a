/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../digest.h"
#include "../jobs/parts.h"
#include "../jobs/resume.h"
#include "../remote/remote.h"
#include "cli_inputs.h"
#include "cli_remote.h"
#include "problem.h"
#include "report_json.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_BYTES 2048

int cli_exit_of(enum job_outcome outcome)
{
    static const int exits[] = {
        [JOB_DONE] = EXIT_FINE,         [JOB_REFUSED] = EXIT_REFUSED,
        [JOB_CRASHED] = EXIT_REFUSED,   [JOB_MEMORY] = EXIT_REFUSED,
        [JOB_TIMEOUT] = EXIT_REFUSED,   [JOB_VIOLATION] = EXIT_REFUSED,
        [JOB_CANCELLED] = EXIT_AGAIN,   [JOB_CANNOT_WRITE] = EXIT_CANNOT_WRITE,
        [JOB_STALLED] = EXIT_REFUSED,   [JOB_REMOTE] = EXIT_UNAVAILABLE,
        [JOB_NO_SANDBOX] = EXIT_CONFIG, [JOB_INTERNAL] = EXIT_INTERNAL,
    };

    return exits[outcome];
}

/* From here on a signal ends the worker first, and the folder is removed. */
static int catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction now;

        /* One that is ignored, as under nohup, stays so. */
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&set, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

const char *cli_temporary(void)
{
    const char *dir = getenv("TMPDIR");

    return dir && *dir ? dir : "/tmp";
}

/* The rows of tensors are read where the report itself is kept, here or far away. */
static bool is_brief(const struct cli *cli)
{
    bool kept = cli->report || cli->request.verify || (cli->output && remote_is_uri(cli->output));

    return cli->command == COMMAND_CONVERT && !kept;
}

/* Whether nobody wants to see those rows but who reads the file that the report goes to. */
static bool is_passed_on(const struct cli *cli)
{
    bool looked_at = cli->request.verify || (cli->output && remote_is_uri(cli->output));

    return cli->command == COMMAND_CONVERT && cli->report && !remote_is_uri(cli->report) &&
           !looked_at;
}

/* The inputs, and a folder for the worker that is told what they are. */
static int begin_part(struct cli_job *job)
{
    struct job_told told = {0};
    int status = cli_job_open_inputs(job);

    if (status != 0)
        return status;
    if (job->parts)
        told = parts_told(job->parts);
    told.brief = is_brief(job->cli);
    job->dir = job_dir_create(job->parent, ".kferry-");
    if (job->dir &&
        job_write_request(job->dir, &job->cli->request, job->inputs, job->n_inputs, told) == 0)
        return 0;
    cli_error("cannot write in %s: %s", job->parent, strerror(errno));
    return EXIT_CANNOT_WRITE;
}

/* Nothing of it stays for the next one. */
static void end_part(struct cli_job *job)
{
    if (job->dir)
        job_dir_remove(job->dir);
    free(job->dir);
    job->dir = NULL;
    cli_job_drop_inputs(job);
    json_decref(job->report);
    json_decref(job->facts);
    cli_rows_finish(&job->rows);
    job->report = job->facts = NULL;
}

bool cli_job_next(struct cli_job *job, int *status)
{
    if (!job->parts || !parts_go_on(job->parts))
        return false;
    end_part(job);
    resume_destroy(job->resume);
    job->resume = NULL;
    *status = begin_part(job);
    return true;
}

int cli_job_begin(struct cli_job *job, const struct cli *cli, const char *parent)
{
    int status;

    *job =
        (struct cli_job){.cli = cli, .cancel_fd = -1, .parent = parent ? parent : cli_temporary()};
    if (!cli->output || stat(cli->output, &job->output) < 0)
        job->output = (struct stat){0};
    job->cancel_fd = catch_signals(); /* first: what is fetched must not stay behind */
    status = cli->output && remote_is_uri(cli->output) ? cli_uri_check(job, cli->output) : 0;
    return status == 0 ? begin_part(job) : status;
}

static json_t *load(const struct cli_job *job, const char *name)
{
    char path[PATH_MAX];
    json_error_t error;

    if (snprintf(path, sizeof path, "%s/%s", job->dir, name) >= (int)sizeof path)
        return NULL;
    return json_load_file(path, 0, &error);
}

static json_t *load_report(struct cli_job *job)
{
    char path[PATH_MAX];

    if (!is_passed_on(job->cli))
        return load(job, "report.json");
    if (snprintf(path, sizeof path, "%s/report.json", job->dir) >= (int)sizeof path)
        return NULL;
    return cli_rows_load(&job->rows, path);
}

/* What the environment says of workers holds here too; the size of files is the user's affair. */
static int load_limits(struct job *order)
{
    struct config config;
    struct config_error error;
    int status = config_load(&config, 0, NULL, environ, &error);

    if (status < 0)
        cli_error("%s", error.text);
    order->sandbox = (enum sandbox_mode)config.sandbox;
    order->limits = config_job_limits(&config);
    order->limits.file_size = 0;
    config_finish(&config);
    return status;
}

static void fill_report(struct cli_job *job)
{
    kf_report_json_set_source(job->report, job->sha256);
    kf_report_json_set_timing(job->report, "work", (double)job->result.wall_ms);
}

/* The last of what the worker said: why it crashed, or what its sandbox lacks. It is silent else.
 */
static void print_log(const struct cli_job *job)
{
    char path[PATH_MAX], text[TAIL_BYTES + 1], *rest = text, *line;
    FILE *log = NULL;
    size_t n;

    if (snprintf(path, sizeof path, "%s/log", job->dir) < (int)sizeof path)
        log = fopen(path, "re");
    if (!log)
        return;
    if (fseek(log, -TAIL_BYTES, SEEK_END) < 0)
        rewind(log);
    n = fread(text, 1, TAIL_BYTES, log);
    text[n] = '\0';
    fclose(log);
    while ((line = strsep(&rest, "\n")))
        if (*line)
            cli_error("worker: %s", line);
}

int cli_job_order(const struct cli_job *job, enum job_task task, struct job *out)
{
    *out = (struct job){.dir = job->dir, .task = task, .progress = -1, .cancel_fd = job->cancel_fd};
    return load_limits(out) < 0 ? EXIT_CONFIG : 0;
}

int cli_job_run(struct cli_job *job, enum job_task task)
{
    const char *address = service_address(job->cli);
    struct job order;
    int status;

    if (address)
        return cli_remote_run(job, task, address);
    status = cli_job_order(job, task, &order);
    if (status != 0)
        return status;
    order.inputs = job->inputs;
    order.n_inputs = job->n_inputs;
    job_run(&order, &job->result);
    print_log(job);
    if (job->result.outcome != JOB_CANCELLED) {
        job->report = load_report(job);
        job->facts = load(job, "facts.json");
    }
    if (job->cli->sha256 && job->report &&
        digest_sha256(job->inputs[0].fd, job->cancel_fd, job->sha256) < 0) {
        if (errno != ECANCELED)
            cli_error("cannot read %s: %s", job->cli->inputs[0], strerror(errno));
        return EXIT_INTERNAL;
    }
    fill_report(job);
    if (job->result.pid == 0)
        return EXIT_UNAVAILABLE;
    return cli_exit_of(job->result.outcome);
}

void cli_job_explain(const struct cli_job *job)
{
    const struct kf_problem_type *type = kf_problem_type(job_outcome_slug(job->result.outcome));

    if (job->told || job->result.outcome == JOB_CANCELLED)
        return;
    if (job->result.pid == 0) {
        cli_error(
            "kferry-worker cannot be started: it belongs beside kferry, or into " KF_LIBEXECDIR);
        return;
    }
    if (job->result.outcome == JOB_CRASHED)
        cli_error("%s: %s (signal %d)", type->code, type->title, job->result.signal);
    else
        cli_error("%s: %s", type->code, type->title);
    if (type->hint)
        cli_error("%s", type->hint);
}

/* End by the signal that ended the job, as the shell expects it. */
static void pass_on_signal(int cancel_fd)
{
    struct signalfd_siginfo info;
    sigset_t set;

    if (cancel_fd < 0 || read(cancel_fd, &info, sizeof info) != sizeof info)
        return;
    sigemptyset(&set);
    sigaddset(&set, (int)info.ssi_signo);
    raise((int)info.ssi_signo);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void cli_job_finish(struct cli_job *job)
{
    end_part(job);
    cli_uri_end(job);
    pass_on_signal(job->cancel_fd);
    if (job->cancel_fd >= 0)
        close(job->cancel_fd);
}

int cli_job_do(const struct cli *cli, int (*run)(struct cli_job *job))
{
    struct cli_job job;
    int status = cli_job_begin(&job, cli, NULL);

    if (status == 0)
        status = run(&job);
    cli_job_finish(&job);
    return status;
}
