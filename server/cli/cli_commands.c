/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <string.h>

/* Every command, in the order in which help, manual and completion show them. */
static const struct cli_command commands[] = {
    {"convert", COMMAND_CONVERT, cli_convert, "IN... -o OUT [flags]", "convert a model file",
     "An input is a file, a .zip, .tar or .gz, or a folder. Several are the files of one model, as "
     "a .weights.json and its shards; or, into a folder, several models: with -o DIR/ every model "
     "in the inputs is converted, and DIR gets what succeeded.\n\n"
     "With --server a service does the work: the inputs are sent, and the result and its report "
     "come back, with the same messages and exit statuses.",
     true, false},
    {"inspect", COMMAND_INSPECT, cli_inspect, "FILE... [flags]",
     "say what a file is and what can become of it", NULL, true, false},
    {"diff", COMMAND_DIFF, cli_diff, "A B [flags]",
     "say whether two files hold the same model, and where not",
     "The exit status is 0 for the same, 1 for different, and 65 when it cannot be said.", true,
     false},
    {"formats", COMMAND_FORMATS, cli_formats, "[flags]", "list what is read and written", NULL,
     false, false},
    {"serve", 0, cli_serve, "[settings]", "run the HTTP service", NULL, false, true},
    {"config", 0, cli_config, "[--json | --docs] [settings]",
     "show the settings that hold, and where they are from",
     "The same flags, environment and file as of kferry serve; secrets are masked. --docs prints "
     "the table of settings. The exit status is 0, or 78 when a setting is wrong.",
     false, true},
    {"health", COMMAND_HEALTH, cli_health, "[flags]",
     "ask a service whether it is ready; for health checks of containers",
     "Without --server it is the service that the same environment would start: its "
     "KFERRY_ADMIN_LISTEN, or else its KFERRY_LISTEN.",
     false, false},
    {"openapi", COMMAND_OPENAPI, cli_openapi, "[flags]", "print the description of the HTTP API",
     NULL, false, false},
    {"completion", 0, cli_completion, "bash|zsh|fish", "print what a shell completes by",
     "In bash: source <(kferry completion bash). Installed packages bring it along.", false, false},
    {"man", 0, cli_man, "", "print the manual page", NULL, false, false},
    {"help", 0, cli_help, "[COMMAND]", "say more about a command", NULL, false, false},
    {"version", 0, cli_version, "", "print the version", NULL, false, false},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

static const struct cli_exit exits[] = {
    {EXIT_FINE, "done"},
    {EXIT_DIFFERENT, "diff: the models differ"},
    {EXIT_USAGE, "the command line is wrong"},
    {EXIT_REFUSED, "the model is refused or damaged"},
    {EXIT_NO_INPUT, "an input cannot be read"},
    {EXIT_UNAVAILABLE, "the service cannot be reached, or the worker is not there"},
    {EXIT_INTERNAL, "kferry failed"},
    {EXIT_CANNOT_WRITE, "the result cannot be written"},
    {EXIT_AGAIN, "busy; the same may succeed later"},
    {EXIT_NO_PERMISSION, "the service wants another token"},
    {EXIT_CONFIG, "a setting is wrong"},
};

void cli_dashed(char out[CLI_NAME_SIZE], const char *name)
{
    snprintf(out, CLI_NAME_SIZE, "%s", name);
    for (char *c = out; *c; c++)
        if (*c == '_')
            *c = '-';
}

const struct cli_command *cli_command_at(size_t index)
{
    return index < N_COMMANDS ? &commands[index] : NULL;
}

const struct cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

const struct cli_exit *cli_exit_at(size_t index)
{
    return index < sizeof exits / sizeof exits[0] ? &exits[index] : NULL;
}
