/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "names.h"
#include "remote_private.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX 8192

/* One part as text of our own; NULL when it has none. */
static char *part(CURLU *u, CURLUPart what, unsigned flags)
{
    char *text = NULL, *copy;

    if (curl_url_get(u, what, &text, flags) != CURLUE_OK)
        return NULL;
    copy = strdup(text);
    curl_free(text);
    return copy;
}

/* The last segment of the path, decoded. */
static char *name_of(CURLU *u)
{
    char *path = part(u, CURLUPART_PATH, CURLU_URLDECODE), *slash, *name;

    if (!path)
        path = part(u, CURLUPART_PATH, 0);
    slash = path ? strrchr(path, '/') : NULL;
    name = slash ? kf_clean_filename(slash + 1) : strdup("");
    free(path);
    return name;
}

static char *shown_of(const char *scheme, const char *host, unsigned port, CURLU *u)
{
    char *path = part(u, CURLUPART_PATH, 0), *shown = NULL;
    bool usual = port == (strcmp(scheme, "http") == 0 ? 80 : 443);
    int n;

    if (usual)
        n = asprintf(&shown, "%s://%s%s", scheme, host, path ? path : "/");
    else
        n = asprintf(&shown, "%s://%s:%u%s", scheme, host, port, path ? path : "/");
    free(path);
    return n < 0 ? NULL : shown;
}

static int take_apart(struct remote_task *task, struct url *out, CURLU *u)
{
    char *scheme = part(u, CURLUPART_SCHEME, 0),
         *port = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    char *user = part(u, CURLUPART_USER, 0), *password = part(u, CURLUPART_PASSWORD, 0);
    bool secret = user || password;
    int status = 0;

    out->host = part(u, CURLUPART_HOST, 0);
    out->plain = scheme && strcmp(scheme, "http") == 0;
    out->port = port ? (unsigned)strtoul(port, NULL, 10) : 0;
    if (!scheme || (!out->plain && strcmp(scheme, "https") != 0) || !out->host || !*out->host)
        status = remote_fail(&task->failure, "invalid-parameter",
                             "the URL must begin with https:// and a host");
    else if (secret)
        status = remote_fail(&task->failure, "invalid-parameter",
                             "the URL must not have a user or password in it");
    if (status == 0) {
        curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
        out->text = part(u, CURLUPART_URL, 0);
        out->shown = shown_of(scheme, out->host, out->port, u);
        out->name = name_of(u);
        if (!out->text || !out->shown || !out->name)
            status = remote_fail(&task->failure, "internal-error", "out of memory");
    }
    free(scheme);
    free(port);
    free(user);
    free(password);
    return status;
}

static int parse(struct remote_task *task, struct url *out, const char *base, const char *text)
{
    CURLU *u = curl_url();
    int status = u ? 0 : remote_fail(&task->failure, "internal-error", "out of memory");

    *out = (struct url){0};
    if (status == 0 &&
        (strlen(text) > URL_MAX || (base && curl_url_set(u, CURLUPART_URL, base, 0) != CURLUE_OK) ||
         curl_url_set(u, CURLUPART_URL, text, base ? CURLU_URLENCODE : 0) != CURLUE_OK))
        status = remote_fail(&task->failure, "invalid-parameter", "the URL cannot be read");
    if (status == 0)
        status = take_apart(task, out, u);
    curl_url_cleanup(u);
    return status;
}

int url_parse(struct remote_task *task, struct url *out, const char *text)
{
    return parse(task, out, NULL, text);
}

int url_follow(struct remote_task *task, struct url *out, const struct url *from,
               const char *location)
{
    return parse(task, out, from->text, location);
}

void url_finish(struct url *url)
{
    free(url->text);
    free(url->host);
    free(url->shown);
    free(url->name);
    *url = (struct url){0};
}

static int deny(struct remote_task *task, const struct url *url, const char *why)
{
    return remote_fail(&task->failure, "address-not-allowed",
                       "%s may not be asked: %s. KFERRY_SSRF_ALLOW_HOSTS can name the host",
                       url->shown, why);
}

int url_admit(struct remote_task *task, const struct url *url, struct http_policy *policy)
{
    const struct remote_settings *set = &task->remote->set;
    bool named = address_host_named(task->remote->rules, url->host, url->port);

    policy->rules = task->remote->rules;
    policy->plain = url->plain;
    if (set->own || named) {
        policy->rules = NULL;
        return 0;
    }
    if (url->plain && set->urls != REMOTE_URLS_HTTP)
        return remote_fail(&task->failure, "source-not-allowed",
                           "http:// is not taken, only https://; KFERRY_URLS=http allows it");
    if (set->proxy[0] != '\0')
        return deny(task, url, "behind a proxy only hosts that are named may be");
    if (url->port != 80 && url->port != 443)
        return deny(task, url, "its port is neither 80 nor 443");
    if (address_is_literal(url->host) && address_literal_denied(task->remote->rules, url->host))
        return deny(task, url, address_literal_denied(task->remote->rules, url->host));
    return 0;
}

int url_check(struct remote_task *task, const char *uri, bool write)
{
    struct http_policy policy;
    struct url url = {0};
    int status;

    (void)write; /* who may PUT there is the affair of the URL's signature */
    if (task->remote->set.urls == REMOTE_URLS_OFF && !task->remote->set.own)
        return remote_fail(&task->failure, "source-not-allowed",
                           "this service takes no URLs; KFERRY_URLS=https allows them");
    status = url_parse(task, &url, uri);
    if (status == 0)
        status = url_admit(task, &url, &policy);
    url_finish(&url);
    return status;
}
