/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote_private.h"
#include "s3.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME  "s3://"
#define KEY_MAX 1024
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
#define PARTS   ", \t\n"

/* "." and ".." mean nothing to S3, but much to a gateway that keeps keys as files. */
static bool has_dots(const char *key)
{
    for (const char *at = key; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        size_t n = strcspn(at, "/");

        if ((n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            return true;
    }
    return false;
}

int s3_place_parse(struct remote_task *task, struct s3_place *out, const char *uri)
{
    const char *bucket = uri + strlen(SCHEME);
    size_t n = strspn(bucket, LETTERS);

    *out = (struct s3_place){0};
    if (n < 3 || n >= sizeof out->bucket || (bucket[n] != '/' && bucket[n] != '\0') ||
        bucket[0] == '.' || bucket[0] == '-')
        return remote_fail(&task->failure, "invalid-parameter",
                           "a URI of S3 is s3://bucket/key, and a bucket has 3 to 63 letters");
    snprintf(out->bucket, sizeof out->bucket, "%.*s", (int)n, bucket);
    out->key = strdup(bucket[n] == '/' ? bucket + n + 1 : "");
    out->shown = strdup(uri);
    if (!out->key || !out->shown)
        return remote_fail(&task->failure, "internal-error", "out of memory");
    if (strlen(out->key) > KEY_MAX || has_dots(out->key))
        return remote_fail(&task->failure, "invalid-parameter",
                           "a key of S3 has at most %d bytes, and no part that is . or ..",
                           KEY_MAX);
    return 0;
}

void s3_place_finish(struct s3_place *place)
{
    free(place->key);
    free(place->shown);
    place->key = place->shown = NULL;
}

/* "*", "bucket", "bucket/key", "bucket/prefix*". */
static bool allows(const char *rule, size_t n, const struct s3_place *place)
{
    size_t n_bucket = strlen(place->bucket), n_key = strlen(place->key);

    if (n == 1 && *rule == '*')
        return true;
    if (n < n_bucket || strncmp(rule, place->bucket, n_bucket) != 0)
        return false;
    if (n == n_bucket)
        return true;
    if (rule[n_bucket] != '/')
        return false;
    rule += n_bucket + 1;
    n -= n_bucket + 1;
    if (n > 0 && rule[n - 1] == '*')
        return n_key >= n - 1 && strncmp(rule, place->key, n - 1) == 0;
    return n_key == n && strncmp(rule, place->key, n) == 0;
}

static bool is_listed(const char *list, const struct s3_place *place)
{
    for (list += strspn(list, PARTS); *list; list += strspn(list, PARTS)) {
        size_t n = strcspn(list, PARTS);

        if (allows(list, n, place))
            return true;
        list += n;
    }
    return false;
}

int s3_check(struct remote_task *task, const char *uri, bool write)
{
    const struct remote_settings *set = &task->remote->set;
    struct s3_place place;
    int status = s3_place_parse(task, &place, uri);

    write = write || task->looks_back;

    if (status == 0 && !set->own && !is_listed(write ? set->s3_write : set->s3_read, &place))
        status = remote_fail(&task->failure, write ? "target-not-allowed" : "source-not-allowed",
                             "%s is not in %s", place.shown,
                             write ? "KFERRY_S3_WRITE_BUCKETS" : "KFERRY_S3_READ_BUCKETS");
    s3_place_finish(&place);
    return status;
}
