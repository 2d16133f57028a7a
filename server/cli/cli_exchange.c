/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli_exchange.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CONNECT_S 10L
#define SILENCE_S 90L /* longer than an answer is held back */
#define BODY_MAX  ((size_t)256 << 20)
#define POLL_MS   250

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

void exchange_header(struct exchange *exchange, const char *name, const char *value)
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

struct exchange exchange_begin(struct service *service, struct service_answer *answer)
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

int exchange_run(struct exchange *exchange, const char *path)
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

bool exchange_is_broken(const struct exchange *exchange)
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
