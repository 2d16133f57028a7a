/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "../digest.h"
#include "credentials.h"
#include "names.h"
#include "remote_private.h"
#include "s3.h"
#include "volume.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CONNECT_S 10
#define IDLE_S    30

/* One row for each kind of URI. */
static const struct kind {
    const char *scheme;
    int (*check)(struct remote_task *task, const char *uri, bool write);
    int (*fetch)(struct remote_task *task, const struct remote_source *source, const char *path,
                 struct remote_got *got);
    int (*store)(struct remote_task *task, const struct remote_target *target, int fd,
                 uint64_t size);
    int (*list)(struct remote_task *task, const char *uri, const struct remote_window *window,
                struct remote_listing *out, size_t max);
} kinds[] = {
    {"https://", url_check, url_fetch, url_store, NULL},
    {"http://", url_check, url_fetch, url_store, NULL},
    {"s3://", s3_check, s3_fetch, s3_store, s3_list},
    {"file://", volume_check, volume_fetch, volume_store, volume_list},
};

static const struct kind *kind_of(const char *uri)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncasecmp(uri, kinds[i].scheme, strlen(kinds[i].scheme)) == 0)
            return &kinds[i];
    return NULL;
}

bool remote_is_uri(const char *text)
{
    return kind_of(text) != NULL;
}

char *remote_show(const char *uri)
{
    const char *host = strstr(uri, "://");
    bool url = strncasecmp(uri, "http", 4) == 0;
    const char *rest = host ? host + 3 : uri;
    size_t n = url ? strcspn(rest, "?#") : strlen(rest);
    size_t authority = url ? strcspn(rest, "/?#") : 0;
    const char *at = url ? memrchr(rest, '@', authority) : NULL;
    char *shown = NULL;

    if (at) {
        n -= (size_t)(at + 1 - rest);
        rest = at + 1;
    }
    return asprintf(&shown, "%.*s%.*s", host ? (int)(host + 3 - uri) : 0, uri, (int)n, rest) < 0
               ? NULL
               : shown;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

    return at ? (int)(at - digits) : -1;
}

void remote_decode(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        int high = *from == '%' ? hex_digit(from[1]) : -1;
        int low = high >= 0 ? hex_digit(from[2]) : -1;

        *to++ = (char)(low >= 0 && high + low > 0 ? high << 4 | low : *from);
        from += low >= 0 && high + low > 0 ? 2 : 0;
    }
    *to = '\0';
}

char *remote_name(const char *uri)
{
    char *shown = remote_show(uri), *slash, *name = NULL;
    size_t n = shown ? strlen(shown) : 0;

    while (n > 0 && shown[n - 1] == '/')
        shown[--n] = '\0';
    if (shown) {
        slash = strrchr(shown, '/');
        if (strncasecmp(uri, "s3:", 3) != 0)
            remote_decode(slash ? slash : shown);
        name = kf_clean_filename(slash ? slash + 1 : shown);
    }
    free(shown);
    return name;
}

static int fail_kind(struct remote_task *task, const char *uri)
{
    (void)uri;
    return remote_fail(&task->failure, "invalid-parameter",
                       "a URI begins with s3://, https://, http:// or file:///");
}

int remote_check(struct remote_task *task, const char *uri, bool write)
{
    const struct kind *kind = kind_of(uri);

    return kind ? kind->check(task, uri, write) : fail_kind(task, uri);
}

static int check_digest(struct remote_task *task, const struct remote_source *source,
                        const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), status = -1;
    char sha256[65] = "";

    if (fd >= 0)
        status = digest_sha256(fd, task->cancel_fd, sha256);
    if (fd >= 0)
        close(fd);
    if (status < 0)
        return remote_fail(&task->failure, errno == ECANCELED ? "cancelled" : "internal-error",
                           "the source cannot be read again");
    if (strcasecmp(sha256, source->sha256) == 0)
        return 0;
    return remote_fail(&task->failure, "digest-mismatch",
                       "the source's SHA-256 is %s, not the one that was given", sha256);
}

int remote_fetch(struct remote_task *task, const struct remote_source *source, const char *path,
                 struct remote_got *got)
{
    const struct kind *kind = kind_of(source->uri);

    *got = (struct remote_got){0};
    if (!kind)
        return fail_kind(task, source->uri);
    KF_TRY(kind->fetch(task, source, path, got));
    if (!got->name || !got->shown)
        return remote_fail(&task->failure, "internal-error", "out of memory");
    return source->sha256 ? check_digest(task, source, path) : 0;
}

int remote_store(struct remote_task *task, const struct remote_target *target, int fd,
                 uint64_t size)
{
    const struct kind *kind = kind_of(target->uri);

    return kind ? kind->store(task, target, fd, size) : fail_kind(task, target->uri);
}

static int list(struct remote_task *task, const char *uri, const struct remote_window *window,
                struct remote_listing *out, size_t max)
{
    static const struct remote_window all = {0};
    const struct kind *kind = kind_of(uri);

    if (!kind)
        return fail_kind(task, uri);
    if (!kind->list)
        return remote_fail(&task->failure, "invalid-parameter",
                           "an URL of the web is of one file; s3:// and file:// have folders");
    return kind->list(task, uri, window ? window : &all, out, max);
}

int remote_list(struct remote_task *task, const char *uri, const struct remote_window *window,
                struct remote_listing *out, size_t max)
{
    *out = (struct remote_listing){0};
    KF_TRY(list(task, uri, window, out, max));
    return out->n > 0 || (window && window->after)
               ? 0
               : remote_fail(&task->failure, "source-unavailable",
                             "there is no file of a model below %s", uri);
}

int remote_list_all(struct remote_task *task, const char *uri, const struct remote_window *window,
                    struct remote_listing *out, size_t max)
{
    *out = (struct remote_listing){.all = true};
    return list(task, uri, window, out, max);
}

void remote_got_finish(struct remote_got *got)
{
    free(got->name);
    free(got->shown);
    *got = (struct remote_got){0};
}

struct http_policy remote_policy(const struct remote_task *task)
{
    const struct remote_settings *set = &task->remote->set;

    return (struct http_policy){
        .rules = task->remote->rules,
        .proxy = set->proxy,
        .ca = "",
        .connect_s = CONNECT_S,
        .idle_s = IDLE_S,
        .rate_min = set->rate_min,
        .deadline = set->timeout_s > 0 ? clock_ms() + (int64_t)set->timeout_s * 1000 : 0,
        .cancel_fd = task->cancel_fd,
    };
}

int remote_open_new(struct remote_task *task, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        remote_fail(&task->failure, "scratch-full", "the source cannot be stored: %s",
                    strerror(errno));
    return fd;
}

/* What the other side answered, where that is final: the request's doing, not ours. */
static int explain_status(struct remote_task *task, const struct http_exchange *x,
                          const char *shown, bool write)
{
    bool theirs = x->head.status >= 500 || x->head.status == 429 || x->head.status == 408;
    const char *code = write ? "target-unavailable" : "source-unavailable";

    if (theirs)
        code = write ? "target-put-failed" : "source-fetch-failed";
    return remote_fail(&task->failure, code, "%s answered %ld", shown, x->head.status);
}

int remote_explain(struct remote_task *task, const struct http_exchange *x, const char *shown,
                   bool write)
{
    struct remote_failure *failure = &task->failure;
    const char *failed = write ? "target-put-failed" : "source-fetch-failed";

    switch (x->end) {
    case HTTP_ANSWERED:
        return explain_status(task, x, shown, write);
    case HTTP_SLOW:
        return remote_fail(failure, "source-timeout",
                           "%s is too slow: KFERRY_FETCH_TIMEOUT and KFERRY_FETCH_RATE_MIN are "
                           "the limits",
                           shown);
    case HTTP_DENIED:
        return remote_fail(failure, "address-not-allowed",
                           "%s may not be connected to: %s. KFERRY_SSRF_ALLOW_HOSTS can name the "
                           "host, KFERRY_SSRF_ALLOW_CIDRS the network",
                           shown, x->why);
    case HTTP_TOO_LARGE:
        failure->limit = task->remote->set.source_max;
        return remote_fail(failure, "source-too-large",
                           "%s is larger than %" PRIu64 " bytes, KFERRY_SOURCE_MAX", shown,
                           task->remote->set.source_max);
    case HTTP_NO_ROOM:
        return remote_fail(failure, "scratch-full", "there is no room to store %s", shown);
    case HTTP_CANCELLED:
        return remote_fail(failure, "cancelled", "nobody waits any more");
    default:
        return remote_fail(failure, failed, "%s: %s", shown, x->why);
    }
}

static bool keep(const char **text)
{
    *text = strdup(*text ? *text : "");
    return *text != NULL;
}

/* Every text of the settings. */
static const char **texts(struct remote_settings *set, size_t index)
{
    const char **all[] = {
        &set->allow_hosts, &set->allow_cidrs,         &set->proxy,  &set->file_roots,
        &set->s3_endpoint, &set->s3_region,           &set->s3_ca,  &set->s3_read,
        &set->s3_write,    &set->webhook_secret_file, &set->uploads};

    return index < sizeof all / sizeof all[0] ? all[index] : NULL;
}

struct remote *remote_create(const struct remote_settings *settings, char *error, size_t error_max)
{
    KF_AUTO(remote) remote = calloc(1, sizeof *remote);
    const char **text;

    snprintf(error, error_max, "out of memory");
    if (!remote)
        return NULL;
    remote->set = *settings;
    pthread_mutex_init(&remote->regions.lock, NULL);
    for (size_t i = 0; (text = texts(&remote->set, i)); i++)
        if (!keep(text)) {
            while ((text = texts(&remote->set, ++i)))
                *text = NULL;
            return NULL;
        }
    remote->rules =
        address_rules_create(remote->set.allow_hosts, remote->set.allow_cidrs, error, error_max);
    remote->credentials = credentials_create();
    if (!remote->rules || !remote->credentials || !remote_find_s3(remote, error, error_max) ||
        !remote_load_secret(remote, error, error_max) ||
        !volume_roots_hold(remote->set.file_roots, error, error_max))
        return NULL;
    return remote_take(&remote);
}

void remote_destroy(struct remote *remote)
{
    const char **text;

    if (!remote)
        return;
    address_rules_destroy(remote->rules);
    pthread_mutex_destroy(&remote->regions.lock);
    credentials_destroy(remote->credentials);
    explicit_bzero(remote->secret, sizeof remote->secret);
    for (size_t i = 0; (text = texts(&remote->set, i)); i++)
        free((char *)*text);
    free(remote);
}
