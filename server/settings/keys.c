/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "keys.h"
#include "../digest.h"
#include "units.h"
#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX       10000
#define LINE_MAX_BYTES 1024
#define HASH_SIZE      64 /* hexadecimal digits */

struct key {
    char hash[HASH_SIZE + 1];
    struct grant grant;
};

struct keys {
    struct key *list;
    size_t n;
};

static const struct {
    const char *name;
    unsigned scopes;
} scopes[] = {
    {"read", SCOPE_READ}, {"convert", SCOPE_READ | SCOPE_CONVERT}, {"metrics", SCOPE_METRICS}};

static const struct {
    const char *name;
    enum units units;
    size_t offset;
} limits[] = {{"requests", UNITS_NONE, offsetof(struct client_limits, requests)},
              {"jobs", UNITS_NONE, offsetof(struct client_limits, jobs)},
              {"bytes", UNITS_BYTES, offsetof(struct client_limits, bytes)}};

void keys_destroy(struct keys *keys)
{
    if (!keys)
        return;
    free(keys->list);
    free(keys);
}

static bool is_name(const char *text)
{
    size_t n = strlen(text);

    if (n == 0 || n >= KEY_NAME_SIZE)
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("._-", *text))
            return false;
    return true;
}

static bool read_hash(struct key *key, const char *text)
{
    if (strlen(text) != HASH_SIZE || strspn(text, "0123456789abcdefABCDEF") != HASH_SIZE)
        return false;
    for (size_t i = 0; i <= HASH_SIZE; i++)
        key->hash[i] = (char)tolower((unsigned char)text[i]);
    return true;
}

static unsigned scopes_of(const char *word)
{
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
        if (strcmp(scopes[i].name, word) == 0)
            return scopes[i].scopes;
    return 0;
}

static bool read_scopes(struct grant *grant, char *text)
{
    char *word;

    while ((word = strsep(&text, ","))) {
        unsigned found = scopes_of(word);

        if (found == 0)
            return false;
        grant->scopes |= found;
    }
    return true;
}

static bool read_limit(struct client_limits *out, const char *name, const char *value)
{
    int64_t n = 0;

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (strcmp(limits[i].name, name) == 0) {
            if (!units_read(&n, value, limits[i].units) || n == 0)
                return false;
            *(uint64_t *)(void *)((char *)out + limits[i].offset) = (uint64_t)n;
            return true;
        }
    return false;
}

static bool read_limits(struct client_limits *out, char *text)
{
    char *word;

    while ((word = strsep(&text, ","))) {
        const char *name = strsep(&word, "=");

        if (!word || !read_limit(out, name, word))
            return false;
    }
    return true;
}

/* What is wrong with a line, NULL when nothing is. Changes the line. */
static const char *read_line(struct key *key, char *line)
{
    char *rest = line, *name = strsep(&rest, ":"), *hash = strsep(&rest, ":");
    char *words = strsep(&rest, ":"), *bounds = strsep(&rest, ":");

    if (!is_name(name))
        return "the name is not 1 to 64 letters, digits, dots, dashes";
    if (!hash || !read_hash(key, hash))
        return "there is no SHA-256 of 64 hexadecimal digits behind the name";
    memcpy(key->grant.name, name, strlen(name) + 1);
    key->grant.scopes = words && *words ? 0 : SCOPE_READ | SCOPE_CONVERT;
    if (words && *words && !read_scopes(&key->grant, words))
        return "a scope is none of read, convert, metrics";
    if (bounds && *bounds && !read_limits(&key->grant.limits, bounds))
        return "a limit is none of requests=N, jobs=N, bytes=SIZE";
    return rest ? "there is too much on it" : NULL;
}

static const char *add(struct keys *keys, char *line)
{
    struct key *grown = NULL;

    if (keys->n == KEYS_MAX)
        return "there are too many keys";
    grown = reallocarray(keys->list, keys->n + 1, sizeof *grown);
    if (!grown)
        return "out of memory";
    keys->list = grown;
    grown[keys->n] = (struct key){0};
    return read_line(&grown[keys->n++], line);
}

static const char *read_lines(struct keys *keys, FILE *file, unsigned *number)
{
    char line[LINE_MAX_BYTES];
    const char *wrong = NULL;

    for (*number = 1; !wrong && fgets(line, sizeof line, file); ++*number) {
        size_t n = strlen(line);

        if (n + 1 == sizeof line)
            return "it is too long";
        while (n > 0 && isspace((unsigned char)line[n - 1]))
            line[--n] = '\0';
        if (n > 0 && line[0] != '#')
            wrong = add(keys, line);
    }
    --*number;
    return wrong;
}

struct keys *keys_load(const char *path, char *error, size_t error_max)
{
    KF_AUTO(keys) keys = calloc(1, sizeof *keys);
    FILE *file = fopen(path, "re");
    const char *wrong = NULL;
    unsigned number = 0;

    if (!file || !keys) {
        snprintf(error, error_max, "%s cannot be read: %s", path, strerror(errno));
        if (file)
            fclose(file);
        return NULL;
    }
    wrong = read_lines(keys, file, &number);
    fclose(file);
    if (!wrong && keys->n > 0)
        return keys_take(&keys);
    if (wrong)
        snprintf(error, error_max, "%s, line %u: %s", path, number, wrong);
    else
        snprintf(error, error_max, "%s has no key in it", path);
    return NULL;
}

bool keys_find(const struct keys *keys, const char *key, struct grant *out)
{
    char hash[HASH_SIZE + 1];
    bool found = false;

    if (!digest_sha256_text(key, hash))
        return false;
    for (size_t i = 0; i < keys->n; i++)
        if (CRYPTO_memcmp(keys->list[i].hash, hash, HASH_SIZE) == 0) {
            *out = keys->list[i].grant;
            found = true;
        }
    return found;
}
