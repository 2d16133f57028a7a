/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"
#include "nearest.h"
#include "param_row.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))
#define SHOWN      48
#define VALUE_MAX  4096

/* Every parameter, once. Values of a choice stand in the order of its enum. */
static const struct kf_param params[] = {
#define KF_PARAM(name, kind, member, values, help)                                                 \
    {#name, PARAM_##kind, offsetof(struct kf_request, member), values, help},
#include "params.def"
#undef KF_PARAM
};
_Static_assert(N_OF(params) <= N_OF(((struct kf_request *)0)->texts), "texts has a place a row");

int kf_param_fail(struct kf_param_error *err, const char *name, const char *fmt, ...)
{
    va_list args;

    kf_show(err->parameter, sizeof err->parameter, name);
    va_start(args, fmt);
    vsnprintf(err->detail, sizeof err->detail, fmt, args);
    va_end(args);
    return -1;
}

const struct kf_param *kf_param_at(size_t index)
{
    return index < N_OF(params) ? &params[index] : NULL;
}

static const struct kf_param *find_param(const char *name)
{
    for (size_t i = 0; i < N_OF(params); i++)
        if (strcmp(params[i].name, name) == 0)
            return &params[i];
    return NULL;
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
        return kf_param_fail(err, name, "there is no parameter \"%s\": did you mean \"%s\"?", shown,
                             nearest.best);
    return kf_param_fail(err, name, "there is no parameter \"%s\"", shown);
}

/* Keep the first of two equal values; takes `text`. */
static int keep_new(struct kf_request *req, const struct kf_param *row, char *text,
                    struct kf_param_error *err)
{
    char **kept = &req->texts[row - params], first[SHOWN], second[SHOWN];
    int status = 0;

    if (!*kept) {
        status = kf_param_apply(req, row, text, err);
        *kept = status == 0 ? text : NULL;
        text = status == 0 ? NULL : text;
    } else if (strcmp(*kept, text) != 0) {
        kf_show(first, sizeof first, *kept);
        kf_show(second, sizeof second, text);
        status = kf_param_fail(err, row->name, "%s is given twice, as \"%s\" and as \"%s\"",
                               row->name, first, second);
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
    const struct kf_param *row = find_param(name);
    char *text;

    if (!row)
        return fail_unknown(name, err);
    if (strlen(value) > VALUE_MAX)
        return kf_param_fail(err, name, "the value of %s is longer than %d bytes", name, VALUE_MAX);
    if (row->kind != PARAM_FILENAME && !is_utf8(value))
        return kf_param_fail(err, name, "the value of %s is not UTF-8", name);
    text = row->kind == PARAM_FILENAME ? kf_clean_filename(value) : strdup(value);
    if (!text)
        return kf_param_fail(err, name, "out of memory");
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
        return kf_param_fail(err, "keras", "a target %s is for no Keras release: leave keras out",
                             writer->name);
    req->options.keras = kf_writer_release(writer, text);
    if (req->options.keras > 0)
        return 0;
    return kf_param_fail(
        err, "keras",
        "kferry does not write %s for Keras \"%s\"; the releases stand in `kferry formats` "
        "and /v1/formats",
        writer->name, shown);
}

static int check_archive(const struct kf_request *req, const struct kf_format_info *writer,
                         struct kf_param_error *err)
{
    if (writer->folder || !kf_request_has(req, "archive"))
        return 0;
    return kf_param_fail(err, "archive",
                         "a target %s is a file, which is not packed: leave archive out",
                         writer->name);
}

static int check_quantize(const struct kf_request *req, const struct kf_format_info *writer,
                          struct kf_param_error *err)
{
    if (writer->quantizes || req->options.quantize == KF_QUANTIZE_NONE)
        return 0;
    return kf_param_fail(err, "quantize", "a target %s is not quantized: leave quantize out",
                         writer->name);
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
    kf_param_list_formats(names, sizeof names, kf_writer_info);
    return kf_param_fail(err, "to", "the target kind is missing: give to=, one of: %s", names);
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
        return kf_param_fail(err, "", "the options must be a JSON object");
    json_object_foreach((json_t *)object, name, value)
    {
        const char *text = text_of(value);

        if (!kf_param_known(name))
            return fail_unknown(name, err);
        if (!text)
            return kf_param_fail(err, name, "%s must be a string", name);
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
