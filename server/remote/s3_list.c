/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote_private.h"
#include "s3.h"
#include "xml.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_SIZE 8192
#define TOKEN_SIZE 2048

/* The objects below a prefix, while they are listed. */
struct listing {
    struct s3 s3;
    struct s3_place place;
    struct remote_listing *out;
    size_t max;
    char key[4096], etag[256], token[TOKEN_SIZE];
    bool more, broken;
};

/* One object; the key came encoded, because XML cannot hold every letter. */
static void add_object(struct listing *l)
{
    size_t n_prefix = strlen(l->place.key);

    remote_decode(l->key);
    if (strncmp(l->key, l->place.key, n_prefix) != 0 || l->key[n_prefix] == '\0')
        return; /* the prefix itself, which some write as an empty object */
    if (!remote_list_add(l->out, l->max, l->key + n_prefix, l->place.shown, l->etag))
        l->broken = true;
}

static void take(void *context, const char *name, const char *parent, const char *text)
{
    struct listing *l = context;

    if (strcmp(parent, "Contents") == 0 && strcmp(name, "Key") == 0)
        snprintf(l->key, sizeof l->key, "%s", text);
    else if (strcmp(parent, "Contents") == 0 && strcmp(name, "ETag") == 0)
        snprintf(l->etag, sizeof l->etag, "%s", text);
    else if (strcmp(name, "Contents") == 0)
        add_object(l);
    else if (strcmp(name, "NextContinuationToken") == 0)
        snprintf(l->token, sizeof l->token, "%s", text);
    else if (strcmp(name, "IsTruncated") == 0)
        l->more = strcmp(text, "true") == 0;
}

static bool make_query(const struct listing *l, char out[QUERY_SIZE])
{
    char *prefix = sigv4_encode(l->place.key, false), *token = sigv4_encode(l->token, false);
    int n = -1;

    if (prefix && token)
        n = snprintf(out, QUERY_SIZE, "list-type=2&encoding-type=url&max-keys=1000&prefix=%s%s%s",
                     prefix, *token ? "&continuation-token=" : "", token);
    free(prefix);
    free(token);
    return n >= 0 && n < QUERY_SIZE;
}

static int list_page(struct listing *l)
{
    struct s3_request request = S3_REQUEST_INIT;
    char query[QUERY_SIZE];
    struct s3_call call = {0};
    int status;

    if (!make_query(l, query))
        return remote_fail(&l->s3.task->failure, "invalid-parameter", "the prefix is too long");
    request.method = "GET";
    request.place = &l->place;
    request.of_bucket = true;
    request.query = query;
    l->more = false;
    l->token[0] = '\0';
    status = s3_ask(&l->s3, &request, &call);
    if (status == 0 && !s3_is_fine(&call))
        status = s3_explain(&l->s3, &request, &call);
    else if (status == 0 && !(call.x.text && xml_read(call.x.text, call.x.n_text, take, l)))
        status = remote_fail(&l->s3.task->failure, "source-fetch-failed",
                             "%s: the storage's list cannot be read", l->place.shown);
    s3_call_finish(&call);
    return status;
}

int s3_list(struct remote_task *task, const char *uri, struct remote_listing *out, size_t max)
{
    struct listing l = {.out = out, .max = max};
    int status;

    KF_TRY(s3_check(task, uri, false));
    status = s3_place_parse(task, &l.place, uri);
    if (status == 0)
        status = s3_begin(&l.s3, task, false);
    do {
        if (status == 0)
            status = list_page(&l);
    } while (status == 0 && l.more && l.token[0] != '\0' && !l.broken);
    if (status == 0 && l.broken)
        status =
            remote_fail(&task->failure, "source-too-large",
                        "there are more than %zu files of models below %s: convert it in parts",
                        max, l.place.shown);
    s3_end(&l.s3);
    s3_place_finish(&l.place);
    return status;
}
