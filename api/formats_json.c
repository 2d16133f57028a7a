/* SPDX-License-Identifier: Apache-2.0 */
#include "formats_json.h"
#include "params.h"
#include <kf/format.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Steps through the releases of a writer, one a minor version. */
struct release {
    const struct kf_release_range *range;
    int minor;      /* as release / 100 */
    char value[32]; /* what `keras` takes: "3.15", "tf_keras-2.16" */
    int number;     /* KF_KERAS() of the last patch */
    bool proven;
};

/* Find the next one after `at`, which is zeroed but for `range` at the beginning. */
static bool next_release(struct release *at, const struct kf_format_info *writer)
{
    for (; at->range && at->range->family; at->range++, at->minor = 0) {
        bool plain = strcmp(at->range->family, "keras") == 0;

        at->minor = at->minor ? at->minor + 1 : at->range->first / 100;
        for (; at->minor <= at->range->last / 100; at->minor++) {
            snprintf(at->value, sizeof at->value, "%s%s%d.%d", plain ? "" : at->range->family,
                     plain ? "" : "-", at->minor / 100, at->minor % 100);
            at->number = kf_writer_release(writer, at->value);
            at->proven = false;
            for (int i = 0; i < 4 && at->range->proven[i]; i++)
                at->proven |= at->range->proven[i] / 100 == at->minor;
            if (at->number > 0)
                return true;
        }
    }
    return false;
}

static json_t *version_json(int number)
{
    return json_sprintf("%d.%d.%d", number / 10000, number / 100 % 100, number % 100);
}

static json_t *whole_new(json_t *object, int bad)
{
    if (bad == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *releases_json(const struct kf_format_info *writer)
{
    struct release at = {.range = writer->releases};
    json_t *list = json_array();
    int bad = 0;

    while (next_release(&at, writer))
        bad |= json_array_append_new(list,
                                     json_pack("{s:s, s:o, s:b}", "keras", at.value, "version",
                                               version_json(at.number), "unverified", !at.proven));
    return whole_new(list, bad);
}

static json_t *reader_json(const struct kf_format_info *info)
{
    return json_pack("{s:s, s:s, s:s?}", "name", info->name, "title", info->title, "wrote",
                     info->wrote);
}

static json_t *writer_json(const struct kf_format_info *info)
{
    json_t *version = info->keras_default ? version_json(info->keras_default) : json_null();

    return json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:o}", "name", info->name, "title", info->title,
                     "media_type", info->media_type, "suffix", info->suffix, "keras_default",
                     version, "releases", releases_json(info));
}

static json_t *list_json(const struct kf_format_info *(*at)(size_t index),
                         json_t *(*row_json)(const struct kf_format_info *info))
{
    json_t *list = json_array();
    int bad = 0;

    for (size_t i = 0; at(i); i++)
        bad |= json_array_append_new(list, row_json(at(i)));
    return whole_new(list, bad);
}

static json_t *parameters_json(void)
{
    const char *name, *values, *help;
    json_t *list = json_array();
    int bad = 0;

    for (size_t i = 0; kf_param_describe(i, &name, &values, &help); i++)
        bad |= json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "name", name, "values", values, "help", help));
    return whole_new(list, bad);
}

json_t *kf_formats_json(void)
{
    return json_pack("{s:o, s:o, s:o}", "readers", list_json(kf_reader_info, reader_json),
                     "targets", list_json(kf_writer_info, writer_json), "parameters",
                     parameters_json());
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* "Keras 3.0 3.1* 3.15, 3.15 unless given": a star for what no test proves. */
static void put_releases(FILE *out, const json_t *target)
{
    const json_t *releases = json_object_get(target, "releases");
    const char *version = text_of(target, "keras_default");

    if (json_array_size(releases) == 0)
        return;
    for (size_t i = 0; i < json_array_size(releases); i++) {
        const json_t *row = json_array_get(releases, i);

        fprintf(out, "%s%s%s", i ? " " : "    for Keras ", text_of(row, "keras"),
                json_is_true(json_object_get(row, "unverified")) ? "*" : "");
    }
    if (*version)
        fprintf(out, "; %.*s unless given\n", (int)(strrchr(version, '.') - version), version);
    else
        fprintf(out, "; the last of the model's own generation unless given\n");
}

static void put_formats(FILE *out, const json_t *formats)
{
    const json_t *readers = json_object_get(formats, "readers");
    const json_t *targets = json_object_get(formats, "targets");

    fprintf(out, "reads (from=)\n");
    for (size_t i = 0; i < json_array_size(readers); i++) {
        const json_t *row = json_array_get(readers, i);
        const char *wrote = text_of(row, "wrote");

        fprintf(out, "  %-18s %s%s%s\n", text_of(row, "name"), text_of(row, "title"),
                *wrote ? ", written by " : "", wrote);
    }
    fprintf(out, "writes (to=)\n");
    for (size_t i = 0; i < json_array_size(targets); i++) {
        const json_t *row = json_array_get(targets, i);

        fprintf(out, "  %-18s %s\n", text_of(row, "name"), text_of(row, "title"));
        put_releases(out, row);
    }
    fprintf(out, "A star: no test of kferry loads the result there (unverified).\n");
}

char *kf_formats_text(const json_t *formats)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    int failed;

    if (!out)
        return NULL;
    put_formats(out, formats);
    failed = ferror(out);
    failed |= fclose(out);
    if (!failed)
        return text;
    free(text);
    return NULL;
}
