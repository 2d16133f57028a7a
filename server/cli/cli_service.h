/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CLI_SERVICE_H
#define KF_SERVER_CLI_SERVICE_H

#include "auto.h"
#include "cli.h"

/*
 * A service at the other end of HTTP, for the command line alone. Each call is one exchange, from a
 * single thread; a signal that waits in the descriptor given to service_open() ends it.
 *
 * Calls return 0 with an answer of whatever status; EXIT_UNAVAILABLE when there is none, and
 * service_complain() says why; EXIT_AGAIN when a signal came.
 */
struct service;

/* What came back; service_answer_finish() after each use. */
struct service_answer {
    long status;
    unsigned retry_after; /* seconds, 0 for none */
    char tag[80];         /* ETag, "" for none */
    json_t *body;         /* owned; NULL for what is no JSON */
};

void service_answer_finish(struct service_answer *answer);

/* A model on its way out. Everything is borrowed. */
struct service_upload {
    const struct job_input *inputs;
    size_t n_inputs;
    const char *archive; /* name of a tar that they go into; NULL: each is a part of a form */
    const char *key;     /* Idempotency-Key, or NULL */
};

/** The address of the service that is to do the work: the flag's, the environment's, or NULL. */
const char *service_address(const struct cli *cli);

/**
 * Read address, key and certificates: 0, or an exit status after the reason was printed. Where the
 * user named no service it is this machine's own: that gets no key and may have any certificate,
 * which is for the name that others know it by.
 */
int service_open(struct service **out, const struct cli *cli, const char *address, int cancel_fd);
void service_destroy(struct service *service);
KF_DEFINE_AUTO(service)

/** A request without a body. `path` begins with a slash; `tag` is what is known, or NULL. */
int service_ask(struct service *service, const char *method, const char *path, const char *tag,
                struct service_answer *out);

/** Send a model; again, with the same key, while the service is busy or when the line breaks. */
int service_send(struct service *service, const char *path, const struct service_upload *upload,
                 struct service_answer *out);

/**
 * Fetch a file of `size` bytes; where the line breaks it goes on where it was. EXIT_CANNOT_WRITE
 * after the reason was printed.
 */
int service_fetch(struct service *service, const char *path, int fd, uint64_t size,
                  struct service_answer *out);

/** Print why there was no answer; EXIT_UNAVAILABLE. */
int service_complain(struct service *service);

/** From here on signals end nothing: for what must be said before leaving. */
void service_ignore_signals(struct service *service);

/** Wait that long: 0, or EXIT_AGAIN when a signal came. */
int service_pause(const struct service *service, unsigned seconds);

/** Show how far something is, where somebody looks; NULL takes the line away. */
void service_show(struct service *service, const char *what, uint64_t done, uint64_t total);

/** Percent-encoded, malloc'ed; NULL when memory ran out. */
char *service_escape(const struct service *service, const char *text);

#endif
