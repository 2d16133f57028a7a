/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli_remote.h"
#include "../digest.h"
#include "../jobs/id.h"
#include "params.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_S  30 /* that the service holds an answer back */
#define AWAY_S  60 /* that it may be away while it has our job */
#define PATH_N  8192
#define TROUBLE 500

struct remote {
    struct cli_job *job;
    struct service *service;
    char id[ID_SIZE]; /* of the job at the service, "" before */
    json_t *state;    /* as it was told last; owned */
    char tag[80];     /* of that */
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static int exit_of_status(long status)
{
    static const struct {
        long status;
        int exit;
    } exits[] = {
        {400, EXIT_USAGE}, {401, EXIT_NO_PERMISSION}, {403, EXIT_NO_PERMISSION},
        {406, EXIT_USAGE}, {408, EXIT_AGAIN},         {409, EXIT_AGAIN},
        {410, EXIT_AGAIN}, {413, EXIT_REFUSED},       {422, EXIT_REFUSED},
        {429, EXIT_AGAIN}, {500, EXIT_INTERNAL},      {503, EXIT_AGAIN},
        {504, EXIT_AGAIN}, {507, EXIT_AGAIN},
    };

    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
        if (exits[i].status == status)
            return exits[i].exit;
    return EXIT_UNAVAILABLE;
}

int cli_remote_explain(const json_t *problem, long status)
{
    const char *detail = text_of(problem, "detail"), *hint = text_of(problem, "hint");

    if (!*detail)
        detail = text_of(problem, "title");
    if (*detail)
        cli_error("%s: %s", text_of(problem, "code"), detail);
    else
        cli_error("the answer has status %ld and is none of kferry's", status);
    if (*hint)
        cli_error("%s", hint);
    if (status == 401)
        cli_error("--token-file or KFERRY_TOKEN gives the service your key");
    return exit_of_status(status);
}

/* How the worker ended, as far as a problem tells. */
static enum job_outcome outcome_of(const char *code, long status)
{
    for (unsigned i = JOB_CRASHED; i <= JOB_INTERNAL; i++)
        if (strcmp(job_outcome_slug((enum job_outcome)i), code) == 0)
            return (enum job_outcome)i;
    return status == 422 ? JOB_REFUSED : JOB_INTERNAL;
}

/* A refusal with a report is told by the report; what has none is told here. */
static int take_problem(struct remote *remote, json_t *problem, long status)
{
    struct cli_job *job = remote->job;
    json_t *report = json_object_get(problem, "report");

    service_show(remote->service, NULL, 0, 0);
    if (json_is_object(report) && !job->report)
        job->report = json_incref(report);
    job->result.outcome = outcome_of(text_of(problem, "code"), status);
    job->told = true;
    if (job->result.outcome == JOB_REFUSED && job->report)
        return EXIT_REFUSED;
    return cli_remote_explain(problem, status);
}

static bool add_pair(const struct service *service, char *path, const char *name, const char *value)
{
    size_t n = strlen(path);
    char *escaped = service_escape(service, value);
    bool fits = escaped && snprintf(path + n, PATH_N - n, "%c%s=%s", strchr(path, '?') ? '&' : '?',
                                    name, escaped) < (int)(PATH_N - n);

    free(escaped);
    return fits;
}

/* The options are in the query, where they can be refused before anything is sent. */
static bool make_path(const struct remote *remote, const char *route, char path[PATH_N])
{
    json_t *options = kf_request_to_json(&remote->job->cli->request), *value;
    bool ok = options != NULL;
    const char *name;

    snprintf(path, PATH_N, "%s", route);
    json_object_foreach(options, name, value)
    {
        /* The script is made here, of the report. */
        ok = ok && (strcmp(name, "verify") == 0 ||
                    add_pair(remote->service, path, name, json_string_value(value)));
    }
    json_decref(options);
    return ok;
}

/* What came from a folder keeps its place in it: all of it goes as one archive. */
static const char *archive_name(const struct cli *cli, char name[NAME_MAX + 1])
{
    for (size_t i = 0; i < cli->n_inputs; i++)
        if (cli_is_folder(cli->inputs[i])) {
            snprintf(name, NAME_MAX + 1, "%.200s.tar", cli->request.filename);
            return name;
        }
    return NULL;
}

static int send_model(struct remote *remote, const char *route, const char *key,
                      struct service_answer *answer)
{
    const struct cli_job *job = remote->job;
    char path[PATH_N], name[NAME_MAX + 1];
    const struct service_upload upload = {.inputs = job->inputs,
                                          .n_inputs = job->n_inputs,
                                          .archive = archive_name(job->cli, name),
                                          .key = key};

    if (!make_path(remote, route, path)) {
        cli_error("the options are too long");
        return EXIT_USAGE;
    }
    return service_send(remote->service, path, &upload, answer);
}

/* What needs no artefact is one exchange. */
static int ask(struct remote *remote, enum job_task task)
{
    static const char *const routes[] = {
        [JOB_PLAN] = "/v1/plan", [JOB_INSPECT] = "/v1/inspect", [JOB_DIFF] = "/v1/diff"};
    struct cli_job *job = remote->job;
    struct service_answer answer = {0};
    int status = send_model(remote, routes[task], NULL, &answer);

    if (status == 0 && (answer.status != 200 || !answer.body)) {
        status = take_problem(remote, answer.body, answer.status);
    } else if (status == 0 && task == JOB_PLAN) {
        job->report = json_incref(answer.body);
    } else if (status == 0) {
        job->facts = json_incref(answer.body);
        job->report = json_incref(json_object_get(answer.body, "report"));
    }
    service_answer_finish(&answer);
    return status;
}

static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(object, key));

    return n > 0 ? (uint64_t)n : 0;
}

static void show_state(struct remote *remote)
{
    const json_t *progress = json_object_get(remote->state, "progress");

    if (strcmp(text_of(remote->state, "state"), "running") != 0)
        service_show(remote->service, "waiting for a worker", 0, 0);
    else
        service_show(remote->service, "converting", number_of(progress, "bytes_done"),
                     number_of(progress, "bytes_total"));
}

/* Until the job has ended. A service that is away, or starts again, has the job still. */
static int follow(struct remote *remote)
{
    char path[PATH_MAX];
    unsigned away = 0;

    snprintf(path, sizeof path, "/v1/jobs/%s?wait=%d", remote->id, WAIT_S);
    while (!json_is_true(json_object_get(remote->state, "done"))) {
        struct service_answer answer = {0};
        int status = service_ask(remote->service, "GET", path, remote->tag, &answer);

        if (status == 0 && answer.status == 200 && json_is_object(answer.body)) {
            json_decref(remote->state);
            remote->state = json_incref(answer.body);
            memcpy(remote->tag, answer.tag, sizeof remote->tag);
            away = 0;
        } else if (status == EXIT_UNAVAILABLE || answer.status >= TROUBLE) {
            if (++away > AWAY_S)
                return status != 0 ? status : cli_remote_explain(answer.body, answer.status);
            status = service_pause(remote->service, 1);
        } else if (status == 0 && answer.status != 304) {
            status = take_problem(remote, answer.body, answer.status);
        }
        service_answer_finish(&answer);
        if (status != 0)
            return status;
        show_state(remote);
    }
    return 0;
}

static int fetch_report(struct remote *remote)
{
    struct service_answer answer = {0};
    char path[PATH_MAX];
    int status;

    snprintf(path, sizeof path, "/v1/jobs/%s/report", remote->id);
    status = service_ask(remote->service, "GET", path, NULL, &answer);
    if (status == 0 && answer.status == 200)
        remote->job->report = json_incref(answer.body);
    service_answer_finish(&answer);
    return status;
}

/* It is whole when its digest is what the service recorded. */
static int check_artifact(struct remote *remote, int fd, const json_t *result)
{
    char sha256[65];

    if (digest_sha256(fd, -1, sha256) == 0 && strcmp(sha256, text_of(result, "sha256")) == 0)
        return 0;
    service_show(remote->service, NULL, 0, 0);
    cli_error("the result was damaged on its way");
    remote->job->told = true;
    return EXIT_UNAVAILABLE;
}

static int fetch_artifact(struct remote *remote)
{
    const json_t *result = json_object_get(remote->state, "result");
    char path[PATH_MAX], file[PATH_MAX];
    struct service_answer answer = {0};
    int fd = -1, status = EXIT_CANNOT_WRITE;

    snprintf(path, sizeof path, "/v1/jobs/%s/artifact", remote->id);
    if (snprintf(file, sizeof file, "%s/artifact", remote->job->dir) < (int)sizeof file)
        fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        cli_error("cannot write in %s: %s", remote->job->dir, strerror(errno));
        return status;
    }
    status = service_fetch(remote->service, path, fd, number_of(result, "bytes"), &answer);
    if (status == 0 && answer.status != 200 && answer.status != 206)
        status = take_problem(remote, answer.body, answer.status);
    if (status == 0)
        status = check_artifact(remote, fd, result);
    service_answer_finish(&answer);
    close(fd);
    return status;
}

static int fetch_all(struct remote *remote)
{
    json_t *error = json_object_get(remote->state, "error");
    int status = fetch_report(remote);

    if (status != 0)
        return status;
    if (json_is_object(error))
        return take_problem(remote, error, (long)number_of(error, "status"));
    status = fetch_artifact(remote);
    if (status == 0)
        remote->job->result.outcome = JOB_DONE;
    return status;
}

/* Everything is here, or nobody wants it any more. */
static void forget(struct remote *remote)
{
    struct service_answer answer = {0};
    char path[PATH_MAX];

    service_ignore_signals(remote->service);
    snprintf(path, sizeof path, "/v1/jobs/%s", remote->id);
    service_ask(remote->service, "DELETE", path, NULL, &answer);
    service_answer_finish(&answer);
}

static int convert(struct remote *remote)
{
    struct service_answer answer = {0};
    char key[ID_SIZE];
    int status;

    id_create(key);
    status = send_model(remote, "/v1/jobs", key, &answer);
    if (status == 0 && answer.status != 202)
        status = take_problem(remote, answer.body, answer.status);
    if (status == 0) {
        remote->state = json_incref(answer.body);
        snprintf(remote->id, sizeof remote->id, "%s", text_of(answer.body, "id"));
        memcpy(remote->tag, answer.tag, sizeof remote->tag);
    }
    service_answer_finish(&answer);
    if (status == 0)
        status = follow(remote);
    if (status == 0)
        status = fetch_all(remote);
    if (remote->id[0] != '\0' && status != EXIT_UNAVAILABLE)
        forget(remote);
    return status;
}

int cli_remote_run(struct cli_job *job, enum job_task task, const char *address)
{
    struct remote remote = {.job = job};
    int status = service_open(&remote.service, job->cli, address, job->cancel_fd);

    job->told = status != 0;
    job->result = (struct job_result){.outcome = JOB_INTERNAL};
    if (status != 0)
        return status;
    if (task == JOB_LIST)
        task = job->cli->dry_run ? JOB_PLAN : JOB_CONVERT; /* the service lists them itself */
    status = task == JOB_CONVERT ? convert(&remote) : ask(&remote, task);
    if (status == 0)
        job->result.outcome = JOB_DONE;
    if (status == EXIT_AGAIN && !job->told)
        job->result.outcome = JOB_CANCELLED;
    if (status == EXIT_UNAVAILABLE && !job->told)
        service_complain(remote.service);
    if (status == EXIT_UNAVAILABLE && remote.id[0] != '\0')
        cli_error("the service keeps the job and its result: GET /v1/jobs/%s, and .../artifact",
                  remote.id);
    job->told = true;
    json_decref(remote.state);
    service_destroy(remote.service);
    return status;
}
