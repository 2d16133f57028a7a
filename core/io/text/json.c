/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"
#include "../../base/alloc.h"
#include "../../base/auto.h"
#include "../../base/buf.h"
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* JSON text inside a JSON string, as json.dumps(model.to_json()) makes it: so often at most. */
#define WRAPS_MAX 2

/* Bytes that a program with any memory left can have. */
#define MEMORY_PROBE 1024

static const struct word {
    const char *bare, *json; /* in Python's text, and as text of KF_JSON_NAN... for Jansson */
} words[] = {
    {"NaN", "\"\\u0001NaN\""},
    {"Infinity", "\"\\u0001Infinity\""},
    {"-Infinity", "\"\\u0001-Infinity\""},
};

/* One look over the text, before Jansson sees it. */
struct scan {
    const char *text;
    size_t n, at, done; /* bytes before `done` are in `out` */
    unsigned depth;
    bool has_nul;
    struct kf_buf out; /* empty while nothing had to be replaced */
    const struct kf_limits *limits;
    const char *where;
    struct kf_report *rep;
};

static bool starts_at(const struct scan *scan, const char *word)
{
    size_t n = strlen(word);

    return scan->n - scan->at >= n && memcmp(scan->text + scan->at, word, n) == 0;
}

static int no_memory(struct kf_report *rep, const char *where)
{
    return kf_report_add(rep, KF_NO_MEMORY, where, "no memory for JSON");
}

/* Behind the quote at `at` to behind the closing one. */
static int skip_string(struct scan *scan)
{
    scan->at++;
    if (starts_at(scan, "\\u0001"))
        return kf_report_add(scan->rep, KF_BAD_JSON, scan->where,
                             "a string begins with the control character U+0001");
    while (scan->at < scan->n && scan->text[scan->at] != '"') {
        scan->has_nul = scan->has_nul || starts_at(scan, "\\u0000");
        scan->at += scan->text[scan->at] == '\\' && scan->at + 1 < scan->n ? 2 : 1;
    }
    scan->at += scan->at < scan->n;
    return 0;
}

static int replace_word(struct scan *scan, const struct word *word)
{
    if (!kf_buf_add(&scan->out, scan->text + scan->done, scan->at - scan->done) ||
        !kf_buf_puts(&scan->out, word->json))
        return no_memory(scan->rep, scan->where);
    scan->at += strlen(word->bare);
    scan->done = scan->at;
    while (scan->at < scan->n && strchr(" \t\r\n", scan->text[scan->at]))
        scan->at++;
    if (scan->at < scan->n && scan->text[scan->at] == ':')
        return kf_report_add(scan->rep, KF_BAD_JSON, scan->where, "the key %s is no string",
                             word->bare);
    return 0;
}

static int scan_next(struct scan *scan)
{
    char c = scan->text[scan->at];

    if (c == '"')
        return skip_string(scan);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (c == words[i].bare[0] && starts_at(scan, words[i].bare))
            return replace_word(scan, &words[i]);
    if ((c == '[' || c == '{') && ++scan->depth > scan->limits->json_depth)
        return kf_report_add(scan->rep, KF_TOO_LARGE, scan->where,
                             "JSON is nested deeper than %u levels", scan->limits->json_depth);
    if ((c == ']' || c == '}') && scan->depth > 0)
        scan->depth--;
    scan->at++;
    return 0;
}

static int scan_text(struct scan *scan)
{
    while (scan->at < scan->n)
        KF_TRY(scan_next(scan));
    if (scan->done > 0 && !kf_buf_add(&scan->out, scan->text + scan->done, scan->n - scan->done))
        return no_memory(scan->rep, scan->where);
    return 0;
}

/* Jansson calls a token invalid that it had no memory for; so ask for some. */
static bool out_of_memory(const json_error_t *error)
{
    void *probe = kf_alloc(MEMORY_PROBE);

    kf_free(probe);
    return !probe || error->text[0] == '\0' || json_error_code(error) == json_error_out_of_memory;
}

static int report_error(const json_error_t *error, const char *where, struct kf_report *rep)
{
    if (out_of_memory(error))
        return no_memory(rep, where);
    return kf_report_add(rep, KF_BAD_JSON, where, "line %d, column %d: %s", error->line,
                         error->column, error->text);
}

/* What people's tools leave around the text. */
static void trim(const char **text, size_t *n)
{
    while (*n > 0 && (*text)[*n - 1] == '\0')
        --*n;
    if (*n >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
        *text += 3;
        *n -= 3;
    }
}

/*
 * The bytecode of a Lambda, an item of a list, has NULs in files of Python 2. Elsewhere they would
 * make a name look like a shorter one.
 */
static bool has_bad_nul(const json_t *value, bool is_item)
{
    const char *key;
    json_t *v;
    size_t i;

    if (json_is_string(value))
        return !is_item && strlen(json_string_value(value)) != json_string_length(value);
    json_array_foreach((json_t *)value, i, v)
    {
        if (has_bad_nul(v, true))
            return true;
    }
    json_object_foreach((json_t *)value, key, v)
    {
        if (has_bad_nul(v, false))
            return true;
    }
    return false;
}

static json_t *load(struct scan *scan)
{
    const char *text = scan->done > 0 ? scan->out.data : scan->text;
    size_t n = scan->done > 0 ? scan->out.n : scan->n;
    json_error_t error = {0};
    json_t *value =
        json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    if (!value) {
        report_error(&error, scan->where, scan->rep);
    } else if (scan->has_nul && has_bad_nul(value, false)) {
        kf_report_add(scan->rep, KF_BAD_JSON, scan->where, "a string with the character U+0000");
        json_decref(value);
        value = NULL;
    }
    return value;
}

static json_t *parse_once(const char *text, size_t n, const struct kf_limits *limits,
                          const char *where, struct kf_report *rep)
{
    struct scan scan = {.limits = limits, .where = where, .rep = rep, .out = {.max = SIZE_MAX}};
    json_t *value = NULL;

    if (n > limits->json_bytes) {
        kf_report_add(rep, KF_TOO_LARGE, where, "JSON of %zu bytes; the limit is %" PRIu64, n,
                      limits->json_bytes);
        return NULL;
    }
    trim(&text, &n);
    scan.text = text;
    scan.n = n;
    if (scan_text(&scan) == 0)
        value = load(&scan);
    kf_buf_finish(&scan.out);
    return value;
}

static bool is_wrapped(const json_t *value)
{
    const char *text = json_string_value(value);

    return text && text[0] != '\0' && strchr("{[\"", text[0]);
}

json_t *kf_json_parse(const char *text, size_t n, const struct kf_limits *limits, const char *where,
                      struct kf_report *rep)
{
    json_t *value = parse_once(text, n, limits, where, rep);

    for (int i = 0; i < WRAPS_MAX && is_wrapped(value); i++) {
        json_t *inner =
            parse_once(json_string_value(value), json_string_length(value), limits, where, rep);

        json_decref(value);
        value = inner;
    }
    return value;
}

int kf_json_set(json_t *object, const char *key, json_t *value, struct kf_report *rep)
{
    return json_object_set_new(object, key, value) == 0 ? 0 : no_memory(rep, "");
}

int kf_json_append(json_t *array, json_t *value, struct kf_report *rep)
{
    return json_array_append_new(array, value) == 0 ? 0 : no_memory(rep, "");
}

int kf_json_set_at(json_t *array, size_t index, json_t *value, struct kf_report *rep)
{
    return json_array_set_new(array, index, value) == 0 ? 0 : no_memory(rep, "");
}

const char *kf_json_str(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : fallback;
}

bool kf_json_bool(const json_t *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(object, key);

    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

json_int_t kf_json_int(const json_t *object, const char *key, json_int_t fallback)
{
    const json_t *value = json_object_get(object, key);
    double real = json_real_value(value);

    if (json_is_integer(value))
        return json_integer_value(value);
    /* Beyond 2^53 a double is no exact integer. */
    if (json_is_real(value) && fabs(real) <= 9007199254740992.0 && real == floor(real))
        return (json_int_t)real;
    return fallback;
}

bool kf_json_is_object_of_class(const json_t *value)
{
    return json_is_string(json_object_get(value, "class_name")) &&
           json_is_object(json_object_get(value, "config"));
}
