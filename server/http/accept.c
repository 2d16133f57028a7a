/* SPDX-License-Identifier: Apache-2.0 */
#include "accept.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One element of the header: "type/subtype;q=0.5". */
struct range {
    const char *type; /* borrowed, `n` bytes */
    size_t n;
    double q;
};

static const char *skip_space(const char *s)
{
    return s + strspn(s, " \t,");
}

/* A weight is from 0 to 1 (RFC 9110, 12.4.2); strtod() also reads "1.5", "-1", "inf" and "nan". */
static double read_weight(const char *text)
{
    double q = strtod(text, NULL);

    if (q > 1.0)
        return 1.0;
    return q > 0.0 ? q : 0.0;
}

/* The weight among the parameters that follow a media range, 1 when it is not given. */
static double weight(const char *parameters, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++) {
        const char *at = parameters + i;

        if (*at != ';')
            continue;
        at += 1 + strspn(at + 1, " \t");
        if ((*at == 'q' || *at == 'Q') && at[1] == '=')
            return read_weight(at + 2);
    }
    return 1.0;
}

/* Read the next element; NULL at the end. */
static const char *next_range(const char *s, struct range *out)
{
    size_t n;

    s = skip_space(s);
    if (*s == '\0')
        return NULL;
    n = strcspn(s, ",");
    out->type = s;
    out->n = strcspn(s, ",; \t");
    out->q = weight(s + out->n, n - out->n);
    return s + n;
}

/* How closely a range names a type: 3 exactly, 2 by "type/" and a star, 1 by two stars, 0 not. */
static int closeness(const struct range *range, const char *type)
{
    size_t major = strcspn(type, "/") + 1;

    if (range->n == strlen(type) && strncasecmp(range->type, type, range->n) == 0)
        return 3;
    if (range->n == major + 1 && range->type[major] == '*' &&
        strncasecmp(range->type, type, major) == 0)
        return 2;
    return range->n == 3 && memcmp(range->type, "*/*", 3) == 0;
}

double accept_weight(const char *header, const char *type)
{
    struct range range;
    double q = 0;
    int best = 0;

    for (const char *s = header; (s = next_range(s, &range));) {
        int close = closeness(&range, type);

        if (close > best) {
            best = close;
            q = range.q;
        }
    }
    return q;
}

int accept_choose(const char *header, const char *const *offers, size_t n_offers)
{
    int chosen = -1;
    double best = 0;

    if (!header || *skip_space(header) == '\0')
        return 0;
    for (size_t i = 0; i < n_offers; i++) {
        double q = accept_weight(header, offers[i]);

        if (q > best) {
            best = q;
            chosen = (int)i;
        }
    }
    return chosen;
}
