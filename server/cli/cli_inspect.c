/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <string.h>

#define ROWS_MAX 200

/* The answer of GET /v1/inspect: the facts, and the report that came with them. */
static int print_json(const struct cli_job *job)
{
    int bad;

    json_object_set(job->facts, "report", job->report);
    bad = json_dumpf(job->facts, stdout, JSON_INDENT(2));
    return bad == 0 && putchar('\n') != EOF && fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}

static void print_list(const json_t *report, const char *heading)
{
    const json_t *list = json_object_get(report, heading);

    if (json_array_size(list) == 0)
        return;
    printf("%s\n", heading);
    for (size_t i = 0; i < json_array_size(list) && i < ROWS_MAX; i++) {
        const json_t *entry = json_array_get(list, i);
        const char *where = json_string_value(json_object_get(entry, "where"));

        printf("  %s: ", json_string_value(json_object_get(entry, "code")));
        cli_print(stdout, where && *where ? where : "the file");
        fputs(": ", stdout);
        cli_print(stdout, json_string_value(json_object_get(entry, "reason")));
        putchar('\n');
    }
}

static void print_section(const json_t *facts, const char *name)
{
    const json_t *rows = json_object_get(facts, name);

    if (json_array_size(rows) == 0)
        return;
    printf("%s\n", name);
    cli_print_table(stdout, rows, ROWS_MAX);
}

/* Where there are layers the tensors are left to --json: there are too many of them for a screen.
 */
static int print_text(const struct cli_job *job)
{
    const json_t *model = json_object_get(job->facts, "model");
    const json_t *evidence = json_object_get(json_object_get(job->report, "source"), "evidence");

    cli_print(stdout, job->cli->inputs[0]);
    putchar('\n');
    cli_print_members(stdout, job->facts);
    for (size_t i = 0; i < json_array_size(evidence); i++) {
        fputs("  because          ", stdout);
        cli_print(stdout, json_string_value(json_array_get(evidence, i)));
        putchar('\n');
    }
    if (json_is_object(model)) {
        puts("model");
        cli_print_members(stdout, model);
    }
    print_section(job->facts, "models");
    print_section(job->facts, "others");
    print_section(job->facts,
                  json_array_size(json_object_get(job->facts, "layers")) ? "layers" : "tensors");
    print_list(job->report, "findings");
    print_list(job->report, "needs");
    print_list(job->report, "problems");
    print_section(job->facts, "loads_in");
    print_section(job->facts, "targets");
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}

/* A model, several, or what can become something else: weights alone. */
static bool is_of_use(const json_t *facts)
{
    const json_t *target;
    bool found = json_is_object(json_object_get(facts, "model")) ||
                 json_array_size(json_object_get(facts, "models")) > 0;
    size_t i;

    json_array_foreach(json_object_get(facts, "targets"), i, target) found =
        found || strcmp(json_string_value(json_object_get(target, "verdict")), "refused") != 0;
    return found;
}

/* What is no model at all is told, but it is no success. */
static int run(struct cli_job *job)
{
    int status = cli_job_run(job, JOB_INSPECT), printed;

    if (status == EXIT_FINE && (!job->report || !job->facts))
        status = EXIT_INTERNAL;
    if (status == EXIT_REFUSED && job->report) /* the options are wrong */
        cli_print_lines(stderr, json_object_get(json_object_get(job->report, "summary"), "lines"));
    else if (status != EXIT_FINE)
        cli_job_explain(job);
    if (status != EXIT_FINE)
        return status;
    printed = job->cli->json ? print_json(job) : print_text(job);
    return printed == EXIT_FINE && !is_of_use(job->facts) ? EXIT_REFUSED : printed;
}

int cli_inspect(int argc, char *const *argv)
{
    struct cli cli;
    struct kf_param_error err;
    int status = cli_parse(&cli, COMMAND_INSPECT, argc, argv);

    if (status == 0 && cli.request.filename[0] == '\0' &&
        kf_request_set(&cli.request, "filename", cli.inputs[0], &err) < 0) {
        cli_error("%s", err.detail);
        status = EXIT_USAGE;
    }
    if (status == 0)
        status = cli_job_do(&cli, run);
    cli_finish(&cli);
    return status;
}
