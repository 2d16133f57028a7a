/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "credentials.h"
#include "http.h"
#include "sigv4.h"
#include "xml.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTAINER "http://169.254.170.2"
#define MACHINE   "http://169.254.169.254"
#define TOKEN_TTL "21600"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"
#define TRIES     3
#define ASK_MS    15000
#define CONNECT_S 2 /* where there is none, nothing answers */

static bool is_fine(const struct http_exchange *x)
{
    return x->end == HTTP_ANSWERED && x->head.status >= 200 && x->head.status < 300 && x->text;
}

/* Ask a service that the machine's owner has set up: no rule of addresses is for it. */
static bool ask(struct remote_task *task, struct http_exchange *x)
{
    const struct http_policy policy = {.proxy = "",
                                       .ca = "",
                                       .plain = true,
                                       .connect_s = CONNECT_S,
                                       .idle_s = 5,
                                       .deadline = clock_ms() + ASK_MS,
                                       .cancel_fd = task->cancel_fd};
    KF_AUTO(http) http = http_create();

    for (unsigned i = 1; http; i++) {
        http_run(http, x, &policy);
        if (is_fine(x) || i == TRIES || !http_may_go_better(x) || !http_pause(&policy, i, 0))
            break;
    }
    return http && is_fine(x);
}

static int fail(struct remote_task *task, const char *who, const struct http_exchange *x)
{
    if (x->end == HTTP_ANSWERED)
        return remote_fail(&task->failure, "credentials-unavailable", "%s answered %ld", who,
                           x->head.status);
    return remote_fail(&task->failure, "credentials-unavailable", "%s: %s", who,
                       x->why[0] != '\0' ? x->why : "no answer");
}

static void copy(char *out, size_t max, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    snprintf(out, max, "%s", text ? text : "");
}

/* What both metadata services answer. */
static int take_json(struct remote_task *task, const char *who, const char *text,
                     struct credentials *out)
{
    json_t *object = json_loads(text, 0, NULL);

    copy(out->id, sizeof out->id, object, "AccessKeyId");
    copy(out->secret, sizeof out->secret, object, "SecretAccessKey");
    copy(out->token, sizeof out->token, object, "Token");
    out->expires = credentials_time(json_string_value(json_object_get(object, "Expiration")));
    json_decref(object);
    if (out->id[0] != '\0' && out->secret[0] != '\0')
        return 1;
    return remote_fail(&task->failure, "credentials-unavailable", "%s answered without keys", who);
}

/* What goes into Authorization: a token, or the file of one, which is read each time. */
static char *container_token(void)
{
    const char *file = credentials_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = credentials_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");

    if (file)
        return credentials_read(file);
    return token ? strdup(token) : NULL;
}

int credentials_of_container(struct remote_task *task, struct credentials *out)
{
    const char *relative = credentials_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = credentials_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct http_exchange x = HTTP_EXCHANGE_INIT;
    char url[2048], *token;
    int status;

    if (!relative && !full)
        return 0;
    snprintf(url, sizeof url, "%s%s", relative ? CONTAINER : "", relative ? relative : full);
    token = container_token();
    x.url = url;
    if (token)
        http_header(&x, "Authorization: %s", token);
    out->source = "container";
    status = ask(task, &x) ? take_json(task, "the container's service of credentials", x.text, out)
                           : fail(task, "the container's service of credentials", &x);
    http_finish(&x);
    free(token);
    return status;
}

/* One question to the machine's metadata; NULL with task->failure, or without when `x` says why. */
static bool ask_machine(struct remote_task *task, struct http_exchange *x, char *url, size_t max,
                        const char *path, const char *token)
{
    const char *base = credentials_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");

    *x = (struct http_exchange)HTTP_EXCHANGE_INIT;
    snprintf(url, max, "%s%s", base ? base : MACHINE, path);
    x->url = url;
    if (token) {
        http_header(x, "X-aws-ec2-metadata-token: %s", token);
    } else {
        x->method = "PUT";
        x->has_body = true;
        x->data = "";
        http_header(x, "X-aws-ec2-metadata-token-ttl-seconds: " TOKEN_TTL);
    }
    return ask(task, x);
}

static int ask_role(struct remote_task *task, const char *token, struct credentials *out)
{
    static const char who[] = "the machine's metadata service";
    struct http_exchange x;
    char url[1024], path[512];
    int status;

    if (!ask_machine(task, &x, url, sizeof url, ROLE_PATH, token)) {
        status = x.end == HTTP_ANSWERED && x.head.status == 404 ? 0 : fail(task, who, &x);
        http_finish(&x);
        return status;
    }
    snprintf(path, sizeof path, ROLE_PATH "%.*s", (int)strcspn(x.text, "\r\n"), x.text);
    http_finish(&x);
    status = ask_machine(task, &x, url, sizeof url, path, token) ? take_json(task, who, x.text, out)
                                                                 : fail(task, who, &x);
    http_finish(&x);
    return status;
}

/* IMDSv2 alone. Where nothing answers there is no machine of that kind, and no keys. */
int credentials_of_machine(struct remote_task *task, struct credentials *out)
{
    const char *disabled = credentials_variable("AWS_EC2_METADATA_DISABLED");
    struct http_exchange x;
    char url[1024];
    int status = 0;

    if (disabled && strcasecmp(disabled, "true") == 0)
        return 0;
    out->source = "machine";
    if (ask_machine(task, &x, url, sizeof url, "/latest/api/token", NULL))
        status = ask_role(task, x.text, out);
    else if (x.end == HTTP_ANSWERED)
        status = fail(task, "the machine's metadata service", &x);
    http_finish(&x);
    return status;
}

static bool take_xml(const struct http_exchange *x, struct credentials *out)
{
    char expires[64];

    xml_find(x->text, x->n_text, "Expiration", expires, sizeof expires);
    out->expires = credentials_time(expires);
    return xml_find(x->text, x->n_text, "AccessKeyId", out->id, sizeof out->id) &&
           xml_find(x->text, x->n_text, "SecretAccessKey", out->secret, sizeof out->secret) &&
           xml_find(x->text, x->n_text, "SessionToken", out->token, sizeof out->token);
}

static char *identity_form(const char *role, const char *token)
{
    const char *session = credentials_variable("AWS_ROLE_SESSION_NAME");
    char *name = sigv4_encode(session ? session : "kferry", false);
    char *arn = sigv4_encode(role, false), *identity = sigv4_encode(token, false), *form = NULL;

    if (!name || !arn || !identity ||
        asprintf(&form,
                 "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=%s"
                 "&RoleArn=%s&WebIdentityToken=%s",
                 name, arn, identity) < 0)
        form = NULL;
    free(name);
    free(arn);
    free(identity);
    return form;
}

/* The region's own STS, as the web identity of EKS wants it. */
static void identity_url(const struct remote_task *task, char *url, size_t max)
{
    const char *base = credentials_variable("AWS_ENDPOINT_URL_STS");

    if (base)
        snprintf(url, max, "%s%s", base, base[strlen(base) - 1] == '/' ? "" : "/");
    else
        snprintf(url, max, "https://sts.%s.amazonaws.com/", remote_region(task->remote));
}

static int assume(struct remote_task *task, const char *form, struct credentials *out)
{
    struct http_exchange x = HTTP_EXCHANGE_INIT;
    char url[1024], why[128] = "";
    int status = 1;

    identity_url(task, url, sizeof url);
    x.method = "POST";
    x.url = url;
    x.has_body = true;
    x.data = form;
    x.size = strlen(form);
    http_header(&x, "Content-Type: application/x-www-form-urlencoded");
    if (!ask(task, &x)) {
        if (x.text)
            xml_find(x.text, x.n_text, "Code", why, sizeof why);
        status = why[0] != '\0' ? remote_fail(&task->failure, "credentials-unavailable",
                                              "STS answered %ld, %s", x.head.status, why)
                                : fail(task, "STS", &x);
    } else if (!take_xml(&x, out)) {
        status =
            remote_fail(&task->failure, "credentials-unavailable", "STS answered without keys");
    }
    http_finish(&x);
    return status;
}

int credentials_of_web_identity(struct remote_task *task, struct credentials *out)
{
    const char *file = credentials_variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role = credentials_variable("AWS_ROLE_ARN");
    char *token, *form;
    int status;

    if (!file || !role)
        return 0;
    out->source = "web-identity";
    token = credentials_read(file);
    if (!token)
        return remote_fail(&task->failure, "credentials-unavailable",
                           "the file of AWS_WEB_IDENTITY_TOKEN_FILE cannot be read");
    form = identity_form(role, token);
    status = form ? assume(task, form, out)
                  : remote_fail(&task->failure, "internal-error", "out of memory");
    free(form);
    free(token);
    return status;
}
