/* SPDX-License-Identifier: Apache-2.0 */
#include "lambda.h"
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "lambda_code.h"
#include <stdint.h>
#include <string.h>

/* So much is shown; the number of codes bounds also the walk, where many share one. */
#define SHOWN_MAX 24
#define CODES_MAX 256
#define TEXT_MAX  40

/* What the codes of one function touch, those inside it included. */
struct touched {
    const unsigned char *data; /* the stream, for bytes */
    json_t *names, *constants;
    size_t codes, bytes;
};

static bool holds(const json_t *list, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), value))
            return true;
    return false;
}

static void collect_names(struct touched *touched, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        json_t *name = json_array_get(names, i);

        if (json_array_size(touched->names) <= SHOWN_MAX && json_is_string(name) &&
            !holds(touched->names, name))
            json_array_append(touched->names, name);
    }
}

/* None, which every code has, and the name of a function inside are not what it computes with. */
static bool is_telling(const json_t *value)
{
    const char *text = json_string_value(value);

    return !json_is_null(value) && !(text && (strstr(text, "<locals>") || *text == '<'));
}

static void collect(struct touched *touched, const json_t *code)
{
    const json_t *constants = json_object_get(code, "consts");

    if (++touched->codes > CODES_MAX)
        return;
    touched->bytes += (size_t)kf_json_int(json_object_get(code, "code"), "bytes", 0);
    collect_names(touched, json_object_get(code, "names"));
    for (size_t i = 0; i < json_array_size(constants); i++) {
        json_t *value = json_array_get(constants, i);

        if (json_object_get(value, "consts"))
            collect(touched, value);
        else if (json_array_size(touched->constants) <= SHOWN_MAX && is_telling(value))
            json_array_append(touched->constants, value);
    }
}

/* Text of the file in one line: what is not printable becomes a question mark. */
static bool put_text(struct kf_buf *out, const char *text, size_t n)
{
    size_t shown = n < TEXT_MAX ? n : TEXT_MAX;

    for (size_t i = 0; i < shown; i++)
        if (!kf_buf_add(out, text[i] >= ' ' && text[i] <= '~' ? &text[i] : "?", 1))
            return false;
    return shown == n || kf_buf_puts(out, "...");
}

static bool put_value(const struct touched *touched, struct kf_buf *out, const json_t *value);

static bool put_list(const struct touched *touched, struct kf_buf *out, const json_t *list)
{
    bool fine = kf_buf_puts(out, "(");

    for (size_t i = 0; fine && i < json_array_size(list); i++)
        fine =
            (i == 0 || kf_buf_puts(out, ", ")) && put_value(touched, out, json_array_get(list, i));
    return fine && kf_buf_puts(out, ")");
}

/* A full buffer ends it: what is shared many times over does not make it long. */
static bool put_value(const struct touched *touched, struct kf_buf *out, const json_t *value)
{
    json_int_t at = kf_json_int(value, "at", 0), n = kf_json_int(value, "bytes", 0);

    switch (json_typeof(value)) {
    case JSON_STRING:
        return kf_buf_puts(out, "'") &&
               put_text(out, json_string_value(value), json_string_length(value)) &&
               kf_buf_puts(out, "'");
    case JSON_INTEGER:
        return kf_buf_printf(out, "%lld", (long long)json_integer_value(value));
    case JSON_REAL:
        return kf_buf_printf(out, "%.9g", json_real_value(value));
    case JSON_ARRAY:
        return put_list(touched, out, value);
    case JSON_OBJECT:
        if (json_object_get(value, "consts"))
            return kf_buf_puts(out, "a function");
        return kf_buf_puts(out, "'") &&
               put_text(out, (const char *)touched->data + at, (size_t)n) && kf_buf_puts(out, "'");
    default:
        return kf_buf_puts(out, json_is_true(value)    ? "True"
                                : json_is_false(value) ? "False"
                                                       : "None");
    }
}

/* "; touches: tf, reduce_mean", nothing for an empty list. */
static void put_section(const struct touched *touched, struct kf_buf *out, const char *title,
                        const json_t *list, bool quoted)
{
    size_t n = json_array_size(list);

    for (size_t i = 0; i < n && i < SHOWN_MAX; i++) {
        const json_t *value = json_array_get(list, i);
        bool fine = kf_buf_printf(out, "%s", i == 0 ? title : ", ") &&
                    (quoted || !json_is_string(value)
                         ? put_value(touched, out, value)
                         : put_text(out, json_string_value(value), json_string_length(value)));

        if (!fine)
            return;
    }
    if (n > SHOWN_MAX)
        kf_buf_puts(out, " and more");
}

/* The arguments are the first of the variables. */
static void put_arguments(const struct touched *touched, struct kf_buf *out, const json_t *code,
                          const struct kf_marshal_layout *layout)
{
    const json_t *ints = json_object_get(code, "ints"),
                 *variables = json_object_get(code, "variables");
    json_int_t n = json_integer_value(json_array_get(ints, 0));
    json_t *arguments = json_array();

    if (layout->keyword_only)
        n += json_integer_value(json_array_get(ints, layout->keyword_only));
    for (size_t i = 0; i < json_array_size(variables) && (json_int_t)i < n; i++)
        json_array_append(arguments, json_array_get(variables, i));
    put_section(touched, out, "; takes: ", arguments, false);
    json_decref(arguments);
}

/* The bytes of a member; `n` is 0 where it has none. */
static const unsigned char *member(const unsigned char *data, const json_t *code, const char *name,
                                   size_t *n)
{
    const json_t *bytes = json_object_get(code, name);

    *n = (size_t)kf_json_int(bytes, "bytes", 0);
    return data + kf_json_int(bytes, "at", 0);
}

/* From 3.6 on an instruction is two bytes: RETURN_VALUE, 83, has a zero behind it. */
static const char *python_3_0(const unsigned char *data, const json_t *code)
{
    size_t n;
    const unsigned char *bytes = member(data, code, "code", &n);

    if (n > 0 && bytes[n - 1] == 83)
        return "3.0-3.5";
    return n > 1 && n % 2 == 0 && bytes[n - 2] == 83 && bytes[n - 1] == 0 ? "3.6-3.7" : NULL;
}

/* In 3.10 the lines' spans add up to the whole code; before, the last line was left open. */
static const char *python_3_8(const unsigned char *data, const json_t *code)
{
    size_t n_code, n, sum = 0;
    const unsigned char *lines;

    member(data, code, "code", &n_code);
    lines = member(data, code, "lines", &n);
    for (size_t i = 0; i < n; i += 2)
        sum += lines[i];
    return sum == n_code ? "3.10" : "3.8-3.9";
}

/* A function without cells begins with RESUME, whose number changed. */
static const char *python_3_11(const unsigned char *data, const json_t *code)
{
    size_t n_kinds, n;
    const unsigned char *kinds = member(data, code, "kinds", &n_kinds);
    const unsigned char *bytes = member(data, code, "code", &n);

    for (size_t i = 0; i < n_kinds; i++)
        if (kinds[i] != 0x20) /* CO_FAST_LOCAL */
            return NULL;
    return n > 0 && bytes[0] == 151 ? "3.11-3.12" : n > 0 && bytes[0] == 149 ? "3.13" : NULL;
}

/* What the code itself says beside its layout. */
static const char *python_of(const unsigned char *data, const json_t *code,
                             const struct kf_marshal_layout *layout)
{
    static const struct {
        const char *python;
        const char *(*tell)(const unsigned char *data, const json_t *code);
    } rows[] = {{"3.0-3.7", python_3_0}, {"3.8-3.10", python_3_8}, {"3.11 or later", python_3_11}};
    const char *found = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (kf_streq(rows[i].python, layout->python))
            found = rows[i].tell(data, code);
    return found ? found : layout->python;
}

static void describe_code(struct kf_buf *out, const unsigned char *data, size_t n)
{
    const struct kf_marshal_layout *layout = NULL;
    json_auto_t *code = kf_marshal_code(data, n, &layout);
    struct touched touched = {.data = data};

    if (!code) {
        kf_buf_puts(out, "bytecode that no known version of Python wrote, or that is damaged");
        return;
    }
    touched.names = json_array();
    touched.constants = json_array();
    collect(&touched, code);
    kf_buf_printf(out, "written by Python %s, %zu bytes of bytecode", python_of(data, code, layout),
                  touched.bytes);
    put_arguments(&touched, out, code, layout);
    put_section(&touched, out, "; touches: ", touched.names, false);
    put_section(&touched, out, "; constants: ", touched.constants, true);
    json_decref(touched.names);
    json_decref(touched.constants);
}

static void describe_text(struct kf_buf *out, const json_t *text)
{
    struct kf_lambda_code code = {0};

    if (json_string_length(text) > KF_LAMBDA_CODE_MAX)
        kf_buf_printf(out, "bytecode, %zu characters, too long to be looked into",
                      json_string_length(text));
    else if (kf_lambda_decode(&code, text))
        describe_code(out, code.bytes, code.n);
    kf_lambda_code_finish(&code);
}

/* A function by its name, which is no code but must be there. */
static void describe_name(struct kf_buf *out, const char *name, const char *module)
{
    kf_buf_puts(out, "the function ");
    put_text(out, name, strlen(name));
    if (*module == '\0')
        return;
    kf_buf_puts(out, " of ");
    put_text(out, module, strlen(module));
}

static void describe_object(struct kf_buf *out, const json_t *function)
{
    const json_t *config = json_object_get(function, "config"), *code = kf_lambda_text(function);

    if (code)
        describe_text(out, code);
    else if (json_is_string(config))
        describe_name(out, json_string_value(config), kf_json_str(function, "module", ""));
}

void kf_lambda_describe(const json_t *config, const char *key, struct kf_buf *out)
{
    const json_t *function = json_object_get(config, key);

    if (json_is_object(function))
        describe_object(out, function);
    else if (kf_lambda_text(function))
        describe_text(out, kf_lambda_text(function));
    else if (json_is_string(function))
        describe_name(out, json_string_value(function), kf_json_str(config, "module", ""));
}
