/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_REQUEST_H
#define KF_SERVER_REQUEST_H

#include "../jobs/hub.h"
#include "../jobs/id.h"
#include "../jobs/target.h"
#include "../settings/keys.h"
#include "auto.h"
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Who may touch a request. Ownership only moves right, then the outcome comes back once.
 *
 *   MHD's thread            supervisor (pool.c)     MHD's thread
 *   NEW  RECEIVING   ->     QUEUED  RUNNING   ->    DONE  SENT
 *   NEW  ANSWERABLE  ->                                   SENT
 */
enum request_stage {
    REQUEST_NEW,        /* the request line is known */
    REQUEST_RECEIVING,  /* the body arrives */
    REQUEST_ANSWERABLE, /* no worker is needed: a route's own answer, or a refusal */
    REQUEST_QUEUED,     /* suspended, waits for a worker */
    REQUEST_RUNNING,    /* suspended, a worker has it */
    REQUEST_DONE,       /* the outcome is there, to be sent */
    REQUEST_SENT        /* an answer was given to libmicrohttpd or to the socket */
};

/* Why a request gets no result: the words; api/problem.h knows the status of each code. */
struct failure {
    const char *code;   /* slug, static; NULL while nothing is wrong */
    char detail[512];   /* one sentence for people */
    char parameter[64]; /* the parameter that is wrong, or "" */
    char allow[64];     /* for 405 */
    uint64_t limit, actual;
    unsigned retry_after;  /* seconds, 0 for none */
    const char *challenge; /* for WWW-Authenticate, static; NULL for none */
};

struct conversion;
struct route;
struct server;

struct request {
    struct server *server;             /* borrowed */
    struct MHD_Connection *connection; /* borrowed */
    const struct route *route;         /* NULL until routed, and for what has no route */
    const char *captured[2];           /* placeholders of the route, in order */
    struct target target;
    char *raw; /* request target as sent; owned */
    char method[16];
    char id[REQUEST_ID_SIZE];    /* X-Request-Id */
    char principal[129];         /* who may see what it makes; "" where nobody says who they are */
    char client[129];            /* whose share of the service it takes: principal or address */
    struct client_limits limits; /* of its key */
    char trace_id[33];           /* of the header traceparent, or "" */
    char job[ID_SIZE];           /* the job that it became, or "" */
    bool replayed;               /* that job was there already */
    struct waiter waiter;        /* for a job to change */
    bool waited;                 /* that is over */
    _Atomic int stage;           /* enum request_stage */
    _Atomic int64_t last_byte;   /* clock_ms() when the body last moved */
    _Atomic uint64_t arrived;    /* bytes of the body, for who watches */
    int64_t began;               /* clock_ms() */
    bool counted;                /* in server->active */
    bool admin;                  /* came in by the admin listener */
    bool early;                  /* answered before its body: the connection ends with it */
    unsigned status;             /* sent; 0 for none */
    uint64_t bytes_out;          /* of the body that was to be sent */
    atomic_bool failing;         /* somebody fills `failure` */
    struct failure failure;
    struct conversion *conversion; /* owned; only for work */
    struct request *next;          /* queue.c's */
};

/** Begin a request whose line is `raw`; NULL when memory ran out. */
struct request *request_create(struct server *server, struct MHD_Connection *connection,
                               const char *raw);

/** Free it, log it, remove what it has on the disk. */
void request_destroy(struct request *req);
KF_DEFINE_AUTO(request)

/** Record why there is no result; returns -1. The first failure stands. */
int request_fail(struct request *req, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** The same for a thread that answers itself; false when there is another failure already. */
bool request_fail_first(struct request *req, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** Header of the request, NULL when absent. */
const char *request_header(const struct request *req, const char *name);

/** From where it comes and on whose trace: fills client and trace_id. */
void request_identify(struct request *req);

/** Descriptor of the client's socket, -1 when there is none. */
int request_socket(const struct request *req);

int64_t request_last_byte(const struct request *req);

/** Write one log line about the request; before it is destroyed. `gone`: the client left. */
void request_log(const struct request *req, bool gone);

#endif
