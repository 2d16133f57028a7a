/* SPDX-License-Identifier: Apache-2.0 */
#include "params.h"
#include "names.h"
#include "nearest.h"
#include <kf/format.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_OF(list)  (sizeof(list) / sizeof((list)[0]))
#define SHOWN       48
#define VALUE_MAX   4096
#define SIZES_MAX   (32 * 64) /* ranks times inputs */
#define SIZE_DIGITS 9

enum param_kind {
    PARAM_WRITER,   /* const char *: name of a writer */
    PARAM_READER,   /* const char *: name of a reader, NULL for "auto" */
    PARAM_RELEASE,  /* int: checked with the writer in kf_request_check() */
    PARAM_CHOICE,   /* enum: position among `values` */
    PARAM_NUMBER,   /* int: one of `values` */
    PARAM_SWITCH,   /* bool: the last of `values` is true */
    PARAM_SHAPE,    /* const char *: "None,7;3" */
    PARAM_FILENAME, /* const char *: cleaned */
    PARAM_FILE,     /* a file of its own, which has no text; no member */
};

/* Every parameter, once. Values of a choice stand in the order of its enum. */
static const struct param {
    const char *name;
    enum param_kind kind;
    size_t offset; /* of the member in struct kf_request */
    const char *values, *help;
} params[] = {
#define KF_PARAM(name, kind, member, values, help)                                                 \
    {#name, PARAM_##kind, offsetof(struct kf_request, member), values, help},
#include "params.def"
#undef KF_PARAM
};
_Static_assert(N_OF(params) <= N_OF(((struct kf_request *)0)->texts), "texts has a place a row");

static int fail(struct kf_param_error *err, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct kf_param_error *err, const char *name, const char *fmt, ...)
{
    va_list args;

    kf_show(err->parameter, sizeof err->parameter, name);
    va_start(args, fmt);
    vsnprintf(err->detail, sizeof err->detail, fmt, args);
    va_end(args);
    return -1;
}

static const struct param *find_param(const char *name)
{
    for (size_t i = 0; i < N_OF(params); i++)
        if (strcmp(params[i].name, name) == 0)
            return &params[i];
    return NULL;
}

static void *member(struct kf_request *req, const struct param *row)
{
    return (char *)req + row->offset;
}

void kf_request_init(struct kf_request *req)
{
    *req = (struct kf_request){.options = KF_OPTIONS_INIT, .filename = ""};
}

void kf_request_finish(struct kf_request *req)
{
    for (size_t i = 0; i < N_OF(req->texts); i++)
        free(req->texts[i]);
    kf_request_init(req);
}

bool kf_param_known(const char *name)
{
    return find_param(name) != NULL;
}

static int fail_unknown(const char *name, struct kf_param_error *err)
{
    struct kf_nearest nearest;
    char shown[SHOWN];

    kf_nearest_init(&nearest, name);
    for (size_t i = 0; i < N_OF(params); i++)
        kf_nearest_offer(&nearest, params[i].name);
    kf_show(shown, sizeof shown, name);
    if (nearest.best)
        return fail(err, name, "there is no parameter \"%s\": did you mean \"%s\"?", shown,
                    nearest.best);
    return fail(err, name, "there is no parameter \"%s\"", shown);
}

/* Position of `value` among the space-separated `words`, or -1. */
static int find_word(const char *words, const char *value)
{
    size_t n = strlen(value);

    for (int i = 0; *words; i++) {
        size_t len = strcspn(words, " ");

        if (len == n && memcmp(words, value, n) == 0)
            return i;
        words += len + (words[len] == ' ');
    }
    return -1;
}

static int count_words(const char *words)
{
    int n = 1;

    for (; *words; words++)
        n += *words == ' ';
    return n;
}

/* "a, b, c" out of the names of all readers or writers. */
static void list_formats(char *out, size_t max, const struct kf_format_info *(*at)(size_t index))
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; at(i) && n < max; i++)
        n += (size_t)snprintf(out + n, max - n, "%s%s", i ? ", " : "", at(i)->name);
}

static int set_format(const char **out, const struct param *row, const char *value,
                      const struct kf_format_info *(*at)(size_t index), struct kf_param_error *err)
{
    struct kf_nearest nearest;
    char shown[SHOWN], names[128];

    kf_nearest_init(&nearest, value);
    for (size_t i = 0; at(i); i++) {
        if (strcmp(at(i)->name, value) == 0) {
            *out = at(i)->name;
            return 0;
        }
        kf_nearest_offer(&nearest, at(i)->name);
    }
    kf_show(shown, sizeof shown, value);
    if (nearest.best)
        return fail(err, row->name, "%s cannot be \"%s\": did you mean \"%s\"?", row->name, shown,
                    nearest.best);
    list_formats(names, sizeof names, at);
    return fail(err, row->name, "%s cannot be \"%s\"; there are: %s", row->name, shown, names);
}

static int set_word(struct kf_request *req, const struct param *row, const char *value,
                    struct kf_param_error *err)
{
    int word = find_word(row->values, value);
    char shown[SHOWN];

    if (word < 0) {
        kf_show(shown, sizeof shown, value);
        return fail(err, row->name, "%s cannot be \"%s\"; it may be: %s", row->name, shown,
                    row->values);
    }
    if (row->kind == PARAM_SWITCH)
        *(bool *)member(req, row) = word == count_words(row->values) - 1;
    else if (row->kind == PARAM_NUMBER)
        *(int *)member(req, row) = (int)strtol(value, NULL, 10);
    else
        *(unsigned *)member(req, row) = (unsigned)word;
    return 0;
}

/* Step over "None" or a size; NULL when neither stands there. */
static const char *skip_size(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (strncmp(text, "None", 4) == 0)
        return text + 4;
    return digits > 0 && digits <= SIZE_DIGITS && *text != '0' ? text + digits : NULL;
}

static int set_shape(const char **out, const struct param *row, const char *text,
                     struct kf_param_error *err)
{
    const char *at = text;

    for (size_t i = 0; i < SIZES_MAX; i++) {
        at = skip_size(at);
        if (!at || (*at != '\0' && *at != ',' && *at != ';'))
            break;
        if (*at++ == '\0') {
            *out = text;
            return 0;
        }
    }
    return fail(err, row->name,
                "%s takes the sizes of each input without the batch, None where free, as in "
                "\"28,28,1\" or, for two inputs, \"None,7;3\"",
                row->name);
}

static int apply(struct kf_request *req, const struct param *row, const char *text,
                 struct kf_param_error *err)
{
    void *to = member(req, row);

    switch (row->kind) {
    case PARAM_WRITER:
        return set_format(to, row, text, kf_writer_info, err);
    case PARAM_READER:
        return strcmp(text, "auto") == 0 ? 0 : set_format(to, row, text, kf_reader_info, err);
    case PARAM_CHOICE:
    case PARAM_NUMBER:
    case PARAM_SWITCH:
        return set_word(req, row, text, err);
    case PARAM_SHAPE:
        return set_shape(to, row, text, err);
    case PARAM_FILENAME:
        *(const char **)to = text;
        return 0;
    case PARAM_RELEASE:
        return 0;
    case PARAM_FILE:
        return fail(err, row->name,
                    "%s is a file: send it as the part \"%s\" of a form, beside the part \"file\"",
                    row->name, row->name);
    }
    return 0;
}

/* Keep the first of two equal values; takes `text`. */
static int keep_new(struct kf_request *req, const struct param *row, char *text,
                    struct kf_param_error *err)
{
    char **kept = &req->texts[row - params], first[SHOWN], second[SHOWN];
    int status = 0;

    if (!*kept) {
        status = apply(req, row, text, err);
        *kept = status == 0 ? text : NULL;
        text = status == 0 ? NULL : text;
    } else if (strcmp(*kept, text) != 0) {
        kf_show(first, sizeof first, *kept);
        kf_show(second, sizeof second, text);
        status = fail(err, row->name, "%s is given twice, as \"%s\" and as \"%s\"", row->name,
                      first, second);
    }
    free(text);
    return status;
}

/* What JSON can hold; the worker gets its request as JSON. */
static bool is_utf8(const char *text)
{
    json_t *string = json_string(text);

    json_decref(string);
    return string != NULL;
}

int kf_request_set(struct kf_request *req, const char *name, const char *value,
                   struct kf_param_error *err)
{
    const struct param *row = find_param(name);
    char *text;

    if (!row)
        return fail_unknown(name, err);
    if (strlen(value) > VALUE_MAX)
        return fail(err, name, "the value of %s is longer than %d bytes", name, VALUE_MAX);
    if (row->kind != PARAM_FILENAME && !is_utf8(value))
        return fail(err, name, "the value of %s is not UTF-8", name);
    text = row->kind == PARAM_FILENAME ? kf_clean_filename(value) : strdup(value);
    if (!text)
        return fail(err, name, "out of memory");
    return keep_new(req, row, text, err);
}

bool kf_request_has(const struct kf_request *req, const char *name)
{
    return req->texts[find_param(name) - params] != NULL;
}

static int check_release(struct kf_request *req, const struct kf_format_info *writer,
                         struct kf_param_error *err)
{
    const char *text = req->texts[find_param("keras") - params];
    char shown[SHOWN];

    if (!text)
        return 0;
    kf_show(shown, sizeof shown, text);
    if (!writer->releases || !writer->releases->family)
        return fail(err, "keras", "a target %s is for no Keras release: leave keras out",
                    writer->name);
    req->options.keras = kf_writer_release(writer, text);
    if (req->options.keras > 0)
        return 0;
    return fail(err, "keras",
                "kferry does not write %s for Keras \"%s\"; the releases stand in `kferry formats` "
                "and /v1/formats",
                writer->name, shown);
}

static int check_archive(const struct kf_request *req, const struct kf_format_info *writer,
                         struct kf_param_error *err)
{
    if (writer->folder || !kf_request_has(req, "archive"))
        return 0;
    return fail(err, "archive", "a target %s is a file, which is not packed: leave archive out",
                writer->name);
}

static int check_quantize(const struct kf_request *req, const struct kf_format_info *writer,
                          struct kf_param_error *err)
{
    if (writer->quantizes || req->options.quantize == KF_QUANTIZE_NONE)
        return 0;
    return fail(err, "quantize", "a target %s is not quantized: leave quantize out", writer->name);
}

int kf_request_check(struct kf_request *req, struct kf_param_error *err)
{
    const struct kf_format_info *writer = NULL;
    char names[128];

    if (req->options.to)
        writer = kf_writer_find(req->options.to);
    if (writer && (check_archive(req, writer, err) < 0 || check_quantize(req, writer, err) < 0))
        return -1;
    if (writer)
        return check_release(req, writer, err);
    list_formats(names, sizeof names, kf_writer_info);
    return fail(err, "to", "the target kind is missing: give to=, one of: %s", names);
}

json_t *kf_request_to_json(const struct kf_request *req)
{
    json_t *object = json_object();
    int bad = object ? 0 : -1;

    for (size_t i = 0; i < N_OF(params); i++)
        if (req->texts[i])
            bad |= json_object_set_new(object, params[i].name, json_string(req->texts[i]));
    if (bad == 0)
        return object;
    json_decref(object);
    return NULL;
}

/* A member's value as the text it would be in a query; NULL for what has none. A number has none:
 * as one, Keras 3.10 would be 3.1. */
static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);

    if (json_is_boolean(value))
        return json_is_true(value) ? "yes" : "no";
    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

int kf_request_from_json(struct kf_request *req, const json_t *object, struct kf_param_error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return fail(err, "", "the options must be a JSON object");
    json_object_foreach((json_t *)object, name, value)
    {
        const char *text = text_of(value);

        if (!kf_param_known(name))
            return fail_unknown(name, err);
        if (!text)
            return fail(err, name, "%s must be a string", name);
        if (kf_request_set(req, name, text, err) < 0)
            return -1;
    }
    return 0;
}

bool kf_param_describe(size_t index, const char **name, const char **values, const char **help)
{
    if (index >= N_OF(params))
        return false;
    *name = params[index].name;
    *values = params[index].values;
    *help = params[index].help;
    return true;
}

/* Copy word `at` of a list with spaces between; NULL when it has none. */
static const char *copy_word(const char *words, size_t at, char *room, size_t size)
{
    for (; at > 0 && *words; at--) {
        words += strcspn(words, " ");
        words += *words == ' ';
    }
    snprintf(room, size, "%.*s", (int)strcspn(words, " "), words);
    return *words ? room : NULL;
}

const char *kf_param_word(size_t index, size_t at, char *room, size_t size)
{
    const struct kf_format_info *info = NULL;

    if (index >= N_OF(params))
        return NULL;
    switch (params[index].kind) {
    case PARAM_CHOICE:
    case PARAM_SWITCH:
        return copy_word(params[index].values, at, room, size);
    case PARAM_WRITER:
        info = kf_writer_info(at);
        break;
    case PARAM_READER:
        info = kf_reader_info(at);
        break;
    default:
        break;
    }
    return info ? info->name : NULL;
}
