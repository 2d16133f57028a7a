/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../http/systemd.h"
#include "cli_remote.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MAX_S 3600

/* Where the service listens that this environment would start, as this host reaches it. */
static char *own_address(const struct config *config)
{
    const char *listen = config->admin_listen[0] != '\0' ? config->admin_listen : config->listen;
    const char *port = strrchr(listen, ':');
    bool tls = listen == config->listen && config->tls_cert[0] != '\0';
    const char *name;
    char *address = NULL;
    bool any = port && (strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0 ||
                        port == listen);

    if (strncmp(listen, "unix:", 5) == 0)
        return strdup(listen);
    if (systemd_is_address(listen, &name)) {
        cli_error("only systemd knows where the service listens: --server says it");
        return NULL;
    }
    if (asprintf(&address, "%s://%s%s", tls ? "https" : "http", any ? "127.0.0.1" : listen,
                 any ? port : "") < 0)
        return NULL;
    return address;
}

static int find_address(const struct cli *cli, char **out)
{
    const char *given = service_address(cli);
    struct config config;
    struct config_error error;
    int status = 0;

    if (given) {
        *out = strdup(given);
        return *out ? 0 : EXIT_INTERNAL;
    }
    if (config_load(&config, 0, NULL, environ, &error) < 0) {
        cli_error("%s", error.text);
        status = EXIT_CONFIG;
    } else {
        *out = own_address(&config);
        status = *out ? 0 : EXIT_CONFIG;
    }
    config_finish(&config);
    return status;
}

/* One question. Quiet: what it says is only kept when it is the last one. */
static int ask(struct service *service, bool last)
{
    struct service_answer answer = {0};
    int status = service_ask(service, "GET", "/readyz", NULL, &answer);
    const char *reason = json_string_value(json_object_get(answer.body, "reason"));

    if (status == EXIT_UNAVAILABLE && last)
        service_complain(service);
    if (status == 0 && answer.status != 200) {
        status = EXIT_AGAIN;
        if (last && reason)
            cli_error("not ready: %s", reason);
        else if (last)
            status = cli_remote_explain(answer.body, answer.status);
    }
    service_answer_finish(&answer);
    return status;
}

static int ask_for(struct service *service, long seconds)
{
    int status = ask(service, seconds == 0);

    for (; status != 0 && seconds > 0; seconds--) {
        sleep(1);
        status = ask(service, seconds == 1);
    }
    return status;
}

static int run(const struct cli *cli)
{
    char *address = NULL, *end = NULL;
    long seconds = cli->wait ? strtol(cli->wait, &end, 10) : 0;
    struct service *service = NULL;
    int status;

    if (cli->wait && (end == cli->wait || *end != '\0' || seconds < 0 || seconds > WAIT_MAX_S)) {
        cli_error("--wait takes seconds, at most %d", WAIT_MAX_S);
        return EXIT_USAGE;
    }
    status = find_address(cli, &address);
    if (status == 0)
        status = service_open(&service, cli, address, -1);
    if (status == 0)
        status = ask_for(service, seconds);
    if (status == 0 && !cli->quiet)
        puts("ready");
    service_destroy(service);
    free(address);
    return status == 0 && fflush(stdout) != 0 ? EXIT_CANNOT_WRITE : status;
}

int cli_health(int argc, char *const *argv)
{
    struct cli cli;
    int status = cli_parse(&cli, COMMAND_HEALTH, argc, argv);

    if (status == 0)
        status = run(&cli);
    cli_finish(&cli);
    return status;
}
