/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 100
#define TEXT_MAX 200 /* of a value of a config */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* What a difference is called, by its word in the JSON. */
static const struct {
    const char *what, *says;
} words[] = {
    {"layer-missing", "the layer is missing"},
    {"class", "class"},
    {"config", "config"},
    {"calls", "number of calls"},
    {"call", "called otherwise"},
    {"parts", "number of layers inside"},
    {"order", "its place"},
    {"inputs", "inputs"},
    {"outputs", "outputs"},
    {"topology", "kind of model"},
    {"tensor-missing", "the variable is missing:"},
    {"shape", "shape of"},
    {"dtype", "dtype of"},
    {"values", "values of"},
};

static const char *says(const char *what)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].what, what) == 0)
            return words[i].says;
    return what;
}

static void print_value(const char *name, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    printf("    %s: ", name);
    if (text && strlen(text) > TEXT_MAX)
        memcpy(text + TEXT_MAX - 3, "...", 4);
    cli_print(stdout, json_is_null(value) ? "nothing" : text ? text : "?");
    putchar('\n');
    free(text);
}

static void print_counts(const json_t *row)
{
    const json_t *largest = json_object_get(row, "max_difference");

    printf(": %lld of %lld differ",
           (long long)json_integer_value(json_object_get(row, "n_different")),
           (long long)json_integer_value(json_object_get(row, "elements")));
    if (json_is_number(largest))
        printf(", by %g at most", json_number_value(largest));
}

static void print_difference(const json_t *row)
{
    const char *what = text_of(row, "what"), *where = text_of(row, "where");
    const char *key = text_of(row, "key");
    bool values = strcmp(what, "values") == 0;

    printf("  ");
    cli_print(stdout, *where ? where : "the model");
    printf(": %s%s", says(what), *key ? " " : "");
    cli_print(stdout, key);
    if (values)
        print_counts(row);
    putchar('\n');
    if (values)
        return;
    print_value("a", json_object_get(row, "a"));
    print_value("b", json_object_get(row, "b"));
}

static void print_side(const char *name, const char *path, const json_t *side)
{
    const char *version = text_of(side, "keras_version");

    printf("  %s: ", name);
    cli_print(stdout, path);
    printf(", ");
    cli_print(stdout, text_of(side, "title"));
    if (*version) {
        printf(" (Keras ");
        cli_print(stdout, version);
        putchar(')');
    }
    putchar('\n');
}

static void print_renamed(const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows) && i < ROWS_MAX; i++) {
        printf("  renamed: ");
        cli_print(stdout, text_of(json_array_get(rows, i), "a"));
        printf(" is ");
        cli_print(stdout, text_of(json_array_get(rows, i), "b"));
        putchar('\n');
    }
}

static void print_rows(const json_t *facts)
{
    const json_t *rows = json_object_get(facts, "differences");
    size_t n = json_array_size(rows);
    json_int_t more = json_integer_value(json_object_get(facts, "more_differences"));

    for (size_t i = 0; i < n && i < ROWS_MAX; i++)
        print_difference(json_array_get(rows, i));
    if (n > ROWS_MAX)
        more += (json_int_t)(n - ROWS_MAX);
    if (more > 0)
        printf("  ... and %lld more; --json has the first thousand\n", (long long)more);
}

static int print_text(const struct cli_job *job)
{
    const json_t *facts = job->facts;

    printf("%s\n", text_of(facts, "verdict"));
    print_side("a", job->cli->inputs[0], json_object_get(facts, "a"));
    print_side("b", job->cli->inputs[1], json_object_get(facts, "b"));
    printf("  %lld layers compared",
           (long long)json_integer_value(json_object_get(facts, "layers")));
    if (json_array_size(json_object_get(facts, "not_compared")) > 0)
        printf(", without weights: one of the two has none");
    printf("; training state: %s\n", text_of(facts, "training"));
    print_renamed(json_object_get(facts, "renamed"));
    print_rows(facts);
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}

static int print_json(const struct cli_job *job)
{
    int bad = json_dumpf(job->facts, stdout, JSON_INDENT(2));

    return bad == 0 && putchar('\n') != EOF && fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}

static int print(const struct cli_job *job)
{
    if (job->cli->json)
        return print_json(job);
    return job->cli->quiet ? EXIT_FINE : print_text(job);
}

static int run(struct cli_job *job)
{
    int status = cli_job_run(job, JOB_DIFF);

    if (status == EXIT_FINE && !job->facts)
        status = EXIT_INTERNAL;
    if (status == EXIT_REFUSED && job->report)
        cli_print_lines(stderr, json_object_get(json_object_get(job->report, "summary"), "lines"));
    else if (status != EXIT_FINE)
        cli_job_explain(job);
    if (status == EXIT_FINE)
        status = print(job);
    if (status != EXIT_FINE)
        return status;
    return strcmp(text_of(job->facts, "verdict"), "same") == 0 ? EXIT_FINE : EXIT_DIFFERENT;
}

int cli_diff(int argc, char *const *argv)
{
    struct cli cli;
    int status = cli_parse(&cli, COMMAND_DIFF, argc, argv);

    if (status == 0 && cli.n_inputs != 2) {
        cli_error("two files are compared, and %zu are given", cli.n_inputs);
        status = EXIT_USAGE;
    }
    if (status == 0)
        status = cli_job_do(&cli, run);
    cli_finish(&cli);
    return status;
}
