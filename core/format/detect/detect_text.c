/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "detect.h"
#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* Texts that their first words tell; the case of HTML's is free. */
static const struct {
    const char *words;
    bool any_case;
    enum kf_kind_id kind;
} openings[] = {
    {"version https://git-lfs.github.com/spec/", false, KF_FILE_LFS_POINTER},
    {"<!doctype html", true, KF_FILE_HTML},
    {"<html", true, KF_FILE_HTML},
    {"<?xml", false, KF_FILE_XML},
    {"model_checkpoint_path:", false, KF_FILE_CHECKPOINT_STATE},
    {"saved_model_schema_version:", false, KF_FILE_SAVED_MODEL_TEXT},
};

/* Behind a byte order mark and white space. */
static const char *skip_space(const char *text)
{
    if (kf_starts(text, "\xef\xbb\xbf"))
        text += 3;
    return text + strspn(text, " \t\r\n");
}

static json_t *read_whole(struct kf_look *look)
{
    size_t n = (size_t)look->src->size;
    json_t *value = NULL;
    char *text;

    if (look->src->size > look->limits->json_bytes) {
        kf_report_add(look->rep, KF_TOO_LARGE, "", "JSON of %" PRIu64 " bytes", look->src->size);
        return NULL;
    }
    text = kf_alloc(n);
    if (!text)
        kf_report_add(look->rep, KF_NO_MEMORY, "", "no memory for JSON");
    else if (kf_source_read(look->src, 0, text, n, look->rep) == 0)
        value = kf_json_parse(text, n, look->limits, "", look->rep);
    kf_free(text);
    return value;
}

/* A layers model; a graph model holds what TensorFlow runs, and no layers. */
static enum kf_kind_id tfjs_kind(struct kf_look *look, const json_t *value)
{
    const json_t *topology = json_object_get(value, "modelTopology");
    const char *version = kf_json_str(topology, "keras_version", NULL);

    if (kf_streq(kf_json_str(value, "format", NULL), "graph-model") ||
        json_is_array(json_object_get(topology, "node")))
        return KF_FILE_TFJS_GRAPH;
    if (version && !kf_starts(version, "tfjs-layers"))
        kf_report_set(&look->rep->source.keras_version, version);
    return KF_FILE_TFJS;
}

/* Source: keras/layers/containers.py, get_config of Sequential and Graph (0.3.3) */
static bool is_before_1(const json_t *value)
{
    const char *name = kf_json_str(value, "name", "");

    return (strcmp(name, "Sequential") == 0 && json_is_array(json_object_get(value, "layers"))) ||
           (strcmp(name, "Graph") == 0 && json_is_object(json_object_get(value, "nodes")));
}

static enum kf_kind_id json_kind(struct kf_look *look, const json_t *value)
{
    if (kf_json_is_object_of_class(value) ||
        (json_is_string(json_object_get(value, "class_name")) &&
         json_is_array(json_object_get(value, "config")))) {
        kf_report_evidence(look->rep, "JSON with class_name %s and config",
                           kf_json_str(value, "class_name", ""));
        if (kf_look_generation(value) > 0)
            kf_report_evidence(look->rep, "the config is of Keras %d", kf_look_generation(value));
        kf_report_set(&look->rep->source.keras_version, kf_json_str(value, "keras_version", NULL));
        kf_report_set(&look->rep->source.backend, kf_json_str(value, "backend", NULL));
        return KF_FILE_CONFIG_JSON;
    }
    if (json_object_get(value, "weight_map") && json_object_get(value, "metadata")) {
        kf_report_evidence(look->rep, "JSON with metadata and weight_map");
        return KF_FILE_WEIGHTS_JSON;
    }
    if (json_object_get(value, "modelTopology") || json_object_get(value, "weightsManifest")) {
        kf_report_evidence(look->rep, "JSON with modelTopology or weightsManifest");
        return tfjs_kind(look, value);
    }
    return is_before_1(value) ? KF_FILE_CONFIG_JSON_OLD : KF_FILE_JSON_OTHER;
}

int kf_look_json(struct kf_look *look, enum kf_kind_id *out)
{
    const char *text = skip_space(look->head);
    json_t *value;

    /* An object, or one written into a string. */
    if (kf_starts(text, "\"{"))
        text++;
    else if (text[0] != '{' || !strchr("\"}", *skip_space(text + 1)))
        return 0;
    value = read_whole(look);
    if (!value)
        return kf_report_status(look->rep);
    *out = json_kind(look, value);
    json_decref(value);
    return 0;
}

/* No control characters, and UTF-8 up to a character that the end of the head may cut. */
static bool is_text(const struct kf_look *look)
{
    size_t len;

    for (size_t i = 0; i < look->n; i += len) {
        unsigned char c = (unsigned char)look->head[i];

        if (c < 0x20 && !strchr("\t\n\v\f\r\x1b", c))
            return false;
        len = kf_utf8_char(look->head + i, look->n - i);
        if (len == 0)
            return look->n == KF_HEAD_MAX && look->n - i < 4;
        if (c == '\0')
            return false;
    }
    return look->n > 0;
}

/* A line that begins with `word`. */
static bool has_line(const char *text, const char *word)
{
    for (const char *p = text; p; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (kf_starts(p, word))
            return true;
    }
    return false;
}

static enum kf_kind_id text_kind(struct kf_look *look)
{
    const char *text = skip_space(look->head);

    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        size_t n = strlen(openings[i].words);

        if (openings[i].any_case ? strncasecmp(text, openings[i].words, n) == 0
                                 : strncmp(text, openings[i].words, n) == 0) {
            kf_report_evidence(look->rep, "it begins with %s", openings[i].words);
            return openings[i].kind;
        }
    }
    if (has_line(text, "class_name:") || has_line(text, "!!python/object")) {
        kf_report_evidence(look->rep, "YAML with class_name");
        return KF_FILE_CONFIG_YAML;
    }
    return KF_FILE_TEXT;
}

int kf_look_text(struct kf_look *look, enum kf_kind_id *out)
{
    if (is_text(look))
        *out = text_kind(look);
    return 0;
}
