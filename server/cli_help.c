/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <string.h>

static void print_parameters(void)
{
    const char *name, *values, *help;

    puts("\nWhat is asked for, with the same names as in the HTTP API:");
    for (size_t i = 0; kf_param_describe(i, &name, &values, &help); i++) {
        printf("  --%-18s %s\n", name, values);
        printf("  %-20s   %s\n", "", help);
    }
}

static void print_settings(void)
{
    const char *name, *value, *help;

    puts("\nEach setting is a flag (--queue-max 10) and an environment variable "
         "(KFERRY_QUEUE_MAX=10);\nthe flag goes first. In brackets what holds without.\n");
    for (size_t i = 0; config_describe(i, &name, &value, &help); i++)
        printf("  %-22s %s [%s]\n", name, help, value);
}

static void print_convert(void)
{
    puts("kferry convert IN... -o OUT [flags]   convert a model file\n\n"
         "An input is a file, a .zip, .tar or .gz, or a folder. Several are the files of one\n"
         "model, as a .weights.json and its shards; or, into a folder, several models: with\n"
         "-o DIR/ every model in the inputs is converted, and DIR gets what succeeded.\n\n"
         "Exit status: 0 done, 64 usage, 65 the model is refused, 66 no input, 70 kferry failed,\n"
         "73 cannot write, 78 a setting is wrong.\n");
    cli_help_flags(stdout, COMMAND_CONVERT);
    print_parameters();
}

static void print_inspect(void)
{
    puts("kferry inspect FILE... [flags]   say what a file is and what can become of it\n");
    cli_help_flags(stdout, COMMAND_INSPECT);
    print_parameters();
}

static void print_diff(void)
{
    puts("kferry diff A B [flags]   do two files hold the same model, and where not\n\n"
         "Exit status: 0 the same, 1 different, 65 it cannot be said; others as of convert.\n");
    cli_help_flags(stdout, COMMAND_DIFF);
    print_parameters();
}

static void print_formats(void)
{
    puts("kferry formats [flags]   list what is read and written\n");
    cli_help_flags(stdout, COMMAND_FORMATS);
}

static void print_config(void)
{
    puts("kferry config [--json | --docs] [settings]   show what holds and where it is from\n\n"
         "The same flags, environment and file as of `kferry serve`; secrets are masked. --docs\n"
         "prints the table of settings. Exit status: 0, or 78 when a setting is wrong.");
}

static void print_serve(void)
{
    puts("kferry serve [settings]   run the HTTP service");
    print_settings();
}

static void print_all(void)
{
    puts("kferry carries Keras models across versions.\n\n"
         "  kferry convert IN -o OUT   convert a model file\n"
         "  kferry inspect FILE        say what a file is and what can become of it\n"
         "  kferry diff A B            say whether two files hold the same model, and where not\n"
         "  kferry formats             list what is read and written\n"
         "  kferry serve               run the HTTP service\n"
         "  kferry config              show the settings that hold, and where they are from\n"
         "  kferry help COMMAND        say more about one of these\n"
         "  kferry --version");
}

static const struct {
    const char *name;
    void (*print)(void);
} pages[] = {
    {"convert", print_convert}, {"inspect", print_inspect}, {"diff", print_diff},
    {"formats", print_formats}, {"config", print_config},   {"serve", print_serve},
};

int cli_help(int argc, char *const *argv)
{
    void (*print)(void) = argc == 0 ? print_all : NULL;

    for (size_t i = 0; argc > 0 && i < sizeof pages / sizeof pages[0]; i++)
        if (strcmp(pages[i].name, argv[0]) == 0)
            print = pages[i].print;
    if (!print) {
        cli_error("there is no help about \"%s\"", argv[0]);
        return EXIT_USAGE;
    }
    print();
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}
