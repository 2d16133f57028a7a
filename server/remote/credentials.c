/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "credentials.h"
#include "auto.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define EARLY_S  300 /* so long before their end they are asked for again, and up to... */
#define JITTER_S 60  /* ...so much earlier, that replicas do not all ask at once */
#define FILE_MAX (256 * 1024)

struct credentials_cache {
    pthread_mutex_t lock; /* held while they are asked for: one question for all who wait */
    struct credentials kept;
    bool has;
    int64_t refresh; /* seconds since 1970; 0 for never */
};

struct credentials_cache *credentials_create(void)
{
    struct credentials_cache *cache = calloc(1, sizeof *cache);

    if (cache)
        pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void credentials_destroy(struct credentials_cache *cache)
{
    if (!cache)
        return;
    pthread_mutex_destroy(&cache->lock);
    explicit_bzero(&cache->kept, sizeof cache->kept);
    free(cache);
}

const char *credentials_variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

int64_t credentials_time(const char *text)
{
    struct tm tm = {0};
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

    return end ? (int64_t)timegm(&tm) : 0;
}

char *credentials_read(const char *path)
{
    char *text = malloc(FILE_MAX + 1);
    FILE *f = text ? fopen(path, "re") : NULL;
    size_t n = 0;

    if (!f) {
        free(text);
        return NULL;
    }
    n = fread(text, 1, FILE_MAX, f);
    fclose(f);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' '))
        n--;
    text[n] = '\0';
    return text;
}

static int of_environment(struct remote_task *task, struct credentials *out)
{
    const char *id = credentials_variable("AWS_ACCESS_KEY_ID");
    const char *secret = credentials_variable("AWS_SECRET_ACCESS_KEY");
    const char *token = credentials_variable("AWS_SESSION_TOKEN");

    (void)task;
    if (!id || !secret)
        return 0;
    snprintf(out->id, sizeof out->id, "%s", id);
    snprintf(out->secret, sizeof out->secret, "%s", secret);
    snprintf(out->token, sizeof out->token, "%s", token ? token : "");
    out->source = "environment";
    return 1;
}

static const credentials_provider providers[] = {of_environment, credentials_of_web_identity,
                                                 credentials_of_files, credentials_of_container,
                                                 credentials_of_machine};

/* Ask in order; the first place that anything points to counts, also when it fails. */
static int look(struct remote_task *task, struct credentials *out)
{
    for (size_t i = 0; i < sizeof providers / sizeof providers[0]; i++) {
        int status;

        *out = (struct credentials){0};
        status = providers[i](task, out);
        if (status != 0)
            return status < 0 ? -1 : 0;
    }
    return remote_fail(&task->failure, "credentials-unavailable",
                       "there are no keys for S3: set AWS_ACCESS_KEY_ID and "
                       "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run where a role gives them; "
                       "KFERRY_S3_ANONYMOUS=1 asks public buckets without any");
}

static void keep(struct credentials_cache *cache, const struct credentials *found)
{
    unsigned random = 0;
    int64_t now = (int64_t)time(NULL);

    if (getrandom(&random, sizeof random, 0) < 0)
        random = 0;
    cache->kept = *found;
    cache->has = true;
    cache->refresh = found->expires ? found->expires - EARLY_S - (int64_t)(random % JITTER_S) : 0;
    if (cache->refresh != 0 && cache->refresh <= now)
        cache->refresh = now + (found->expires - now) / 2;
}

/* Called under the lock. */
static int refresh(struct credentials_cache *cache, struct remote_task *task, bool stale)
{
    int64_t now = (int64_t)time(NULL);
    struct credentials found;

    if (look(task, &found) == 0) {
        keep(cache, &found);
        explicit_bzero(&found, sizeof found);
        return 0;
    }
    /* Those of before are as good as nothing is: they may hold still. */
    if (!cache->has || stale || cache->kept.expires <= now)
        return -1;
    task->failure = (struct remote_failure){0};
    cache->refresh = now + JITTER_S;
    return 0;
}

int credentials_get(struct credentials_cache *cache, struct remote_task *task, bool stale,
                    struct credentials *out)
{
    int status = 0;

    pthread_mutex_lock(&cache->lock);
    if (!cache->has || stale || (cache->refresh != 0 && (int64_t)time(NULL) >= cache->refresh))
        status = refresh(cache, task, stale);
    if (status == 0)
        *out = cache->kept;
    pthread_mutex_unlock(&cache->lock);
    return status;
}
