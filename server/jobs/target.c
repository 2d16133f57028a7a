/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "target.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Paths longer than this get no suggestion: the table of the distance is on the stack. */
#define COMPARED_MAX 96

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decode %XX in place; -1 for a broken escape or a zero byte. */
static int decode(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        int high, low;

        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        high = hex_digit(from[1]);
        low = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0 || high + low == 0)
            return -1;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return 0;
}

/* Skip "http://host" of an absolute target; a path starts with a slash. */
static const char *path_of(const char *raw)
{
    const char *host;

    if (*raw == '/')
        return raw + 1;
    if (strncasecmp(raw, "http://", 7) != 0)
        return raw;
    host = raw + 7;
    return host[strcspn(host, "/?")] == '/' ? host + strcspn(host, "/?") + 1 : "";
}

int target_parse(struct target *out, const char *raw)
{
    const char *path = path_of(raw);

    *out = (struct target){.text = strndup(path, strcspn(path, "?#"))};
    if (!out->text)
        return -1;
    for (char *at = out->text; at;) {
        char *slash = strchr(at, '/');

        if (out->n == TARGET_SEGMENTS_MAX)
            return -1;
        if (slash)
            *slash = '\0';
        out->segments[out->n++] = at;
        if (decode(at) < 0)
            return -1;
        at = slash ? slash + 1 : NULL;
    }
    return 0;
}

void target_finish(struct target *target)
{
    free(target->text);
    *target = (struct target){0};
}

/* What stands behind a placeholder in its segment, as ":cancel" in "{id}:cancel". */
static bool ends_with(const char *segment, const char *suffix, size_t n)
{
    size_t len = strlen(segment);

    return len > n && memcmp(segment + len - n, suffix, n) == 0;
}

bool target_match(const struct target *target, const char *pattern, const char *captured[2])
{
    size_t n = 0, n_captured = 0, n_suffix = 0;

    for (const char *at = pattern; at; n++) {
        size_t len = strcspn(at, "/"), n_name = strcspn(at, "}/");
        bool last = at[len] == '\0';

        if (n >= target->n)
            return false;
        if (*at == '{') {
            if ((!last && target->segments[n][0] == '\0') || n_captured == 2)
                return false;
            n_suffix = len - n_name - 1;
            if (n_suffix > 0 && !ends_with(target->segments[n], at + n_name + 1, n_suffix))
                return false;
            captured[n_captured++] = target->segments[n];
        } else if (strlen(target->segments[n]) != len ||
                   memcmp(target->segments[n], at, len) != 0) {
            return false;
        }
        at = last ? NULL : at + len + 1;
    }
    if (n != target->n)
        return false;
    if (n_suffix > 0) /* of the last segment: its value ends where the suffix begins */
        target->text[target->segments[n - 1] - target->text +
                     (ptrdiff_t)(strlen(target->segments[n - 1]) - n_suffix)] = '\0';
    return true;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Edit distance, one row at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t row[COMPARED_MAX + 1], n = strlen(a), m = strlen(b);

    if (n > COMPARED_MAX || m > COMPARED_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j];

            row[j] = least(above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
            corner = above;
        }
    }
    return row[m];
}

/* The first `depth` segments as one path; false when it is too long to compare. */
static bool join(const struct target *target, size_t depth, char *to, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < target->n && i < depth; i++) {
        int more = snprintf(to + n, max - n, "%s%s", i > 0 ? "/" : "", target->segments[i]);

        if (more < 0 || (size_t)more >= max - n)
            return false;
        n += (size_t)more;
    }
    return true;
}

size_t target_distance(const struct target *target, const char *pattern)
{
    char path[COMPARED_MAX + 1] = "", fixed[COMPARED_MAX + 1];
    size_t n = strcspn(pattern, "{"), depth = 1;

    if (n > 0 && pattern[n] == '{')
        n--;
    for (size_t i = 0; i < n; i++)
        depth += pattern[i] == '/';
    snprintf(fixed, sizeof fixed, "%.*s", (int)n, pattern);
    return join(target, depth, path, sizeof path) ? distance(path, fixed) : SIZE_MAX;
}
