/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_BODY_H
#define KF_SERVER_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct body_digest;
struct multipart;
struct request;

/* Parts of a form that are files. */
#define BODY_FILES_MAX 128

/* A file as it came: the model, one of its further files, or its architecture. */
struct body_file {
    char *name; /* at the client, cleaned, "" when it has none; owned */
    bool architecture;
};

/*
 * The input as it arrives: written to the job folder, hashed and counted on the way. The first file
 * is JOB/in; further ones, which only a form has, are JOB/in-1, JOB/in-2 as they come.
 */
struct body {
    int fd;                     /* of the file that is being written, owned; -1 for none */
    struct body_digest *digest; /* of JOB/in, owned; NULL when it is in sha256 */
    struct multipart *form;     /* owned; NULL when the body is the file itself */
    uint64_t received;          /* bytes of the request's body */
    uint64_t size;              /* bytes of the files in it */
    bool has_file;
    char *first;               /* path of JOB/in in a folder; owned, NULL where it has but a name */
    struct body_file *further; /* owned */
    size_t n_further;
    bool in_further; /* what is being written is the last of them */
    char sha256[65]; /* of JOB/in, lower-case hex; "" before body_settle() */
};
#define BODY_INIT                                                                                  \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/** Begin: make the file, and the parser when the request is multipart/form-data. */
int body_begin(struct request *req);

/** Take the next bytes of the request's body. -1 with req->failure set. */
int body_receive(struct request *req, const char *data, size_t n);

/** The body is complete: finish the form. -1 with req->failure set. */
int body_end(struct request *req);

/** Wait for the digest of what came; false when it failed. That of a small body is there. */
bool body_settle(struct body *body);

/** Give back descriptor and memory; the files stay. */
void body_finish(struct body *body);

/** Append bytes of the file that is being written; for the two forms of a body. */
int body_store(struct request *req, const char *data, size_t n);

/** Go on with JOB/in, or with a further file; `name` may be NULL. */
int body_begin_file(struct request *req);
int body_begin_further(struct request *req, const char *name, bool architecture);

/**
 * Open what came, JOB/in first, for a worker.
 *
 * `out` has room for BODY_FILES_MAX, its names are borrowed from the body; the caller closes the
 * descriptors. How many, or -1 with errno and nothing open.
 */
struct job_input;
int body_open(const struct body *body, const char *dir, const char *name, struct job_input *out);
/** The same list without descriptors. */
size_t body_list(const struct body *body, const char *name, struct job_input *out);

/* multipart.c: the body as form. */
struct multipart *multipart_create(struct request *req);
int multipart_receive(struct multipart *form, const char *data, size_t n);
int multipart_end(struct multipart *form);
void multipart_destroy(struct multipart *form);

#endif
