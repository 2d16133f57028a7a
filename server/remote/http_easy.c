/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../clock.h"
#include "address.h"
#include "http_private.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER   (512L * 1024)
#define GATHERED ((size_t)256 * 1024)
#define AGENT    "kferry/" KFERRY_VERSION

bool http_header(struct http_exchange *x, const char *fmt, ...)
{
    struct curl_slist *grown;
    char *line = NULL;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vasprintf(&line, fmt, args);
    va_end(args);
    if (n < 0)
        return false;
    grown = curl_slist_append(x->headers, line);
    free(line);
    if (grown)
        x->headers = grown;
    return grown != NULL;
}

/* The one place where a socket is made: of the address that it will be connected to. */
static curl_socket_t open_socket(void *cls, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_exchange *x = cls;
    const char *denied = NULL;

    (void)purpose;
    if (x->policy->rules)
        denied = address_denied(x->policy->rules, &address->addr);
    if (denied) {
        snprintf(x->why, sizeof x->why, "its address is %s", denied);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t keep_text(struct http_exchange *x, const char *data, size_t n)
{
    size_t room = HTTP_TEXT_MAX - x->n_text, keep = n < room ? n : room;
    char *grown = realloc(x->text, x->n_text + keep + 1);

    if (!grown) {
        x->lost = true;
        return 0;
    }
    x->text = grown;
    memcpy(x->text + x->n_text, data, keep);
    x->n_text += keep;
    x->text[x->n_text] = '\0';
    return n;
}

/* libcurl brings at most 16 KiB at once, which is little for a file system. */
static bool write_gathered(struct http_exchange *x)
{
    size_t done = 0;

    while (done < x->n_gathered) {
        ssize_t n = pwrite(x->out_fd, x->gathered + done, x->n_gathered - done,
                           (off_t)(x->out_at + x->got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            x->lost = true;
            return false;
        }
        done += (size_t)n;
        x->got += (uint64_t)n;
    }
    x->n_gathered = 0;
    return true;
}

static size_t on_data(char *data, size_t size, size_t n, void *cls)
{
    struct http_exchange *x = cls;

    n *= size;
    if (x->out_fd < 0 || x->head.status < 200 || x->head.status > 299)
        return keep_text(x, data, n);
    if (x->got + x->n_gathered + n > x->out_max) {
        x->end = HTTP_TOO_LARGE;
        return 0;
    }
    for (size_t left = n; left > 0;) {
        size_t room = GATHERED - x->n_gathered, take = left < room ? left : room;

        memcpy(x->gathered + x->n_gathered, data, take);
        x->n_gathered += take;
        data += take;
        left -= take;
        if (x->n_gathered == GATHERED && !write_gathered(x))
            return 0;
    }
    return n;
}

static size_t on_read(char *to, size_t size, size_t n, void *cls)
{
    struct http_exchange *x = cls;
    uint64_t left = x->size - x->sent;
    size_t want = n * size < left ? n * size : (size_t)left;
    ssize_t done = (ssize_t)want;

    if (x->read)
        done = want > 0 ? x->read(x->read_context, x->sent, to, want) : 0;
    else if (x->data)
        memcpy(to, x->data + x->sent, want);
    else
        do
            done = pread(x->in_fd, to, want, (off_t)(x->in_at + x->sent));
        while (done < 0 && errno == EINTR);
    if (done < 0 || (done == 0 && want > 0)) {
        snprintf(x->why, sizeof x->why, "the file to send cannot be read");
        return CURL_READFUNC_ABORT;
    }
    x->sent += (uint64_t)done;
    return (size_t)done;
}

/* The server wants it once more from `offset`, as after a connection that was found closed. */
static int on_seek(void *cls, curl_off_t offset, int origin)
{
    struct http_exchange *x = cls;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > x->size)
        return CURL_SEEKFUNC_CANTSEEK;
    x->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static void take_text(char *out, size_t max, const char *value, size_t n)
{
    snprintf(out, max, "%.*s", (int)(n < max ? n : max - 1), value);
}

/* "bytes 0-99/1000" or "bytes 0-99" with a star for an unknown size. */
static void take_range(struct http_head *head, const char *value)
{
    long long first = 0, last = 0, total = 0;

    if (sscanf(value, "bytes %lld-%lld/%lld", &first, &last, &total) == 3)
        head->total = total;
    head->at = first;
}

static void take_header(struct http_head *head, const char *line, size_t n_name, size_t n)
{
    static const char sum[] = "x-amz-checksum-";
    const size_t n_sum = sizeof sum - 1;
    const char *value = line + n_name + 1;

    while (value < line + n && (*value == ' ' || *value == '\t'))
        value++;
    while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
        n--;
    n = line + n > value ? (size_t)(line + n - value) : 0;
#define IS(name) (n_name == sizeof(name) - 1 && strncasecmp(line, name, n_name) == 0)
    if (IS("etag"))
        take_text(head->etag, sizeof head->etag, value, n);
    else if (IS("location"))
        take_text(head->location, sizeof head->location, value, n);
    else if (IS("date"))
        take_text(head->date, sizeof head->date, value, n);
    else if (IS("x-amz-bucket-region"))
        take_text(head->region, sizeof head->region, value, n);
    else if (IS("x-amz-meta-kferry-job"))
        take_text(head->job, sizeof head->job, value, n);
    else if (n_name > n_sum && strncasecmp(line, sum, n_sum) == 0 && !IS("x-amz-checksum-type")) {
        take_text(head->sum_name, sizeof head->sum_name, line + n_sum, n_name - n_sum);
        take_text(head->sum, sizeof head->sum, value, n);
    } else if (IS("content-length"))
        head->length = strtoll(value, NULL, 10);
    else if (IS("content-range"))
        take_range(head, value);
    else if (IS("retry-after"))
        head->retry_after = (unsigned)strtoul(value, NULL, 10);
#undef IS
}

static size_t on_header(char *data, size_t size, size_t n, void *cls)
{
    struct http_exchange *x = cls;
    const char *colon;
    char line[4096];

    n *= size;
    snprintf(line, sizeof line, "%.*s", (int)(n < sizeof line ? n : sizeof line - 1), data);
    if (strncmp(line, "HTTP/", 5) == 0) { /* also of an answer that follows "100 Continue" */
        x->head = (struct http_head){.length = -1, .total = -1, .at = -1};
        x->head.status = strtol(line + strcspn(line, " "), NULL, 10);
    }
    colon = strchr(line, ':');
    if (colon)
        take_header(&x->head, line, (size_t)(colon - line), strlen(line));
    return n;
}

static void set_body(CURL *easy, struct http_exchange *x)
{
    if (!x->has_body)
        return;
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, x);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, x);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->size);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER);
}

/* Redirects are not followed here: each hop is checked by whoever asked. */
static void set_rules(CURL *easy, struct http_exchange *x, const struct http_policy *policy)
{
    int64_t left = policy->deadline - clock_ms();

    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, policy->plain ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_PROXY, policy->proxy);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, x);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)policy->connect_s);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)policy->idle_s);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT,
                     policy->rate_min > 0 ? (long)policy->rate_min : 1L);
    if (policy->deadline > 0)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left > 0 ? (long)left : 1L);
    if (policy->ca[0] != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, policy->ca);
}

CURL *http_prepare(struct http_exchange *x, const struct http_policy *policy)
{
    CURL *easy = curl_easy_init();

    x->policy = policy;
    x->end = HTTP_OPEN;
    x->head = (struct http_head){.length = -1, .total = -1, .at = -1};
    x->got = x->sent = 0;
    x->n_text = x->n_gathered = 0;
    x->why[0] = '\0';
    if (x->out_fd >= 0 && !x->gathered)
        x->gathered = malloc(GATHERED);
    if (!easy || (x->out_fd >= 0 && !x->gathered)) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_URL, x->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, AGENT);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
    if (strcmp(x->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    set_body(easy, x);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, x->method);
    set_rules(easy, x, policy);
    return easy;
}

void http_conclude(struct http_exchange *x, CURLcode code)
{
    static const struct {
        CURLcode code;
        enum http_end end;
    } ends[] = {
        {CURLE_OK, HTTP_ANSWERED},
        {CURLE_OPERATION_TIMEDOUT, HTTP_SLOW},
        {CURLE_COULDNT_RESOLVE_HOST, HTTP_NO_HOST},
        {CURLE_COULDNT_RESOLVE_PROXY, HTTP_NO_HOST},
        {CURLE_PEER_FAILED_VERIFICATION, HTTP_UNTRUSTED},
        {CURLE_SSL_CACERT_BADFILE, HTTP_UNTRUSTED},
        {CURLE_OUT_OF_MEMORY, HTTP_NO_ROOM},
    };
    enum http_end end = HTTP_CUT;

    if (x->end != HTTP_OPEN)
        return;
    if (!x->lost)
        write_gathered(x);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (ends[i].code == code)
            end = ends[i].end;
    if (x->lost)
        end = HTTP_NO_ROOM;
    else if (end == HTTP_CUT && strncmp(x->why, "its address", 11) == 0)
        end = HTTP_DENIED;
    x->end = end;
    if (x->why[0] == '\0' && code != CURLE_OK)
        snprintf(x->why, sizeof x->why, "%s", curl_easy_strerror(code));
}

void http_finish(struct http_exchange *x)
{
    curl_slist_free_all(x->headers);
    x->headers = NULL;
    free(x->text);
    free(x->gathered);
    x->text = x->gathered = NULL;
    x->n_text = 0;
}

bool http_may_go_better(const struct http_exchange *x)
{
    if (x->end == HTTP_CUT)
        return true;
    if (x->end == HTTP_SLOW)
        return x->policy->deadline == 0 || clock_ms() < x->policy->deadline;
    return x->end == HTTP_ANSWERED &&
           (x->head.status == 408 || x->head.status == 429 || x->head.status >= 500);
}
