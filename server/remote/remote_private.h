/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_PRIVATE_H
#define KF_REMOTE_PRIVATE_H

#include "address.h"
#include "http.h"
#include "remote.h"

struct remote {
    struct remote_settings set; /* its strings are owned */
    struct address_rules *rules;
};

/* Tries of one request, the first included. */
#define REMOTE_TRIES 5

/** What requests to hosts out of an URI may do: by the rules, or freely on the command line. */
struct http_policy remote_policy(const struct remote_task *task);

/** Say what became of an exchange with `shown` that brought nothing; -1. */
int remote_explain(struct remote_task *task, const struct http_exchange *x, const char *shown,
                   bool write);

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

#endif
