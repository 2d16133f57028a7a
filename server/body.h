/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_BODY_H
#define KF_SERVER_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct multipart;
struct request;

/* The input as it arrives: written to the job folder, hashed and counted on the way. */
struct body {
    int fd;                 /* JOB/in, owned; -1 when there is none */
    void *digest;           /* EVP_MD_CTX, owned */
    struct multipart *form; /* owned; NULL when the body is the file itself */
    uint64_t received;      /* bytes of the request's body */
    uint64_t size;          /* bytes of the file in it */
    bool has_file;
    char sha256[65]; /* of the file, lower-case hex; "" before body_end() */
};
#define BODY_INIT                                                                                  \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/** Begin: make the file, and the parser when the request is multipart/form-data. */
int body_begin(struct request *req);

/** Take the next bytes of the request's body. -1 with req->failure set. */
int body_receive(struct request *req, const char *data, size_t n);

/** The body is complete: finish hash and form. -1 with req->failure set. */
int body_end(struct request *req);

/** Give back descriptor and memory; the file stays. */
void body_finish(struct body *body);

/** Append bytes of the file itself; for the two forms of a body. */
int body_store(struct request *req, const char *data, size_t n);

/* multipart.c: the body as form. */
struct multipart *multipart_create(struct request *req);
int multipart_receive(struct multipart *form, const char *data, size_t n);
int multipart_end(struct multipart *form);
void multipart_destroy(struct multipart *form);

#endif
