/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"
#include "params.h"
#include <kf/format.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX   200 /* with what is added still below the 255 bytes of a file system */
#define SUFFIX_MAX 16

/* At most `max` of the bytes of `text`, cut between characters. */
static int cut(const char *text, size_t max)
{
    size_t n = strnlen(text, max + 1);

    if (n > max)
        for (n = max; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    return (int)n;
}

static const char *basename_of(const char *path)
{
    const char *base = path;

    for (const char *c = path; *c; c++)
        if (*c == '/' || *c == '\\')
            base = c + 1;
    return base;
}

/* What ends the name from its last dot on, "" when that is too long for a suffix. */
static const char *last_suffix(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && strlen(dot) <= SUFFIX_MAX ? dot : "";
}

static void clean(char *name)
{
    json_t *utf8 = json_string(name);

    for (unsigned char *c = (unsigned char *)name; *c; c++)
        if (*c < 0x20 || *c == 0x7f || *c == ':' || (*c >= 0x80 && !utf8))
            *c = '_';
    json_decref(utf8);
}

char *kf_clean_filename(const char *value)
{
    const char *base = basename_of(value), *suffix = "";
    char kept[KEPT_MAX + 1];
    size_t room = KEPT_MAX;

    if (strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
        base = "";
    if (strlen(base) > KEPT_MAX) {
        suffix = last_suffix(base);
        room -= strlen(suffix);
    }
    snprintf(kept, sizeof kept, "%.*s%s", cut(base, room), base, suffix);
    clean(kept);
    return strdup(kept);
}

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A kind is named by its suffix, ".weights.h5"; kinds that share another's are never inferred. */
const char *kf_writer_of_name(const char *filename)
{
    const struct kf_format_info *best = NULL, *writer;

    for (size_t i = 0; (writer = kf_writer_info(i)); i++)
        if (writer->suffix && strcmp(writer->suffix + 1, writer->name) == 0 &&
            ends_with(filename, writer->suffix) &&
            (!best || strlen(writer->suffix) > strlen(best->suffix)))
            best = writer;
    return best ? best->name : NULL;
}

bool kf_writes_folder(const char *to)
{
    const struct kf_format_info *writer = to ? kf_writer_find(to) : NULL;

    return writer && writer->folder;
}

const char *kf_archive_of_name(const char *name)
{
    if (ends_with(name, ".zip"))
        return "zip";
    return ends_with(name, ".tar") ? "tar" : NULL;
}

static bool is_zipped(const struct kf_request *req, const struct kf_format_info *writer)
{
    return writer->folder && req->options.archive == KF_ARCHIVE_ZIP;
}

const char *kf_artifact_type(const struct kf_request *req)
{
    const struct kf_format_info *writer = req->options.to ? kf_writer_find(req->options.to) : NULL;

    if (!writer || !writer->media_type)
        return "application/octet-stream";
    return is_zipped(req, writer) ? "application/zip" : writer->media_type;
}

/* Bytes of `name` before the suffixes that say what it is or how it is packed. */
static int stem_of(const char *name)
{
    static const char *const packed[] = {".gz", ".tar", ".zip", ".tgz"};
    static const char weights[] = ".weights.h5";
    size_t n = strlen(name);
    char stem[KEPT_MAX + 1];

    if (n > KEPT_MAX)
        return cut(name, KEPT_MAX);
    memcpy(stem, name, n + 1);
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++)
        if (ends_with(stem, packed[i]))
            stem[strlen(stem) - strlen(packed[i])] = '\0';
    if (ends_with(stem, weights))
        stem[strlen(stem) - strlen(weights)] = '\0';
    else
        stem[strlen(stem) - strlen(last_suffix(stem))] = '\0';
    return (int)strlen(stem);
}

/* What tells the result from an input of the same name: "-keras3.15". */
static void tell_apart(char *out, size_t max, const struct kf_request *req,
                       const struct kf_format_info *writer)
{
    int release = req->options.keras ? req->options.keras : writer->keras_default;

    if (release == 0)
        snprintf(out, max, "-kferry");
    else
        snprintf(out, max, "-keras%d.%d", release / 10000, release / 100 % 100);
}

char *kf_artifact_name(const struct kf_request *req)
{
    const struct kf_format_info *writer = req->options.to ? kf_writer_find(req->options.to) : NULL;
    const char *suffix = writer && writer->suffix ? writer->suffix : "";
    const char *stem = req->filename;
    int n = stem_of(stem);
    char name[KEPT_MAX + 64], apart[32];

    if (writer && is_zipped(req, writer))
        suffix = ".zip";
    if (n == 0) {
        stem = "model";
        n = 5;
    }
    snprintf(name, sizeof name, "%.*s%s", n, stem, suffix);
    if (writer && strcmp(name, req->filename) == 0) {
        tell_apart(apart, sizeof apart, req, writer);
        snprintf(name, sizeof name, "%.*s%s%s", n, stem, apart, suffix);
    }
    return strdup(name);
}
