/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli.h"
#include "nearest.h"
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#define NAME_MAX_BYTES 64
#define WORK           (COMMAND_CONVERT | COMMAND_INSPECT | COMMAND_DIFF)
#define CLIENT         (WORK | COMMAND_FORMATS | COMMAND_HEALTH)

/* What the command line has beside the parameters of the API. */
static const struct cli_flag flags[] = {
    {"output", 'o', "FILE", COMMAND_CONVERT, offsetof(struct cli, output),
     "file or folder to write; it appears whole or not at all"},
    {"report", 0, "FILE", COMMAND_CONVERT, offsetof(struct cli, report),
     "file for the report, - for standard output"},
    {"architecture", 0, "FILE", WORK, offsetof(struct cli, architecture), NULL},
    {"dry-run", 'n', NULL, COMMAND_CONVERT, offsetof(struct cli, dry_run),
     "only say what would happen"},
    {"sha256", 0, NULL, COMMAND_CONVERT, offsetof(struct cli, sha256),
     "put the input's SHA-256 into the report"},
    {"json", 0, NULL, COMMAND_INSPECT | COMMAND_FORMATS | COMMAND_DIFF, offsetof(struct cli, json),
     "print JSON"},
    {"yaml", 0, NULL, COMMAND_OPENAPI, offsetof(struct cli, yaml),
     "print it as YAML, as it is written, and not as JSON"},
    {"quiet", 'q', NULL, COMMAND_CONVERT | COMMAND_DIFF | COMMAND_HEALTH,
     offsetof(struct cli, quiet), "print nothing unless it fails"},
    {"server", 0, "URL", CLIENT, offsetof(struct cli, server),
     "service to ask: http://host:port, https://host or unix:/path (KFERRY_SERVER)"},
    {"token-file", 0, "FILE", CLIENT, offsetof(struct cli, token_file),
     "file with the key for the service (KFERRY_TOKEN_FILE, or KFERRY_TOKEN with the key itself)"},
    {"ca", 0, "FILE", CLIENT, offsetof(struct cli, ca),
     "certificates that the service may be signed by, instead of the system's"},
    {"wait", 0, "SECONDS", COMMAND_HEALTH, offsetof(struct cli, wait),
     "time that the service may take to become ready"},
};
#define N_FLAGS (sizeof flags / sizeof flags[0])

void cli_error(const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fputs("kferry: ", stderr);
    cli_print(stderr, text);
    fputc('\n', stderr);
}

static int usage(const char *what, const char *name, const char *best)
{
    char shown[NAME_MAX_BYTES];

    kf_show(shown, sizeof shown, name);
    if (best)
        cli_error("%s %s: did you mean --%s?", what, shown, best);
    else
        cli_error("%s %s; `kferry help` says more", what, shown);
    return EXIT_USAGE;
}

static bool is_parameter(const struct cli *cli, const char *name)
{
    return (cli->command & WORK) && kf_param_known(name);
}

static int set_parameter(struct cli *cli, const char *name, const char *value)
{
    struct kf_param_error err;

    if (kf_request_set(&cli->request, name, value, &err) == 0)
        return 0;
    cli_error("%s", err.detail);
    return EXIT_USAGE;
}

static int fail_unknown(struct cli *cli, const char *arg, const char *name)
{
    const char *row, *values, *help;
    struct kf_nearest nearest;

    kf_nearest_init(&nearest, name);
    for (size_t i = 0; i < N_FLAGS; i++)
        if (flags[i].commands & cli->command)
            kf_nearest_offer(&nearest, flags[i].name);
    for (size_t i = 0; (cli->command & WORK) && kf_param_describe(i, &row, &values, &help); i++)
        kf_nearest_offer(&nearest, row);
    /* What only a later version takes is told as such by the table of parameters. */
    if (!nearest.best && (cli->command & WORK) && arg[1] == '-')
        return set_parameter(cli, name, "");
    return usage("there is no flag", arg, nearest.best);
}

static const struct cli_flag *find_flag(const struct cli *cli, const char *arg, const char *name)
{
    for (size_t i = 0; i < N_FLAGS; i++) {
        bool is_long = arg[1] == '-' && strcmp(flags[i].name, name) == 0;
        bool is_short = arg[1] != '-' && flags[i].letter && arg[1] == flags[i].letter;

        if ((flags[i].commands & cli->command) && (is_long || is_short))
            return &flags[i];
    }
    return NULL;
}

static void set_flag(struct cli *cli, const struct cli_flag *flag, const char *value)
{
    void *to = (char *)cli + flag->offset;

    if (flag->value)
        *(const char **)to = value;
    else
        *(bool *)to = true;
}

/* "input-shape" as the API writes it, "input_shape". */
static void name_of(char out[NAME_MAX_BYTES], const char *plain)
{
    snprintf(out, NAME_MAX_BYTES, "%s", plain);
    for (char *c = out; *c; c++)
        if (*c == '-')
            *c = '_';
}

/* The value of the flag at argv[*at], in it or after it; NULL when there is none. */
static const char *value_of(int argc, char *const *argv, int *at, bool is_long)
{
    const char *arg = argv[*at], *equals = is_long ? strchr(arg, '=') : NULL;

    if (equals)
        return equals + 1;
    if (!is_long && arg[2] != '\0')
        return arg + 2;
    return *at + 1 < argc ? argv[++*at] : NULL;
}

static int take_own(struct cli *cli, const struct cli_flag *flag, int argc, char *const *argv,
                    int *at)
{
    const char *arg = argv[*at], *value = NULL;
    bool is_long = arg[1] == '-';

    if (!flag->value && (is_long ? strchr(arg, '=') != NULL : arg[2] != '\0'))
        return usage("no value belongs to", arg, NULL);
    if (flag->value) {
        value = value_of(argc, argv, at, is_long);
        if (!value)
            return usage("a value is missing after", arg, NULL);
    }
    set_flag(cli, flag, value);
    return 0;
}

/* Take the flag at argv[*at]; *at moves to its last argument. */
static int take_flag(struct cli *cli, int argc, char *const *argv, int *at)
{
    const char *arg = argv[*at], *value;
    bool is_long = arg[1] == '-';
    char plain[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
    const struct cli_flag *flag;

    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(arg + 1 + is_long, "="), arg + 1 + is_long);
    flag = find_flag(cli, arg, plain);
    if (flag)
        return take_own(cli, flag, argc, argv, at);
    name_of(name, plain);
    if (!is_long || !is_parameter(cli, name))
        return fail_unknown(cli, arg, name);
    value = value_of(argc, argv, at, true);
    return value ? set_parameter(cli, name, value) : usage("a value is missing after", arg, NULL);
}

static int take_input(struct cli *cli, const char *arg)
{
    if (!(cli->command & WORK)) {
        cli_error("no input is taken, and \"%s\" is one", arg);
        return EXIT_USAGE;
    }
    if (cli->n_inputs == JOB_INPUTS_MAX - 1) {
        cli_error("more than %d inputs", JOB_INPUTS_MAX - 1);
        return EXIT_USAGE;
    }
    if (strcmp(arg, "-") == 0) {
        cli_error("a model cannot be read from a pipe: give a file");
        return EXIT_USAGE;
    }
    cli->inputs[cli->n_inputs++] = arg;
    return 0;
}

int cli_parse(struct cli *cli, enum command command, int argc, char *const *argv)
{
    bool only_inputs = false;

    *cli = (struct cli){.command = command};
    kf_request_init(&cli->request);
    for (int i = 0; i < argc; i++) {
        int status;

        if (!only_inputs && strcmp(argv[i], "--") == 0) {
            only_inputs = true;
            continue;
        }
        if (!only_inputs && argv[i][0] == '-' && argv[i][1] != '\0')
            status = take_flag(cli, argc, argv, &i);
        else
            status = take_input(cli, argv[i]);
        if (status != 0)
            return status;
    }
    if (!(command & WORK) || cli->n_inputs > 0)
        return 0;
    cli_error("the input is missing; `kferry help` says how it is called");
    return EXIT_USAGE;
}

void cli_finish(struct cli *cli)
{
    kf_request_finish(&cli->request);
}

const struct cli_flag *cli_flag_at(size_t index)
{
    return index < N_FLAGS ? &flags[index] : NULL;
}
