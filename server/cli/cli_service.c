/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli_service.h"
#include "cli_meter.h"
#include "cli_upload.h"
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CONNECT_S   10L
#define SILENCE_S   90L /* longer than an answer is held back */
#define BODY_MAX    ((size_t)256 << 20)
#define TOKEN_MAX   4096
#define POLL_MS     250
#define TRIES       5   /* of what broke on its way */
#define BUSY_S      120 /* that a busy service is asked again */
#define BUSY_STEP_S 2   /* where it does not say when */

struct service {
    CURL *curl;
    CURLM *multi;
    char *base;     /* "http://host:port", no slash at the end; owned */
    char *socket;   /* of a Unix socket; owned, or NULL */
    char *key;      /* the header with the key; owned, or NULL */
    const char *ca; /* borrowed */
    int cancel_fd;  /* borrowed, or -1 */
    bool own;       /* nobody named another: it is this machine's */
    struct meter meter;
    char error[CURL_ERROR_SIZE]; /* why there was no answer */
};

/* One exchange while it runs. */
struct exchange {
    struct service *service;
    struct service_answer *answer;
    struct curl_slist *headers; /* owned */
    const char *what;           /* is on its way, for the screen; NULL shows nothing */
    uint64_t total;             /* bytes of it */
    char *body;                 /* of an answer in memory; owned */
    size_t n, room;
    int fd;      /* where a file goes, or -1 */
    uint64_t at; /* in it */
    int bad_fd;  /* errno of writing there */
    CURLcode code;
    char error[CURL_ERROR_SIZE];
};

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

static size_t on_header(char *line, size_t size, size_t n, void *context)
{
    struct service_answer *answer = ((struct exchange *)context)->answer;
    size_t all = size * n, length = all;

    while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == '\n'))
        length--;
    if (length > 13 && strncasecmp(line, "retry-after: ", 13) == 0)
        answer->retry_after = (unsigned)strtoul(line + 13, NULL, 10);
    if (length > 6 && length - 6 < sizeof answer->tag && strncasecmp(line, "etag: ", 6) == 0) {
        memcpy(answer->tag, line + 6, length - 6);
        answer->tag[length - 6] = '\0';
    }
    return all;
}

static size_t keep(struct exchange *exchange, const char *data, size_t n)
{
    if (exchange->n + n > exchange->room) {
        size_t room = 2 * (exchange->n + n);
        char *grown = room < BODY_MAX ? realloc(exchange->body, room) : NULL;

        if (!grown)
            return 0;
        exchange->body = grown;
        exchange->room = room;
    }
    memcpy(exchange->body + exchange->n, data, n);
    exchange->n += n;
    return n;
}

/* What is no success is a problem to be read, also where a file was asked for. */
static size_t on_body(char *data, size_t size, size_t n, void *context)
{
    struct exchange *exchange = context;
    size_t all = size * n, done = 0;
    long status = 0;

    curl_easy_getinfo(exchange->service->curl, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->fd < 0 || (status != 200 && status != 206))
        return keep(exchange, data, all);
    if (status == 200 && exchange->answer->status == 0)
        exchange->at = 0; /* it begins anew */
    exchange->answer->status = status;
    while (done < all) {
        ssize_t k = pwrite(exchange->fd, data + done, all - done, (off_t)exchange->at);

        if (k < 0) {
            exchange->bad_fd = errno;
            return 0;
        }
        done += (size_t)k;
        exchange->at += (uint64_t)k;
    }
    return all;
}

static void show(const struct exchange *exchange)
{
    struct service *service = exchange->service;
    curl_off_t sent = 0;

    if (!exchange->what)
        return;
    curl_easy_getinfo(service->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
    meter_show(&service->meter, exchange->what, exchange->fd >= 0 ? exchange->at : (uint64_t)sent,
               exchange->total);
}

/* To its end; CURLE_ABORTED_BY_CALLBACK when a signal came. */
static CURLcode transfer(const struct exchange *exchange)
{
    struct service *service = exchange->service;
    struct curl_waitfd wait = {.fd = service->cancel_fd, .events = CURL_WAIT_POLLIN};
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    int running = 1, left;

    if (curl_multi_add_handle(service->multi, service->curl) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    while (running && !wait.revents && curl_multi_perform(service->multi, &running) == CURLM_OK) {
        show(exchange);
        if (running)
            curl_multi_poll(service->multi, &wait, service->cancel_fd >= 0, POLL_MS, NULL);
    }
    if (!running) {
        const CURLMsg *message = curl_multi_info_read(service->multi, &left);

        code = message ? message->data.result : CURLE_FAILED_INIT;
    }
    curl_multi_remove_handle(service->multi, service->curl);
    return code;
}

static void add_header(struct exchange *exchange, const char *name, const char *value)
{
    struct curl_slist *grown;
    char *line;

    if (asprintf(&line, "%s: %s", name, value) < 0)
        return;
    grown = curl_slist_append(exchange->headers, line);
    if (grown)
        exchange->headers = grown;
    free(line);
}

static struct exchange begin(struct service *service, struct service_answer *answer)
{
    struct exchange exchange = {.service = service, .answer = answer, .fd = -1};
    CURL *curl = service->curl;

    *answer = (struct service_answer){0};
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "kferry/" KFERRY_VERSION);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SILENCE_S);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    if (service->socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, service->socket);
    if (service->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, service->ca);
    if (service->own) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    } else if (service->key) {
        exchange.headers = curl_slist_append(NULL, service->key);
    }
    return exchange;
}

static int run(struct exchange *exchange, const char *path)
{
    struct service *service = exchange->service;
    CURL *curl = service->curl;
    char *url = NULL;

    exchange->code = CURLE_OUT_OF_MEMORY;
    if (asprintf(&url, "%s%s", service->base, path) >= 0) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exchange->headers);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->error);
        exchange->code = transfer(exchange);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange->answer->status);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
        free(url);
    }
    if (exchange->n > 0)
        exchange->answer->body = json_loadb(exchange->body, exchange->n, 0, NULL);
    free(exchange->body);
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
    exchange->body = NULL;
    exchange->n = exchange->room = 0;
    if (exchange->code == CURLE_ABORTED_BY_CALLBACK)
        return EXIT_AGAIN;
    return exchange->code == CURLE_OK ? 0 : EXIT_UNAVAILABLE;
}

/* The connection was there and broke: another try may go better. */
static bool is_broken(const struct exchange *exchange)
{
    curl_off_t connected = 0;

    switch (exchange->code) {
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return true;
    case CURLE_OPERATION_TIMEDOUT:
        curl_easy_getinfo(exchange->service->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
        return connected > 0;
    default:
        return false;
    }
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
        exchange = begin(service, out);
        curl_easy_setopt(service->curl, CURLOPT_CUSTOMREQUEST, method);
        if (tag)
            add_header(&exchange, "If-None-Match", tag);
        status = run(&exchange, path);
        if (status != EXIT_UNAVAILABLE || !is_broken(&exchange))
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
        add_header(exchange, "Idempotency-Key", upload->key);
    status = run(exchange, path);
    upload_destroy(form);
    return status;
}

int service_send(struct service *service, const char *path, const struct service_upload *upload,
                 struct service_answer *out)
{
    unsigned waited = 0, seconds;
    struct exchange exchange;
    int status;

    for (unsigned broken = 0;;) {
        exchange = begin(service, out);
        status = send_once(service, path, upload, &exchange);
        if (status == EXIT_UNAVAILABLE && is_broken(&exchange) && ++broken < TRIES)
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
    return status == EXIT_UNAVAILABLE ? fail(&exchange) : status;
}

int service_fetch(struct service *service, const char *path, int fd, uint64_t size,
                  struct service_answer *out)
{
    struct exchange exchange;
    char range[40], tag[sizeof out->tag] = "";
    uint64_t at = 0;
    int status = 0;

    for (unsigned i = 0; i < TRIES; i++) {
        exchange = begin(service, out);
        exchange.fd = fd;
        exchange.at = at;
        exchange.what = "downloading";
        exchange.total = size;
        if (at > 0) {
            snprintf(range, sizeof range, "bytes=%" PRIu64 "-", at);
            add_header(&exchange, "Range", range);
            add_header(&exchange, "If-Range", tag);
        }
        status = run(&exchange, path);
        at = exchange.at;
        snprintf(tag, sizeof tag, "%s", out->tag);
        if (status != EXIT_UNAVAILABLE || !is_broken(&exchange))
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
