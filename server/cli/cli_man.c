/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <string.h>

/* The manual page in the language of man(7), written from the tables that help is written from. */

/* Text that cannot be taken for a request of the language; a newline begins a paragraph. */
static void put(const char *text)
{
    bool begins = true;

    for (; *text; text++) {
        if (*text == '\n') {
            if (text[1] == '\n')
                fputs("\n.PP\n", stdout);
            text += strspn(text, "\n") - 1;
            begins = true;
            continue;
        }
        if (begins && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        begins = false;
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
}

static void put_line(const char *text)
{
    put(text);
    putchar('\n');
}

/* A flag or name with its words. */
static void put_entry(const char *dashes, const char *name, const char *value, const char *words)
{
    fputs(".TP\n\\fB", stdout);
    put(dashes);
    put(name);
    fputs("\\fR", stdout);
    if (value) {
        fputs(" \\fI", stdout);
        put(value);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    put_line(words);
}

static void put_flags(const struct cli_command *command)
{
    const struct cli_flag *flag;
    char dashes[8];

    for (size_t i = 0; (flag = cli_flag_at(i)); i++) {
        if (!(flag->commands & command->flags) || !flag->help)
            continue;
        snprintf(dashes, sizeof dashes, flag->letter ? "-%c, --" : "--", flag->letter);
        put_entry(dashes, flag->name, flag->value, flag->help);
    }
}

static void put_command(const struct cli_command *command)
{
    printf(".SS kferry %s ", command->name);
    put_line(command->synopsis);
    putchar('\n');
    put_line(command->summary);
    if (command->text) {
        puts(".PP");
        put_line(command->text);
    }
    put_flags(command);
    if (command->parameters)
        puts(".PP\nIt takes the parameters below, too.");
    if (command->settings)
        puts(".PP\nIt takes the settings below.");
}

static void put_parameters(void)
{
    const char *name, *values, *help;
    char dashed[CLI_NAME_SIZE];

    puts(".SH PARAMETERS\nWhat is asked for, with the same names as in the HTTP API.");
    for (size_t i = 0; kf_param_describe(i, &name, &values, &help); i++) {
        cli_dashed(dashed, name);
        put_entry("--", dashed, NULL, help);
        puts(".br");
        put_line(values);
    }
}

static void put_settings(void)
{
    const char *name, *value, *help;
    char dashed[CLI_NAME_SIZE];

    puts(".SH SETTINGS\nOf the service. Each is a flag (\\-\\-queue\\-max 10), an environment "
         "variable (KFERRY_QUEUE_MAX=10) and a key of the file that KFERRY_CONFIG names; the first "
         "of them goes first.");
    for (size_t i = 0; config_describe(i, &name, &value, &help); i++) {
        cli_dashed(dashed, name);
        put_entry("--", dashed, *value ? value : NULL, help);
    }
}

static void put_exits(void)
{
    const struct cli_exit *row;
    char number[16];

    puts(".SH \"EXIT STATUS\"");
    for (size_t i = 0; (row = cli_exit_at(i)); i++) {
        snprintf(number, sizeof number, "%d", row->status);
        put_entry("", number, NULL, row->help);
    }
}

static void put_environment(void)
{
    puts(".SH ENVIRONMENT");
    put_entry("", "KFERRY_SERVER", NULL,
              "address of a service that is to do the work, as --server");
    put_entry("", "KFERRY_TOKEN, KFERRY_TOKEN_FILE", NULL,
              "key for that service, or a file with it");
    put_entry("", "TMPDIR", NULL, "where temporary files go");
    puts(".PP\nThe settings of the service that concern one conversion hold for the command line\n"
         "too: KFERRY_SANDBOX, KFERRY_WORKER_MEMORY, KFERRY_JOB_TIMEOUT.");
}

static void put_examples(void)
{
    puts(".SH EXAMPLES\n.EX\n"
         "kferry convert model.h5 \\-o model.keras\n"
         "kferry convert models/ \\-\\-to keras \\-o converted/\n"
         "kferry convert model.h5 \\-o model.keras \\-\\-server http://127.0.0.1:8080\n"
         "kferry inspect model.h5\n"
         "kferry diff old.h5 new.keras\n.EE");
}

int cli_man(int argc, char *const *argv)
{
    const struct cli_command *command;

    if (argc > 0) {
        cli_error("%s: the manual page is whole or not at all", argv[0]);
        return EXIT_USAGE;
    }
    puts(".\\\" Written by kferry man.\n.TH KFERRY 1 \"\" \"kferry " KFERRY_VERSION
         "\"\n.SH NAME\nkferry \\- carry Keras models across versions\n"
         ".SH SYNOPSIS\n.B kferry\n.I command\n[\\fIargument\\fR ...]\n.SH DESCRIPTION\n"
         "A model file of any Keras from 1.0 to 3.15 goes in, the file that another Keras loads\n"
         "comes out, with a report of everything that was changed. What cannot be converted to a\n"
         "model that predicts the same is refused with the cause and the way out.\n.SH COMMANDS");
    for (size_t i = 0; (command = cli_command_at(i)); i++)
        put_command(command);
    put_parameters();
    put_settings();
    put_exits();
    put_environment();
    put_examples();
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}
