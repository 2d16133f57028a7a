/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CLI_EXCHANGE_H
#define KF_SERVER_CLI_EXCHANGE_H

#include "cli_meter.h"
#include "cli_service.h"
#include <curl/curl.h>

/* cli_service.c's and cli_exchange.c's alone. */
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

/** Begin one on the service's connection. */
struct exchange exchange_begin(struct service *service, struct service_answer *answer);

/** Add a header, before it runs. */
void exchange_header(struct exchange *exchange, const char *name, const char *value);

/** To its end: 0 with an answer, EXIT_UNAVAILABLE, or EXIT_AGAIN when a signal came. */
int exchange_run(struct exchange *exchange, const char *path);

/** The connection was there and broke: another try may go better. */
bool exchange_is_broken(const struct exchange *exchange);

#endif
