/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli.h"
#include "nearest.h"
#include "serve.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int serve(int argc, char *const *argv)
{
    struct config config;
    struct config_error error;
    int status = EXIT_CONFIG;

    if (config_load(&config, argc, argv, environ, &error) < 0) {
        cli_error("%s", error.text);
    } else {
        log_set_level((enum log_level)config.log_level);
        status = serve_main(&config);
    }
    config_finish(&config);
    return status;
}

static int version(int argc, char *const *argv)
{
    (void)argc;
    (void)argv;
    puts("kferry " KFERRY_VERSION);
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}

static const struct {
    const char *name;
    int (*run)(int argc, char *const *argv);
} commands[] = {
    {"convert", cli_convert}, {"inspect", cli_inspect}, {"diff", cli_diff},
    {"formats", cli_formats}, {"config", cli_config},   {"serve", serve},
    {"help", cli_help},       {"version", version},     {"--version", version},
    {"--help", cli_help},     {"-h", cli_help},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

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
    struct kf_nearest nearest;

    kf_nearest_init(&nearest, name);
    for (size_t i = 0; i < N_COMMANDS; i++)
        kf_nearest_offer(&nearest, commands[i].name);
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

int main(int argc, char **argv)
{
    open_standard();
    if (argc < 2) {
        cli_help(0, NULL);
        return EXIT_USAGE;
    }
    if (asks_for_help(argc, argv))
        return cli_help(1, &argv[1]);
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, argv[1]) == 0)
            return commands[i].run(argc - 2, argv + 2);
    return fail_unknown(argv[1]);
}
