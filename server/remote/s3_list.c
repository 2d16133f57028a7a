/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote_private.h"
#include "s3.h"
#include "xml.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_SIZE 16384
#define TOKEN_SIZE 2048

/* The objects below a prefix, while they are listed. */
struct listing {
    struct s3 s3;
    struct s3_place place;
    struct remote_listing *out;
    struct remote_wish wish;
    char key[4096], etag[256], token[TOKEN_SIZE];
    uint64_t size;
    bool more, full, ended;
};

/* One object; the key came encoded, because XML cannot hold every letter. */
static void add_object(struct listing *l)
{
    size_t n_prefix = strlen(l->place.key);
    const struct remote_window *window = &l->wish.window;
    const struct remote_found found = {l->key + n_prefix, l->etag, l->size};

    remote_decode(l->key);
    if (strncmp(l->key, l->place.key, n_prefix) != 0 || l->key[n_prefix] == '\0')
        return; /* the prefix itself, which some write as an empty object */
    if (window->after && strcmp(found.name, window->after) <= 0)
        return;
    if (window->to && strcmp(found.name, window->to) > 0)
        l->ended = true;
    else if (!l->full)
        l->full = !remote_list_add(l->out, &l->wish, &found);
}

static void take(void *context, const char *name, const char *parent, const char *text)
{
    struct listing *l = context;

    if (strcmp(parent, "Contents") == 0 && strcmp(name, "Key") == 0)
        snprintf(l->key, sizeof l->key, "%s", text);
    else if (strcmp(parent, "Contents") == 0 && strcmp(name, "ETag") == 0)
        snprintf(l->etag, sizeof l->etag, "%s", text);
    else if (strcmp(parent, "Contents") == 0 && strcmp(name, "Size") == 0)
        l->size = strtoull(text, NULL, 10);
    else if (strcmp(name, "Contents") == 0)
        add_object(l);
    else if (strcmp(name, "NextContinuationToken") == 0)
        snprintf(l->token, sizeof l->token, "%s", text);
    else if (strcmp(name, "IsTruncated") == 0)
        l->more = strcmp(text, "true") == 0;
}

/* Where the first page begins: a name that need not be there. */
static char *start_of(const struct listing *l)
{
    const struct remote_window *window = &l->wish.window;
    const char *name = window->after ? window->after : window->from;
    char *key = NULL, *start;

    if (!name || name[0] == '\0')
        return strdup("");
    if (asprintf(&key, "%s%s", l->place.key, name) < 0)
        return NULL;
    start = sigv4_encode(key, false);
    free(key);
    return start;
}

static bool make_query(const struct listing *l, char out[QUERY_SIZE])
{
    char *prefix = sigv4_encode(l->place.key, false), *token = sigv4_encode(l->token, false);
    char *start = start_of(l);
    int n = -1;

    if (prefix && token && start)
        n = snprintf(out, QUERY_SIZE,
                     "list-type=2&encoding-type=url&max-keys=1000&prefix=%s%s%s%s%s", prefix,
                     *token ? "&continuation-token=" : "", token,
                     *token || !*start ? "" : "&start-after=", *token ? "" : start);
    free(prefix);
    free(token);
    free(start);
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

int s3_list(struct remote_task *task, const char *uri, const struct remote_window *window,
            struct remote_listing *out, size_t max)
{
    struct listing l = {.out = out, .wish = {.window = *window, .max = max}};
    int status;

    KF_TRY(s3_check(task, uri, false));
    status = s3_place_parse(task, &l.place, uri);
    if (status == 0)
        status = s3_begin(&l.s3, task, false);
    l.wish.base = l.place.shown;
    do {
        if (status == 0)
            status = list_page(&l);
    } while (status == 0 && l.more && l.token[0] != '\0' && !l.full && !l.ended);
    if (status == 0 && l.full && !out->more)
        status = remote_fail(&task->failure, "internal-error", "out of memory");
    s3_end(&l.s3);
    s3_place_finish(&l.place);
    return status;
}
