/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli_exchange.h"
#include "cli_upload.h"
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_MAX   4096
#define TRIES       5   /* of what broke on its way */
#define BUSY_S      120 /* that a busy service is asked again */
#define BUSY_STEP_S 2   /* where it does not say when */

const char *service_address(const struct cli *cli)
{
    const char *address = cli->server ? cli->server : getenv("KFERRY_SERVER");

    return address && *address ? address : NULL;
}

/* "unix:/path" is a socket; a bare "host:port" is HTTP. */
static int set_address(struct service *service, const char *address)
{
    bool has_scheme = strstr(address, "://") != NULL;
    size_t n = strlen(address);

    if (strncmp(address, "unix:", 5) == 0) {
        service->socket = strndup(address + 5, strcspn(address + 5, "?"));
        service->base = strdup("http://kferry");
        return service->socket && service->base ? 0 : EXIT_INTERNAL;
    }
    if (has_scheme && strncmp(address, "http://", 7) != 0 && strncmp(address, "https://", 8) != 0) {
        cli_error("a service is at http://host:port, https://host or unix:/path, not at %s",
                  address);
        return EXIT_USAGE;
    }
    while (n > 0 && address[n - 1] == '/')
        n--;
    if (asprintf(&service->base, "%s%.*s", has_scheme ? "" : "http://", (int)n, address) < 0)
        service->base = NULL;
    return service->base ? 0 : EXIT_INTERNAL;
}

/* The first line of the file. */
static int read_token(const char *path, char out[TOKEN_MAX])
{
    FILE *in = fopen(path, "re");
    bool read = in && fgets(out, TOKEN_MAX, in);

    if (!read)
        cli_error("cannot read the key in %s: %s", path, in ? "it is empty" : strerror(errno));
    if (in)
        fclose(in);
    out[read ? strcspn(out, "\r\n") : 0] = '\0';
    return read ? 0 : EXIT_CONFIG;
}

static int set_token(struct service *service, const struct cli *cli)
{
    const char *path = cli->token_file ? cli->token_file : getenv("KFERRY_TOKEN_FILE");
    const char *given = getenv("KFERRY_TOKEN");
    char token[TOKEN_MAX] = "";
    int status = 0;

    if (path && *path)
        status = read_token(path, token);
    else if (given)
        snprintf(token, sizeof token, "%s", given);
    if (status == 0 && token[0] != '\0' &&
        asprintf(&service->key, "Authorization: Bearer %s", token) < 0) {
        service->key = NULL;
        status = EXIT_INTERNAL;
    }
    return status;
}

int service_open(struct service **out, const struct cli *cli, const char *address, int cancel_fd)
{
    KF_AUTO(service) service = calloc(1, sizeof *service);
    int status;

    if (!service || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return EXIT_INTERNAL;
    service->curl = curl_easy_init();
    service->multi = curl_multi_init();
    service->cancel_fd = cancel_fd;
    service->ca = cli->ca;
    service->own = !service_address(cli);
    service->meter.on = !cli->quiet && isatty(STDERR_FILENO);
    if (!service->curl || !service->multi)
        return EXIT_INTERNAL;
    status = set_address(service, address);
    if (status == 0)
        status = set_token(service, cli);
    if (status == 0)
        *out = service_take(&service);
    return status;
}

void service_destroy(struct service *service)
{
    if (!service)
        return;
    meter_clear(&service->meter);
    curl_easy_cleanup(service->curl);
    curl_multi_cleanup(service->multi);
    free(service->base);
    free(service->socket);
    free(service->key);
    free(service);
}

void service_answer_finish(struct service_answer *answer)
{
    json_decref(answer->body);
    *answer = (struct service_answer){0};
}

char *service_escape(const struct service *service, const char *text)
{
    char *escaped = curl_easy_escape(service->curl, text, 0);
    char *copy = escaped ? strdup(escaped) : NULL;

    curl_free(escaped);
    return copy;
}

void service_show(struct service *service, const char *what, uint64_t done, uint64_t total)
{
    if (what)
        meter_show(&service->meter, what, done, total);
    else
        meter_clear(&service->meter);
}

static int fail(struct exchange *exchange)
{
    const char *why =
        exchange->error[0] != '\0' ? exchange->error : curl_easy_strerror(exchange->code);

    snprintf(exchange->service->error, CURL_ERROR_SIZE, "%s", why);
    return EXIT_UNAVAILABLE;
}

int service_complain(struct service *service)
{
    meter_clear(&service->meter);
    cli_error("%s: %s", service->socket ? service->socket : service->base, service->error);
    return EXIT_UNAVAILABLE;
}

void service_ignore_signals(struct service *service)
{
    service->cancel_fd = -1;
}

int service_pause(const struct service *service, unsigned seconds)
{
    struct pollfd wait = {.fd = service->cancel_fd, .events = POLLIN};

    return poll(&wait, 1, (int)seconds * 1000) > 0 ? EXIT_AGAIN : 0;
}

int service_ask(struct service *service, const char *method, const char *path, const char *tag,
                struct service_answer *out)
{
    int status = EXIT_UNAVAILABLE;
    struct exchange exchange;

    for (unsigned i = 0; i < TRIES; i++) {
        exchange = exchange_begin(service, out);
        curl_easy_setopt(service->curl, CURLOPT_CUSTOMREQUEST, method);
        if (tag)
            exchange_header(&exchange, "If-None-Match", tag);
        status = exchange_run(&exchange, path);
        if (status != EXIT_UNAVAILABLE || !exchange_is_broken(&exchange))
            break;
        service_answer_finish(out);
        if (service_pause(service, i) != 0)
            return EXIT_AGAIN;
    }
    return status == EXIT_UNAVAILABLE ? fail(&exchange) : status;
}

/* How long to wait before a busy service is asked again; 0 when that is over. */
static unsigned patience(const struct service_answer *answer, unsigned *waited)
{
    unsigned seconds = answer->retry_after ? answer->retry_after : BUSY_STEP_S;

    if ((answer->status != 429 && answer->status != 503) || *waited + seconds > BUSY_S)
        return 0;
    *waited += seconds;
    return seconds;
}

static int send_once(struct service *service, const char *path, const struct service_upload *upload,
                     struct exchange *exchange)
{
    struct upload *form = upload_create(service->curl, upload);
    int status;

    if (!form) {
        curl_slist_free_all(exchange->headers);
        exchange->code = CURLE_OUT_OF_MEMORY;
        return EXIT_UNAVAILABLE;
    }
    exchange->what = "uploading";
    exchange->total = upload_size(form);
    if (upload->key)
        exchange_header(exchange, "Idempotency-Key", upload->key);
    status = exchange_run(exchange, path);
    upload_destroy(form);
    return status;
}

/* After the last try: what became of the bytes that were sent, and what to do. */
static int fail_upload(struct exchange *exchange)
{
    const char *why =
        exchange->error[0] != '\0' ? exchange->error : curl_easy_strerror(exchange->code);
    curl_off_t sent = 0;

    if (!exchange_is_broken(exchange))
        return fail(exchange);
    curl_easy_getinfo(exchange->service->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
    snprintf(exchange->service->error, CURL_ERROR_SIZE,
             "the upload broke off %d times, the last time after %" PRIu64 " of %" PRIu64
             " bytes (%.80s); the service keeps nothing of it: run the command again",
             TRIES, (uint64_t)sent, exchange->total, why);
    return EXIT_UNAVAILABLE;
}

int service_send(struct service *service, const char *path, const struct service_upload *upload,
                 struct service_answer *out)
{
    unsigned waited = 0, seconds;
    struct exchange exchange;
    int status;

    for (unsigned broken = 0;;) {
        exchange = exchange_begin(service, out);
        status = send_once(service, path, upload, &exchange);
        if (status == EXIT_UNAVAILABLE && exchange_is_broken(&exchange) && ++broken < TRIES)
            seconds = broken;
        else if (status == 0)
            seconds = patience(out, &waited);
        else
            break;
        if (seconds == 0)
            return 0;
        meter_show(&service->meter, status == 0 ? "the service is busy" : "once more", 0, 0);
        service_answer_finish(out);
        if (service_pause(service, seconds) != 0)
            return EXIT_AGAIN;
    }
    return status == EXIT_UNAVAILABLE ? fail_upload(&exchange) : status;
}

int service_fetch(struct service *service, const char *path, int fd, uint64_t size,
                  struct service_answer *out)
{
    struct exchange exchange;
    char range[40], tag[sizeof out->tag] = "";
    uint64_t at = 0;
    int status = 0;

    for (unsigned i = 0; i < TRIES; i++) {
        exchange = exchange_begin(service, out);
        exchange.fd = fd;
        exchange.at = at;
        exchange.what = "downloading";
        exchange.total = size;
        if (at > 0) {
            snprintf(range, sizeof range, "bytes=%" PRIu64 "-", at);
            exchange_header(&exchange, "Range", range);
            exchange_header(&exchange, "If-Range", tag);
        }
        status = exchange_run(&exchange, path);
        at = exchange.at;
        snprintf(tag, sizeof tag, "%s", out->tag);
        if (status != EXIT_UNAVAILABLE || !exchange_is_broken(&exchange))
            break;
        service_answer_finish(out);
        if (service_pause(service, i) != 0)
            return EXIT_AGAIN;
    }
    if (exchange.bad_fd == 0)
        return status == EXIT_UNAVAILABLE ? fail(&exchange) : status;
    meter_clear(&service->meter);
    cli_error("cannot write the result: %s", strerror(exchange.bad_fd));
    return EXIT_CANNOT_WRITE;
}
