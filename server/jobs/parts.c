/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "parts.h"
#include <ctype.h>
#include <kf/bundle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARD_DIGITS 5 /* of "m_00000.weights.h5" */

struct parts {
    char *before, *last, *next; /* names of files; NULL for none */
    char *from, *to;
    struct remote_window window;
    unsigned n; /* parts with a summary */
    char name[32];
    json_t *summary; /* of them */
};

struct parts *parts_create(void)
{
    return calloc(1, sizeof(struct parts));
}

void parts_destroy(struct parts *parts)
{
    if (!parts)
        return;
    free(parts->before);
    free(parts->last);
    free(parts->next);
    free(parts->from);
    free(parts->to);
    json_decref(parts->summary);
    free(parts);
}

/* Bytes of the folders that two paths have in common, with the slash. */
static size_t common(const char *a, const char *b)
{
    size_t n = 0;

    for (size_t i = 0; a && b && a[i] != '\0' && a[i] == b[i]; i++)
        if (a[i] == '/')
            n = i + 1;
    return n;
}

static size_t depth_of(const char *path, size_t n)
{
    size_t depth = 0;

    for (size_t i = 0; i < n; i++)
        depth += path[i] == '/';
    return depth;
}

/* Bytes of a path before what tells the files of one model apart. */
static size_t stem_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *data = strstr(base, ".data-");
    size_t n = data ? (size_t)(data - base) : (size_t)kf_bundle_stem(base), digits = 0;

    while (digits < n && isdigit((unsigned char)base[n - digits - 1]))
        digits++;
    if (digits == SHARD_DIGITS && n > digits + 1 && base[n - digits - 1] == '_')
        n -= digits + 1;
    return (size_t)(base - path) + n;
}

static bool may_be_one(const char *a, const char *b)
{
    size_t n = stem_of(a);

    return n == stem_of(b) && memcmp(a, b, n) == 0;
}

/* May a part end before the file `at`: does none of the files before it belong to one behind? */
static bool may_end(const struct remote_listing *l, size_t at)
{
    for (size_t i = 0; i < at; i++)
        for (size_t k = at; k < l->n; k++)
            if (may_be_one(l->list[i].name, l->list[k].name))
                return false;
    return true;
}

/* How many files there is room for. */
static size_t count_fitting(const struct remote_listing *l)
{
    uint64_t bytes = 0;
    size_t n = 0;

    while (n < l->n && n < PARTS_FILES_MAX) {
        bytes += l->list[n].size;
        if (n > 0 && bytes > PARTS_BYTES_MAX)
            break;
        n++;
    }
    return n;
}

/* How many of the first files are a part; 0 where there is no place to end one. */
static size_t find_end(const struct remote_listing *l)
{
    size_t fit = count_fitting(l), best = 0, least = SIZE_MAX;

    if (fit == l->n)
        return fit;
    for (size_t at = fit; at > 0 && least > 0; at--) {
        const char *name = l->list[at].name;
        size_t depth = depth_of(name, common(l->list[at - 1].name, name));

        if (depth < least && may_end(l, at)) {
            best = at;
            least = depth;
        }
    }
    for (size_t at = fit + 1; best == 0 && at < l->n; at++) /* one model beyond all bytes */
        best = may_end(l, at) ? at : 0;
    return best == 0 && l->n <= PARTS_FILES_MAX ? l->n : best;
}

static bool keep(char **to, const char *name)
{
    free(*to);
    *to = name ? strdup(name) : NULL;
    return *to || !name;
}

int parts_list(struct parts *parts, struct remote_task *task, const char *uri,
               struct remote_listing *out)
{
    const struct remote_window rest = {.after = parts->last};
    size_t n;

    KF_TRY(remote_list(task, uri, &rest, out, PARTS_FILES_MAX + 1));
    n = find_end(out);
    if (n == 0 && out->n > 0)
        return remote_fail(&task->failure, "source-too-large",
                           "%s%s is one of more than %zu files that may be one model", uri,
                           out->list[0].name, PARTS_FILES_MAX);
    if (!keep(&parts->before, parts->last) ||
        !keep(&parts->next, n < out->n ? out->list[n].name : NULL) ||
        (n > 0 && !keep(&parts->last, out->list[n - 1].name)))
        return remote_fail(&task->failure, "internal-error", "out of memory");
    remote_listing_cut(out, n);
    return 0;
}

bool parts_are_several(const struct parts *parts)
{
    return parts->before || parts->next;
}

bool parts_go_on(const struct parts *parts)
{
    return parts->next != NULL;
}

struct job_told parts_told(const struct parts *parts)
{
    return (struct job_told){.before = parts->before, .next = parts->next};
}

/*
 * What every result of a file begins with. A model is no folder that holds other parts' files too,
 * so its path leads at least one name further down.
 */
static size_t begin_of(const struct parts *parts, const char *path)
{
    size_t n = common(parts->before, path), other = common(path, parts->next);

    n = n > other ? n : other;
    return n + strcspn(path + n, "./");
}

/* Above whatever begins with a text: no name has such a byte. */
static bool widen(struct parts *parts)
{
    char *to = NULL;

    if (!parts->from || !parts->to || asprintf(&to, "%s\xff", parts->to) < 0)
        return false;
    free(parts->to);
    parts->to = to;
    return true;
}

const struct remote_window *parts_window(struct parts *parts, const struct remote_listing *listed)
{
    bool kept = parts_are_several(parts);

    keep(&parts->from, NULL);
    keep(&parts->to, NULL);
    for (size_t i = 0; kept && i < listed->n; i++) {
        const char *path = listed->list[i].name;
        char *begin = strndup(path, begin_of(parts, path));

        kept = begin != NULL;
        if (kept && (!parts->from || strcmp(begin, parts->from) < 0))
            kept = keep(&parts->from, begin);
        if (kept && (!parts->to || strcmp(begin, parts->to) > 0))
            kept = keep(&parts->to, begin);
        free(begin);
    }
    if (!kept || !widen(parts))
        return NULL;
    parts->window = (struct remote_window){.from = parts->from, .to = parts->to};
    return &parts->window;
}

static json_int_t add_count(json_t *counts, const json_t *more, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(counts, name)) +
                   json_integer_value(json_object_get(more, name));

    if (json_object_get(counts, name) || json_object_get(more, name))
        json_object_set_new(counts, name, json_integer(n));
    return n;
}

/* All rows while they are few; then those that failed, as long as there is room. */
static void add_rows(json_t *rows, const json_t *more, bool all)
{
    for (size_t i = json_array_size(rows); !all && i-- > 0;)
        if (!json_object_get(json_array_get(rows, i), "code"))
            json_array_remove(rows, i);
    for (size_t i = 0; i < json_array_size(more); i++) {
        json_t *row = json_array_get(more, i);

        if (json_array_size(rows) < PARTS_ROWS_MAX && (all || json_object_get(row, "code")))
            json_array_append(rows, row);
    }
}

static void add(json_t *sum, const json_t *summary)
{
    static const char *const names[] = {"succeeded", "failed", "skipped"};
    const json_t *more = json_object_get(summary, "counts");
    json_t *counts = json_object_get(sum, "counts");
    bool all = add_count(counts, more, "models") <= PARTS_ROWS_MAX;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add_count(counts, more, names[i]);
    add_rows(json_object_get(sum, "models"), json_object_get(summary, "models"), all);
}

const char *parts_add(struct parts *parts, const json_t *summary)
{
    parts->n++;
    if (parts->summary)
        add(parts->summary, summary);
    else
        parts->summary = json_deep_copy(summary);
    if (!parts->summary || json_object_set_new(parts->summary, "parts", json_integer(parts->n)) < 0)
        return NULL;
    snprintf(parts->name, sizeof parts->name, "summary-%u.json", parts->n);
    return parts->name;
}

json_t *parts_summary(const struct parts *parts)
{
    return json_incref(parts->summary);
}
