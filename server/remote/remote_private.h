/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_PRIVATE_H
#define KF_REMOTE_PRIVATE_H

#include "address.h"
#include "http.h"
#include "remote.h"
#include <pthread.h>
#include <stdatomic.h>

/* Regions that were learnt, the latest of them. */
#define REGIONS_MAX 32
struct regions {
    pthread_mutex_t lock;
    struct {
        char bucket[64], region[64];
    } list[REGIONS_MAX];
    unsigned next;
};

struct remote {
    struct remote_settings set; /* its strings are owned */
    struct address_rules *rules;
    struct credentials_cache *credentials;
    char s3_scheme[8], s3_host[256]; /* of the endpoint, with its port; "" for AWS */
    struct regions regions;
    atomic_bool s3_is_near;    /* one connection brought much at once, the last time */
    const char *s3_ca;         /* borrowed, "" for the system's */
    unsigned char secret[256]; /* that signs webhooks */
    size_t n_secret;           /* bytes; 0: none are sent */
};

struct credentials_cache;

/** The endpoint of S3 out of settings and environment; false with one sentence. */
bool remote_find_s3(struct remote *remote, char *error, size_t error_max);

/** The secret of webhooks out of its file; false with one sentence. */
bool remote_load_secret(struct remote *remote, char *error, size_t error_max);

/* Tries of one request, the first included. */
#define REMOTE_TRIES 5

/** What requests to hosts out of an URI may do: by the rules, or freely on the command line. */
struct http_policy remote_policy(const struct remote_task *task);

/** Say what became of an exchange with `shown` that brought nothing; -1. */
int remote_explain(struct remote_task *task, const struct http_exchange *x, const char *shown,
                   bool write);

/* A file below a folder, as it is found. */
struct remote_found {
    const char *name, *etag;
    uint64_t size;
};
/* What is listed of a folder called `base`, and where that ends. */
struct remote_wish {
    const char *base;
    struct remote_window window;
    size_t max;
};

/** Add a file to a listing, if it is wanted; false when it is full (out->more), or out of memory.
 */
bool remote_list_add(struct remote_listing *listing, const struct remote_wish *wish,
                     const struct remote_found *found);

/** Make a file for what comes; -1 with task->failure. */
int remote_open_new(struct remote_task *task, const char *path);

/* An URL of http(s)://, taken apart. Everything is owned. */
struct url {
    char *text, *host, *shown, *name;
    unsigned port;
    bool plain; /* http:// */
};

/** Parse and clean; -1 with task->failure. url_finish() in any case. */
int url_parse(struct remote_task *task, struct url *out, const char *text);
/** Where `location` of an answer to `from` leads to. */
int url_follow(struct remote_task *task, struct url *out, const struct url *from,
               const char *location);
void url_finish(struct url *url);

/** May this host be asked? Sets the rules of `policy` for it; -1 with task->failure. */
int url_admit(struct remote_task *task, const struct url *url, struct http_policy *policy);

int url_check(struct remote_task *task, const char *uri, bool write);
int url_fetch(struct remote_task *task, const struct remote_source *source, const char *path,
              struct remote_got *got);

int url_store(struct remote_task *task, const struct remote_target *target, int fd, uint64_t size);

#endif
