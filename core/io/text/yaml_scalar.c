/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml_scalar.h"
#include "../../base/str.h"
#include "json.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Longer ones are no numbers that a config has. */
#define NUMBER_MAX 64

static const struct word {
    const char *words;
    enum { IS_NULL, IS_TRUE, IS_FALSE, IS_INF, IS_NEG_INF, IS_NAN } means;
} words[] = {
    {"~ null Null NULL", IS_NULL},
    {"yes Yes YES true True TRUE on On ON", IS_TRUE},
    {"no No NO false False FALSE off Off OFF", IS_FALSE},
    {".inf .Inf .INF +.inf +.Inf +.INF", IS_INF},
    {"-.inf -.Inf -.INF", IS_NEG_INF},
    {".nan .NaN .NAN", IS_NAN},
};

static json_t *make_word(const struct word *word)
{
    switch (word->means) {
    case IS_NULL:
        return json_null();
    case IS_TRUE:
        return json_true();
    case IS_FALSE:
        return json_false();
    case IS_INF:
        return json_string(KF_JSON_INF);
    case IS_NEG_INF:
        return json_string(KF_JSON_NEG_INF);
    default:
        return json_string(KF_JSON_NAN);
    }
}

/* Behind a sign: digits of `base`, and nothing else. */
static bool all_digits(const char *text, int base)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";

    if (!*text)
        return false;
    for (; *text; text++) {
        const char *at = strchr(digits, *text);

        if (!at || (at - digits) % 16 >= base)
            return false;
    }
    return true;
}

static bool read_int(const char *text, json_int_t *out)
{
    const char *bare = text + (*text == '-' || *text == '+');
    int base = 10;

    if (kf_starts(bare, "0x"))
        base = 16;
    else if (kf_starts(bare, "0b"))
        base = 2;
    else if (*bare == '0' && bare[1])
        base = 8;
    bare += base == 16 || base == 2 ? 2 : base == 8;
    if (!all_digits(bare, base))
        return false;
    errno = 0;
    *out = strtoll(bare, NULL, base);
    *out = *text == '-' ? -*out : *out;
    return errno == 0;
}

/* [-+]?digits.digits[e[-+]digits]: PyYAML takes no float without a dot, and writes none. */
static bool read_float(const char *text, double *out)
{
    const char *p = text + (*text == '-' || *text == '+');
    size_t whole = strspn(p, "0123456789"), part;

    p += whole;
    if (*p++ != '.')
        return false;
    part = strspn(p, "0123456789");
    p += part;
    if (whole + part == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if ((*p != '-' && *p != '+') || !isdigit((unsigned char)p[1]))
            return false;
        p += 1 + strspn(p + 1, "0123456789");
    }
    *out = strtod(text, NULL);
    return *p == '\0' && isfinite(*out);
}

json_t *kf_yaml_plain(const char *text, size_t n)
{
    char number[NUMBER_MAX];
    size_t used = 0;
    json_int_t whole;
    double real;

    if (n == 0)
        return json_null();
    for (size_t i = 0; n < NUMBER_MAX && i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(text) == n && kf_in_words(words[i].words, text))
            return make_word(&words[i]);
    for (size_t i = 0; n < NUMBER_MAX && i < n; i++)
        if (text[i] != '_' || i == 0) /* 1_000 */
            number[used++] = text[i];
    number[used] = '\0';
    if (used && memchr("+-.0123456789", number[0], 13) && strlen(number) == used) {
        if (read_int(number, &whole))
            return json_integer(whole);
        if (read_float(number, &real))
            return json_real(real);
    }
    return json_stringn(text, n);
}
