/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_KEYS_H
#define KF_SERVER_KEYS_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one may do; SCOPE_CONVERT has SCOPE_READ with it. */
enum scope {
    SCOPE_OPEN = 0,    /* of a route: nobody has to say who they are */
    SCOPE_READ = 1,    /* look at jobs, reports, formats and capacity */
    SCOPE_CONVERT = 2, /* send files; cancel and delete jobs */
    SCOPE_METRICS = 4  /* read /metrics on the main listener */
};

/* How much one client may have at once; 0: what the settings say. */
struct client_limits {
    uint64_t requests; /* conversions on the line */
    uint64_t jobs;     /* jobs that wait or run */
    uint64_t bytes;    /* input of these jobs */
};

#define KEY_NAME_SIZE 65

/* Whom a key stands for, and what it opens. */
struct grant {
    char name[KEY_NAME_SIZE];
    unsigned scopes; /* of enum scope */
    struct client_limits limits;
};

/*
 * A file of API keys, which holds none of them: a line each, `name:sha256[:scopes[:limits]]`, with
 * '#' before what is no line.
 *
 *   name     letters, digits, '.', '_' and '-'; several keys may have the same, which makes them
 *            the same client: so is a key replaced while both work
 *   sha256   64 hexadecimal digits: of the key's bytes
 *   scopes   read, convert, metrics, with commas; convert when it is empty
 *   limits   requests=4,jobs=10,bytes=10GiB; the settings' where it is empty
 */
struct keys;

/** Read the file; NULL with one sentence that names the line. */
struct keys *keys_load(const char *path, char *error, size_t error_max);
void keys_destroy(struct keys *keys);
KF_DEFINE_AUTO(keys)

/**
 * Whom `key` stands for; false when nobody. The time it takes tells nothing about how near a wrong
 * one is.
 */
bool keys_find(const struct keys *keys, const char *key, struct grant *out);

#endif
