/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../http/assets.h"
#include "../serve.h"
#include "cli_remote.h"
#include "formats_json.h"
#include <stdlib.h>
#include <unistd.h>

/* The commands that need no model. */

static int print_formats(const json_t *formats, bool json)
{
    char *text = json ? json_dumps(formats, JSON_INDENT(2)) : kf_formats_text(formats);
    int bad = !text || printf("%s%s", text, json ? "\n" : "") < 0 || fflush(stdout) != 0;

    free(text);
    return bad ? EXIT_CANNOT_WRITE : EXIT_FINE;
}

/* Those of a service may be others than ours. */
static int ask_formats(const struct cli *cli, const char *address, json_t **out)
{
    struct service_answer answer = {0};
    struct service *service = NULL;
    int status = service_open(&service, cli, address, -1);

    if (status == 0)
        status = service_ask(service, "GET", "/v1/formats", NULL, &answer);
    if (status == EXIT_UNAVAILABLE)
        service_complain(service);
    else if (status == 0 && answer.status != 200)
        status = cli_remote_explain(answer.body, answer.status);
    else
        *out = json_incref(answer.body);
    service_answer_finish(&answer);
    service_destroy(service);
    return status;
}

int cli_formats(int argc, char *const *argv)
{
    json_t *formats = NULL;
    struct cli cli;
    int status = cli_parse(&cli, COMMAND_FORMATS, argc, argv);

    if (status == 0 && service_address(&cli))
        status = ask_formats(&cli, service_address(&cli), &formats);
    else if (status == 0)
        formats = kf_formats_json();
    if (status == 0)
        status = print_formats(formats, cli.json);
    json_decref(formats);
    cli_finish(&cli);
    return status;
}

int cli_openapi(int argc, char *const *argv)
{
    struct cli cli;
    int status = cli_parse(&cli, COMMAND_OPENAPI, argc, argv);
    const struct asset *asset = asset_find(cli.yaml ? "openapi.yaml" : "openapi.json");

    cli_finish(&cli);
    if (status != 0)
        return status;
    if (!asset)
        return EXIT_INTERNAL;
    fwrite(asset->plain, 1, asset->n_plain, stdout);
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}

int cli_serve(int argc, char *const *argv)
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

int cli_version(int argc, char *const *argv)
{
    (void)argc;
    (void)argv;
    puts("kferry " KFERRY_VERSION);
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
}
