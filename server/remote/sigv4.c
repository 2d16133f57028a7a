/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "sigv4.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATE_LETTERS 8 /* of the time: "20130524" */
#define SORTED_MAX   64

static void to_hex(const unsigned char *bytes, char out[SIGV4_HEX])
{
    for (size_t i = 0; i < SIGV4_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

bool sigv4_sha256(const void *data, size_t n, char out[SIGV4_HEX])
{
    unsigned char sum[EVP_MAX_MD_SIZE];

    if (EVP_Digest(data, n, sum, NULL, EVP_sha256(), NULL) != 1)
        return false;
    to_hex(sum, out);
    return true;
}

static bool hmac(struct sigv4_mac *out, const void *key, size_t n_key, const char *text, size_t n)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (!HMAC(EVP_sha256(), key, (int)n_key, (const unsigned char *)text, n, sum, &size))
        return false;
    memcpy(out->bytes, sum, SIGV4_BYTES);
    return true;
}

char *sigv4_encode(const char *text, bool keep_slash)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    char *out = malloc(3 * strlen(text) + 1), *to = out;

    for (; out && *text; text++) {
        if (strchr(plain, *text) || (keep_slash && *text == '/'))
            *to++ = *text;
        else
            to += snprintf(to, 4, "%%%02X", (unsigned char)*text);
    }
    if (out)
        *to = '\0';
    return out;
}

/* By name, then by value. */
static int compare_parameters(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t n = strcspn(x, "="), m = strcspn(y, "=");
    int order = memcmp(x, y, n < m ? n : m);

    if (order != 0)
        return order;
    if (n != m)
        return n < m ? -1 : 1;
    return strcmp(x + n, y + m);
}

/* The parameters in the order of their encoded names, each with its "=". */
static bool write_query(FILE *out, const char *query)
{
    char *copy = strdup(query), *rest = copy, *one, *sorted[SORTED_MAX];
    size_t n = 0;

    while (copy && n < SORTED_MAX && (one = strsep(&rest, "&")))
        if (*one)
            sorted[n++] = one;
    if (copy)
        qsort(sorted, n, sizeof sorted[0], compare_parameters);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s%s%s", i > 0 ? "&" : "", sorted[i], strchr(sorted[i], '=') ? "" : "=");
    fputc('\n', out);
    free(copy);
    return copy != NULL;
}

static int compare_headers(const void *a, const void *b)
{
    return strcmp((*(const struct sigv4_header *const *)a)->name,
                  (*(const struct sigv4_header *const *)b)->name);
}

/* Without the spaces at both ends, and with one where there are several. */
static void write_value(FILE *out, const char *value)
{
    const char *end = value + strlen(value);

    value += strspn(value, " ");
    while (end > value && end[-1] == ' ')
        end--;
    for (; value < end; value++)
        if (value[0] != ' ' || value[1] != ' ')
            fputc(*value, out);
}

/* Pointers to the headers in the order of their names; how many. */
static size_t sort_headers(const struct sigv4_request *request, const struct sigv4_header **sorted)
{
    size_t n = request->n_headers < SORTED_MAX ? request->n_headers : SORTED_MAX;

    for (size_t i = 0; i < n; i++)
        sorted[i] = &request->headers[i];
    qsort(sorted, n, sizeof sorted[0], compare_headers);
    return n;
}

static void write_names(FILE *out, const struct sigv4_header *const *sorted, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s%s", i > 0 ? ";" : "", sorted[i]->name);
}

/* The hash of the canonical request. */
static bool hash_request(const struct sigv4_request *request,
                         const struct sigv4_header *const *sorted, size_t n, char out[SIGV4_HEX])
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    bool ok = f != NULL;

    if (ok) {
        fprintf(f, "%s\n%s\n", request->method, request->path);
        ok = write_query(f, request->query);
        for (size_t i = 0; i < n; i++) {
            fprintf(f, "%s:", sorted[i]->name);
            write_value(f, sorted[i]->value);
            fputc('\n', f);
        }
        fputc('\n', f);
        write_names(f, sorted, n);
        fprintf(f, "\n%s", request->payload);
        ok = fclose(f) == 0 && ok;
    }
    ok = ok && sigv4_sha256(text, size, out);
    free(text);
    return ok;
}

/* The key of a day, a region and a service. */
static bool derive_key(const struct sigv4_request *request, const char *secret,
                       struct sigv4_mac *key)
{
    char first[256];
    int n = snprintf(first, sizeof first, "AWS4%s", secret);
    bool ok =
        n > 0 && n < (int)sizeof first &&
        hmac(key, first, (size_t)n, request->time, DATE_LETTERS) &&
        hmac(key, key->bytes, sizeof key->bytes, request->region, strlen(request->region)) &&
        hmac(key, key->bytes, sizeof key->bytes, request->service, strlen(request->service)) &&
        hmac(key, key->bytes, sizeof key->bytes, "aws4_request", 12);

    explicit_bzero(first, sizeof first);
    return ok;
}

static bool sign(const struct sigv4_mac *key, const char *text, char out[SIGV4_HEX])
{
    struct sigv4_mac sum;

    if (!hmac(&sum, key->bytes, sizeof key->bytes, text, strlen(text)))
        return false;
    to_hex(sum.bytes, out);
    return true;
}

static void write_scope(const struct sigv4_request *request, char out[SIGV4_SCOPE])
{
    snprintf(out, SIGV4_SCOPE, "%.8s/%s/%s/aws4_request", request->time, request->region,
             request->service);
}

char *sigv4_authorization(const struct sigv4_request *request, const struct sigv4_keys *keys)
{
    const struct sigv4_header *sorted[SORTED_MAX];
    size_t n = sort_headers(request, sorted), size = 0;
    char hash[SIGV4_HEX], signature[SIGV4_HEX], scope[SIGV4_SCOPE], text[384], *out = NULL;
    struct sigv4_mac key;
    bool ok;
    FILE *f;

    if (request->n_headers > SORTED_MAX || !hash_request(request, sorted, n, hash))
        return NULL;
    write_scope(request, scope);
    snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", request->time, scope, hash);
    ok = derive_key(request, keys->secret, &key) && sign(&key, text, signature);
    explicit_bzero(&key, sizeof key);
    if (!ok)
        return NULL;
    f = open_memstream(&out, &size);
    if (!f)
        return NULL;
    fprintf(f, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", keys->id, scope);
    write_names(f, sorted, n);
    fprintf(f, ", Signature=%s", signature);
    if (fclose(f) == 0)
        return out;
    free(out);
    return NULL;
}

bool sigv4_chain_begin(struct sigv4_chain *chain, const struct sigv4_request *request,
                       const struct sigv4_keys *keys, const char *authorization)
{
    size_t n = strlen(authorization);

    if (n < SIGV4_HEX)
        return false;
    snprintf(chain->time, sizeof chain->time, "%s", request->time);
    write_scope(request, chain->scope);
    memcpy(chain->last, authorization + n - (SIGV4_HEX - 1), SIGV4_HEX);
    return derive_key(request, keys->secret, &chain->key);
}

bool sigv4_chain_next(struct sigv4_chain *chain, const void *data, size_t n)
{
    char hash[SIGV4_HEX], text[512];

    if (!sigv4_sha256(data, n, hash))
        return false;
    snprintf(text, sizeof text, "AWS4-HMAC-SHA256-PAYLOAD\n%s\n%s\n%s\n" SIGV4_EMPTY "\n%s",
             chain->time, chain->scope, chain->last, hash);
    return sign(&chain->key, text, chain->last);
}
