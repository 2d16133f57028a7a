/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "credentials.h"
#include "remote_private.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PREFIX     "whsec_"
#define SECRET_MIN 24 /* bytes, as Standard Webhooks has it */
#define TIMEOUT_S  15

/* "whsec_" and base64, or the bytes themselves. */
static size_t take_secret(const char *text, unsigned char *out, size_t max)
{
    size_t n = strlen(text), padding = 0;
    int size;

    if (strncmp(text, PREFIX, strlen(PREFIX)) != 0) {
        memcpy(out, text, n < max ? n : 0);
        return n < max ? n : 0;
    }
    text += strlen(PREFIX);
    n = strlen(text);
    while (padding < 2 && n > padding && text[n - padding - 1] == '=')
        padding++;
    size = n * 3 / 4 < max ? EVP_DecodeBlock(out, (const unsigned char *)text, (int)n) : -1;
    return size > (int)padding ? (size_t)size - padding : 0;
}

bool remote_load_secret(struct remote *remote, char *error, size_t error_max)
{
    const char *path = remote->set.webhook_secret_file;
    char *text = path[0] != '\0' ? credentials_read(path) : NULL;

    if (path[0] == '\0')
        return true;
    if (text)
        remote->n_secret = take_secret(text, remote->secret, sizeof remote->secret);
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    if (remote->n_secret >= SECRET_MIN)
        return true;
    snprintf(error, error_max,
             "KFERRY_WEBHOOK_SECRET_FILE must name a file with whsec_ and base64 of %d bytes or "
             "more, as `echo whsec_$(openssl rand -base64 32)` makes it",
             SECRET_MIN);
    return false;
}

/* Source: github.com/standard-webhooks/standard-webhooks, spec, "Signature scheme" */
static bool sign(const struct remote *remote, const char *id, const char *time, const char *body,
                 char out[64])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char *text = NULL;
    int n = asprintf(&text, "%s.%s.%s", id, time, body);
    bool ok = n >= 0 && HMAC(EVP_sha256(), remote->secret, (int)remote->n_secret,
                             (const unsigned char *)text, (size_t)n, sum, &size) != NULL;

    if (ok)
        EVP_EncodeBlock((unsigned char *)out, sum, (int)size);
    if (n >= 0)
        free(text);
    return ok;
}

int remote_check_notify(struct remote_task *task, const char *url)
{
    if (task->remote->n_secret == 0)
        return remote_fail(
            &task->failure, "notify-not-allowed",
            "this service sends no webhooks; KFERRY_WEBHOOK_SECRET_FILE allows them");
    return url_check(task, url, true);
}

static int send_to(struct remote_task *task, const struct url *url,
                   const struct http_policy *policy, struct http_exchange *x)
{
    KF_AUTO(http) http = http_create();

    if (!http)
        return remote_fail(&task->failure, "internal-error", "out of memory");
    http_run(http, x, policy);
    if (x->end == HTTP_ANSWERED && x->head.status >= 200 && x->head.status < 300)
        return 0;
    return remote_explain(task, x, url->shown, true);
}

int remote_notify(struct remote_task *task, const char *to, const struct remote_note *note)
{
    struct http_exchange x = HTTP_EXCHANGE_INIT;
    struct http_policy policy = remote_policy(task);
    struct url url = {0};
    char time_text[24], signature[64];
    int status = remote_check_notify(task, to);

    snprintf(time_text, sizeof time_text, "%lld", (long long)time(NULL));
    if (status == 0)
        status = url_parse(task, &url, to);
    if (status == 0)
        status = url_admit(task, &url, &policy);
    if (status == 0 && !sign(task->remote, note->id, time_text, note->body, signature))
        status = remote_fail(&task->failure, "internal-error", "the webhook cannot be signed");
    if (status == 0) {
        policy.idle_s = TIMEOUT_S;
        x.method = "POST";
        x.url = url.text;
        x.has_body = true;
        x.data = note->body;
        x.size = strlen(note->body);
        http_header(&x, "Content-Type: application/json");
        http_header(&x, "webhook-id: %s", note->id);
        http_header(&x, "webhook-timestamp: %s", time_text);
        http_header(&x, "webhook-signature: v1,%s", signature);
        if (note->trace[0] != '\0')
            http_header(&x, "traceparent: 00-%s-%.16s-01", note->trace, note->trace + 8);
        status = send_to(task, &url, &policy, &x);
    }
    http_finish(&x);
    url_finish(&url);
    return status;
}
