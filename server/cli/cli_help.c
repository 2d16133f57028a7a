/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <string.h>

#define WIDTH  79
#define COLUMN 28 /* where the words about a flag begin */

/* Words, broken into lines that begin at `indent`; the first one begins at `at`. */
static void put_words(const char *text, int at, int indent)
{
    while (*text) {
        int n = (int)strcspn(text, " \n");

        if (at > indent && at + 1 + n > WIDTH) {
            printf("\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            putchar(' ');
            at++;
        }
        printf("%.*s", n, text);
        at += n;
        text += n;
        for (; *text == ' ' || *text == '\n'; text++)
            if (*text == '\n') {
                printf("\n%*s", indent, "");
                at = indent;
            }
    }
    putchar('\n');
}

/* "  -o, --output FILE       words" */
static void put_row(const char *head, const char *words)
{
    int n = printf("  %s", head);

    if (n + 2 > COLUMN) {
        putchar('\n');
        n = 0;
    }
    printf("%*s", COLUMN - n, "");
    put_words(words, COLUMN, COLUMN);
}

static void print_flags(const struct cli_command *command)
{
    const struct cli_flag *flag;
    char head[80];

    for (size_t i = 0; (flag = cli_flag_at(i)); i++) {
        if (!(flag->commands & command->flags) || !flag->help)
            continue;
        snprintf(head, sizeof head, "%s%c%s--%s%s%s", flag->letter ? "-" : " ",
                 flag->letter ? flag->letter : ' ', flag->letter ? ", " : "  ", flag->name,
                 flag->value ? " " : "", flag->value ? flag->value : "");
        put_row(head, flag->help);
    }
}

static void print_parameters(void)
{
    const char *name, *values, *help;
    char head[80], words[512], dashed[CLI_NAME_SIZE];

    puts("\nWhat is asked for, with the same names as in the HTTP API:");
    for (size_t i = 0; kf_param_describe(i, &name, &values, &help); i++) {
        cli_dashed(dashed, name);
        snprintf(head, sizeof head, "    --%s", dashed);
        snprintf(words, sizeof words, "%s\n%s", values, help);
        put_row(head, words);
    }
}

static void print_settings(void)
{
    const char *name, *value, *help;
    char head[80], words[512], dashed[CLI_NAME_SIZE];

    put_words("Each setting is a flag (--queue-max 10), an environment variable "
              "(KFERRY_QUEUE_MAX=10) and a key of the file that KFERRY_CONFIG names "
              "({\"queue_max\": \"10\"}); the first of them goes first. In brackets what holds "
              "without.\n",
              0, 0);
    for (size_t i = 0; config_describe(i, &name, &value, &help); i++) {
        snprintf(words, sizeof words, "%s [%s]", help, value);
        cli_dashed(dashed, name);
        snprintf(head, sizeof head, "--%s", dashed);
        put_row(head, words);
    }
}

static void print_exits(void)
{
    const struct cli_exit *row;
    char head[16];

    puts("\nExit status:");
    for (size_t i = 0; (row = cli_exit_at(i)); i++) {
        snprintf(head, sizeof head, "%d", row->status);
        put_row(head, row->help);
    }
}

static void print_command(const struct cli_command *command)
{
    printf("kferry %s %s\n\n", command->name, command->synopsis);
    put_words(command->summary, 0, 0);
    if (command->text) {
        putchar('\n');
        put_words(command->text, 0, 0);
    }
    putchar('\n');
    if (command->settings)
        print_settings();
    print_flags(command);
    if (command->parameters)
        print_parameters();
    if (command->parameters)
        print_exits();
}

static void print_all(void)
{
    const struct cli_command *command;
    char head[80];

    puts("kferry carries Keras models across versions.\n");
    for (size_t i = 0; (command = cli_command_at(i)); i++) {
        snprintf(head, sizeof head, "kferry %s", command->name);
        put_row(head, command->summary);
    }
    puts("\nkferry help COMMAND says more about one of these. For example:\n\n"
         "  kferry convert model.h5 -o model.keras\n"
         "  kferry inspect model.h5");
}

int cli_help(int argc, char *const *argv)
{
    const struct cli_command *command = argc > 0 ? cli_command_find(argv[0]) : NULL;

    if (argc > 0 && !command) {
        cli_error("there is no help about \"%s\"", argv[0]);
        return EXIT_USAGE;
    }
    if (command)
        print_command(command);
    else
        print_all();
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}
