/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/buf.h"
#include "../../base/str.h"
#include "json.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool dump_string(struct kf_buf *out, const char *text, size_t n)
{
    static const char *const escapes[0x20] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    size_t done = 0;
    bool ok = kf_buf_puts(out, "\"");

    for (size_t i = 0; ok && i < n; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        ok = kf_buf_add(out, text + done, i - done) &&
             (c >= 0x20    ? kf_buf_printf(out, "\\%c", c)
              : escapes[c] ? kf_buf_puts(out, escapes[c])
                           : kf_buf_printf(out, "\\u%04x", c));
        done = i + 1;
    }
    return ok && kf_buf_add(out, text + done, n - done) && kf_buf_puts(out, "\"");
}

static bool dump_text(struct kf_buf *out, const json_t *value)
{
    const char *text = json_string_value(value);

    if (strcmp(text, KF_JSON_NAN) == 0 || strcmp(text, KF_JSON_INF) == 0 ||
        strcmp(text, KF_JSON_NEG_INF) == 0)
        return kf_buf_puts(out, text + 1);
    return dump_string(out, text, json_string_length(value));
}

static bool dump_real(struct kf_buf *out, double value)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return kf_buf_puts(out, text) && (strpbrk(text, ".e") || kf_buf_puts(out, ".0"));
}

static bool dump_value(struct kf_buf *out, const json_t *value);

static bool dump_array(struct kf_buf *out, const json_t *array)
{
    bool ok = kf_buf_puts(out, "[");

    for (size_t i = 0; ok && i < json_array_size(array); i++)
        ok = (i == 0 || kf_buf_puts(out, ",")) && dump_value(out, json_array_get(array, i));
    return ok && kf_buf_puts(out, "]");
}

static bool dump_object(struct kf_buf *out, const json_t *object)
{
    bool ok = kf_buf_puts(out, "{"), first = true;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        ok = ok && (first || kf_buf_puts(out, ",")) && dump_string(out, key, strlen(key)) &&
             kf_buf_puts(out, ":") && dump_value(out, value);
        first = false;
    }
    return ok && kf_buf_puts(out, "}");
}

static bool dump_value(struct kf_buf *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return dump_object(out, value);
    case JSON_ARRAY:
        return dump_array(out, value);
    case JSON_STRING:
        return dump_text(out, value);
    case JSON_INTEGER:
        return kf_buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return dump_real(out, json_real_value(value));
    case JSON_TRUE:
        return kf_buf_puts(out, "true");
    case JSON_FALSE:
        return kf_buf_puts(out, "false");
    case JSON_NULL:
        break;
    }
    return kf_buf_puts(out, "null");
}

/* The code point of the UTF-8 character of `n` bytes at `text`. */
static unsigned decode(const char *text, size_t n)
{
    unsigned code = (unsigned char)text[0] & (0xffu >> (n + 1));

    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3fu);
    return code;
}

static bool escape(struct kf_buf *out, unsigned code)
{
    if (code < 0x10000)
        return kf_buf_printf(out, "\\u%04x", code);
    code -= 0x10000;
    return kf_buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff));
}

/* Only strings hold what is not ASCII, so whole text can be gone through. */
static bool escape_all(struct kf_buf *out, const char *text, size_t n)
{
    size_t done = 0;

    for (size_t i = 0; i < n;) {
        size_t length = (unsigned char)text[i] < 0x80 ? 1 : kf_utf8_char(text + i, n - i);

        if (length == 0)
            return false;
        if (length > 1) {
            if (!kf_buf_add(out, text + done, i - done) || !escape(out, decode(text + i, length)))
                return false;
            done = i + length;
        }
        i += length;
    }
    return kf_buf_add(out, text + done, n - done);
}

char *kf_json_dump_ascii(const json_t *value, size_t *n_out)
{
    struct kf_buf out = {.max = SIZE_MAX - 1};
    size_t n = 0;
    char *text = kf_json_dump(value, &n);
    bool ok = text && escape_all(&out, text, n);

    kf_free(text);
    if (!ok) {
        kf_buf_finish(&out);
        return NULL;
    }
    *n_out = out.n;
    return out.data;
}

char *kf_json_dump(const json_t *value, size_t *n_out)
{
    struct kf_buf out = {.max = SIZE_MAX - 1};

    if (!value || !dump_value(&out, value)) {
        kf_buf_finish(&out);
        return NULL;
    }
    *n_out = out.n;
    return out.data;
}
