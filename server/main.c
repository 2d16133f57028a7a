/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cli.h"
#include "nearest.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Other names of commands. */
static const struct {
    const char *name, *command;
} aliases[] = {{"--version", "version"}, {"--help", "help"}, {"-h", "help"}};

/* With 0, 1 or 2 closed, the next file opened would be taken for one of them. */
static void open_standard(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static int fail_unknown(const char *name)
{
    const struct cli_command *command;
    struct kf_nearest nearest;

    kf_nearest_init(&nearest, name);
    for (size_t i = 0; (command = cli_command_at(i)); i++)
        kf_nearest_offer(&nearest, command->name);
    if (nearest.best)
        cli_error("there is no command %s: did you mean %s?", name, nearest.best);
    else
        cli_error("there is no command %s; `kferry help` lists them", name);
    return EXIT_USAGE;
}

/* "kferry convert --help" is "kferry help convert". */
static bool asks_for_help(int argc, char **argv)
{
    return argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
}

static const struct cli_command *find(const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(aliases[i].name, name) == 0)
            name = aliases[i].command;
    return cli_command_find(name);
}

int main(int argc, char **argv)
{
    const struct cli_command *command;

    open_standard();
    if (argc < 2) {
        cli_help(0, NULL);
        return EXIT_USAGE;
    }
    if (asks_for_help(argc, argv))
        return cli_help(1, &argv[1]);
    command = find(argv[1]);
    return command ? command->run(argc - 2, argv + 2) : fail_unknown(argv[1]);
}
