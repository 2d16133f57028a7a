/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_SIGV4_H
#define KF_REMOTE_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * AWS Signature Version 4 in the Authorization header. libcurl can sign too, but leaves out
 * x-amz-content-sha256 and fails on queries without values and on "+" and "=" in paths, each
 * release in its own way; so it only moves the bytes.
 *
 * Source: docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
struct sigv4_keys {
    const char *id, *secret;
    const char *token; /* of temporary keys; NULL for none. It goes as a header that is signed */
};

/* A header that is sent; the name in lower case. */
struct sigv4_header {
    const char *name, *value;
};

struct sigv4_request {
    const char *method;
    const char *path;                   /* as it is sent: encoded once, "/" at least */
    const char *query;                  /* as it is sent: "a=b&uploads", encoded; "" for none */
    const struct sigv4_header *headers; /* all that are to be signed, in any order; "host" is one */
    size_t n_headers;
    const char *payload; /* SHA-256 of the body in hex, SIGV4_UNSIGNED or SIGV4_CHUNKS */
    const char *region, *service;
    const char *time; /* "20130524T000000Z", as in x-amz-date */
};

#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"
#define SIGV4_CHUNKS   "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
#define SIGV4_EMPTY    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIGV4_HEX      65
#define SIGV4_BYTES    32
#define SIGV4_SCOPE    192

/** The value of the header Authorization; malloc'ed, NULL when memory ran out. */
char *sigv4_authorization(const struct sigv4_request *request, const struct sigv4_keys *keys);

/** Encode all but unreserved letters, once; `/` stays where it parts segments. malloc'ed or NULL.
 */
char *sigv4_encode(const char *text, bool keep_slash);

/** SHA-256 in hex; false when it failed. */
bool sigv4_sha256(const void *data, size_t n, char out[SIGV4_HEX]);

struct sigv4_mac {
    unsigned char bytes[SIGV4_BYTES];
};

/*
 * Signs the chunks of a body while it goes, each with the signature before it.
 *
 * Source: docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */
struct sigv4_chain {
    struct sigv4_mac key;
    char time[20], scope[SIGV4_SCOPE];
    char last[SIGV4_HEX]; /* the latest signature */
};

/** Begin with the Authorization of a request whose payload is SIGV4_CHUNKS; false when it failed.
 */
bool sigv4_chain_begin(struct sigv4_chain *chain, const struct sigv4_request *request,
                       const struct sigv4_keys *keys, const char *authorization);

/** Sign the next chunk, in the end one of 0 bytes: the signature is chain->last. */
bool sigv4_chain_next(struct sigv4_chain *chain, const void *data, size_t n);

#endif
