/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../settings/config.h"
#include "cli.h"
#include <string.h>
#include <unistd.h>

static void print(const struct config *config, bool json)
{
    json_t *all = config_show(config), *one;
    const char *name;

    if (json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        json_object_foreach(all, name, one)
        {
            const char *value = NULL, *source = NULL;

            json_unpack(one, "{s:s, s:s}", "value", &value, "source", &source);
            printf("%-32s %-12s ", name, source ? source : "");
            cli_print(stdout, value ? value : "");
            putchar('\n');
        }
    }
    json_decref(all);
}

int cli_config(int argc, char *const *argv)
{
    bool json = argc > 0 && strcmp(argv[0], "--json") == 0;
    struct config_error error;
    struct config config;
    int status = EXIT_FINE;

    if (argc == 1 && strcmp(argv[0], "--docs") == 0) {
        config_print_docs();
    } else if (config_load(&config, argc - json, argv + json, environ, &error) < 0) {
        cli_error("%s", error.text);
        config_finish(&config);
        return EXIT_CONFIG;
    } else {
        print(&config, json);
        config_finish(&config);
    }
    return fflush(stdout) == 0 ? status : EXIT_CANNOT_WRITE;
}
