/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_REPLY_H
#define KF_SERVER_REPLY_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdint.h>

struct archive;
struct blob;
struct request;

#define REPLY_HEADERS_MAX 12

/* The head of an answer. X-Request-Id and what every answer carries come by themselves. */
struct reply {
    unsigned status;
    const char *media_type;
    struct {
        const char *name;
        char value[1024];
    } headers[REPLY_HEADERS_MAX];
    size_t n_headers;
};

/** Add a header; one that does not fit is left out. */
void reply_header(struct reply *reply, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The only code that makes libmicrohttpd responses. Each sends the head with one kind of content
 * and returns what the access handler is to return.
 */

/** Takes the reference, NULL is an internal error. */
enum MHD_Result reply_json_new(struct request *req, struct reply *reply, json_t *value);
/** Takes a text from malloc. */
enum MHD_Result reply_text_new(struct request *req, struct reply *reply, char *text, size_t n);
/** Takes a reference of its own. */
enum MHD_Result reply_blob(struct request *req, struct reply *reply, struct blob *blob);
/** Takes the descriptor; all `size` bytes of it are sent. */
enum MHD_Result reply_fd_new(struct request *req, struct reply *reply, int fd, uint64_t size);
/** Takes the descriptor; `n` bytes from `at` are sent. */
enum MHD_Result reply_fd_at_new(struct request *req, struct reply *reply, int fd, uint64_t at,
                                uint64_t n);
/** Bytes that stay where they are. */
enum MHD_Result reply_static(struct request *req, struct reply *reply, const void *data, size_t n);
/** Nothing but the head. */
enum MHD_Result reply_empty(struct request *req, struct reply *reply);
/** What `read` gives until it ends; takes `cls`, which `release` gives back. */
enum MHD_Result reply_stream_new(struct request *req, struct reply *reply,
                                 MHD_ContentReaderCallback read, void *cls,
                                 MHD_ContentReaderFreeCallback release);
/** Takes the archive and the descriptor `fd` that its pieces point to. */
enum MHD_Result reply_archive_new(struct request *req, struct reply *reply, struct archive *archive,
                                  int fd);

/** Content-Disposition with a plain name for old clients and the true one (RFC 6266). */
void reply_disposition(struct reply *reply, const char *name);

/** req->failure as the body of an answer; new reference. `report` is borrowed, or NULL. */
json_t *reply_problem(const struct request *req, json_t *report);

/** Send req->failure as problem+json, with the report of a refusal embedded when there is one. */
enum MHD_Result reply_failure(struct request *req, struct reply *reply, json_t *report);

/** The same without a report, for who has no head of his own. */
enum MHD_Result reply_refusal(struct request *req);

/**
 * Write req->failure to the socket itself, while the body is still coming: libmicrohttpd takes no
 * response then. The client is to stop sending.
 */
void reply_failure_early(struct request *req);

#endif
