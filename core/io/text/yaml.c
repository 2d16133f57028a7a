/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml.h"
#include "../../base/auto.h"
#include "../../base/str.h"
#include "json.h"
#include "yaml_scalar.h"
#include <string.h>
#include <yaml.h>

struct parse {
    yaml_parser_t parser;
    json_t *anchors; /* name -> value; owned */
    uint64_t n_made; /* values, those of copies too */
    unsigned depth;
    const struct kf_limits *limits;
    struct kf_report *rep;
};

/* Tags that name a plain type; the value is then what its kind and text say. */
static const struct {
    const char *tag;
    bool text; /* a string, whatever it looks like */
} tags[] = {
    {YAML_STR_TAG, true},   {"tag:yaml.org,2002:python/unicode", true},
    {YAML_NULL_TAG, false}, {YAML_BOOL_TAG, false},
    {YAML_INT_TAG, false},  {YAML_FLOAT_TAG, false},
    {YAML_SEQ_TAG, false},  {"tag:yaml.org,2002:python/tuple", false},
    {YAML_MAP_TAG, false},
};

static int no_memory(struct parse *parse)
{
    return kf_report_add(parse->rep, KF_NO_MEMORY, "", "no memory for YAML");
}

static int next(struct parse *parse, yaml_event_t *event)
{
    if (yaml_parser_parse(&parse->parser, event))
        return 0;
    if (parse->parser.error == YAML_MEMORY_ERROR)
        return no_memory(parse);
    return kf_report_add(parse->rep, KF_BAD_JSON, "", "YAML, line %zu: %s",
                         parse->parser.problem_mark.line + 1, parse->parser.problem);
}

static int count(struct parse *parse, uint64_t n)
{
    parse->n_made += n;
    if (parse->n_made > parse->limits->objects)
        return kf_report_add(parse->rep, KF_TOO_LARGE, "", "YAML of more than %llu values",
                             (unsigned long long)parse->limits->objects);
    return 0;
}

static int check_tag(struct parse *parse, const yaml_char_t *tag, bool *text)
{
    if (!tag)
        return 0;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (strcmp(tags[i].tag, (const char *)tag) == 0) {
            *text = tags[i].text;
            return 0;
        }
    return kf_report_add(parse->rep, KF_UNSAFE, "",
                         "YAML with the tag %s, which names Python code; none was run",
                         (const char *)tag);
}

static int make_value(struct parse *parse, json_t **out, const yaml_event_t *event);

/* Text that stands for itself. */
static int make_text(struct parse *parse, json_t **out, const char *text, size_t n)
{
    if (n && text[0] == KF_JSON_NAN[0])
        return kf_report_add(parse->rep, KF_BAD_JSON, "",
                             "a string begins with the control character U+0001");
    *out = json_stringn(text, n);
    return *out ? 0 : no_memory(parse);
}

static int make_scalar(struct parse *parse, json_t **out, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE, is_text = !plain;

    KF_TRY(check_tag(parse, event->data.scalar.tag, &is_text));
    if (is_text)
        return make_text(parse, out, text, n);
    *out = kf_yaml_plain(text, n);
    return *out ? 0 : no_memory(parse);
}

/* The members of a sequence up to its end. */
static int fill_sequence(struct parse *parse, json_t *list)
{
    for (bool more = true; more;) {
        json_t *value = NULL;
        yaml_event_t event;
        int r = 0;

        KF_TRY(next(parse, &event));
        more = event.type != YAML_SEQUENCE_END_EVENT;
        if (more)
            r = make_value(parse, &value, &event);
        yaml_event_delete(&event);
        if (r >= 0 && more)
            r = kf_json_append(list, value, parse->rep);
        KF_TRY(r);
    }
    return 0;
}

static int check_key(struct parse *parse, const yaml_event_t *event)
{
    const char *key = (const char *)event->data.scalar.value;
    bool text = true;

    if (event->type != YAML_SCALAR_EVENT || strlen(key) != event->data.scalar.length)
        return kf_report_add(parse->rep, KF_BAD_JSON, "", "YAML, line %zu: a key is no string",
                             event->start_mark.line + 1);
    return check_tag(parse, event->data.scalar.tag, &text);
}

/* The value behind a key. Of a key that stands twice the last one counts. */
static int fill_member(struct parse *parse, json_t *object, const yaml_event_t *key)
{
    json_t *value = NULL;
    yaml_event_t event;
    int r;

    KF_TRY(check_key(parse, key));
    KF_TRY(next(parse, &event));
    r = make_value(parse, &value, &event);
    yaml_event_delete(&event);
    return r < 0 ? r : kf_json_set(object, (const char *)key->data.scalar.value, value, parse->rep);
}

static int fill_mapping(struct parse *parse, json_t *object)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        int r = 0;

        KF_TRY(next(parse, &event));
        more = event.type != YAML_MAPPING_END_EVENT;
        if (more)
            r = fill_member(parse, object, &event);
        yaml_event_delete(&event);
        KF_TRY(r);
    }
    return 0;
}

static int make_collection(struct parse *parse, json_t **out, bool mapping, const yaml_char_t *tag)
{
    json_auto_t *made = mapping ? json_object() : json_array();
    bool text = false;

    if (!made)
        return no_memory(parse);
    KF_TRY(check_tag(parse, tag, &text));
    if (++parse->depth > parse->limits->json_depth)
        return kf_report_add(parse->rep, KF_TOO_LARGE, "", "YAML is nested deeper than %u levels",
                             parse->limits->json_depth);
    KF_TRY(mapping ? fill_mapping(parse, made) : fill_sequence(parse, made));
    parse->depth--;
    *out = json_incref(made);
    return 0;
}

/* Values in a tree, and how deep it is; no deeper than make_collection() let it become. */
static uint64_t measure(const json_t *value, unsigned *depth)
{
    unsigned below = 0, deepest = 0;
    uint64_t n = 1;
    const char *key;
    json_t *one;
    size_t i;

    json_array_foreach(value, i, one)
    {
        n += measure(one, &below);
        deepest = below > deepest ? below : deepest;
    }
    json_object_foreach((json_t *)value, key, one)
    {
        n += measure(one, &below);
        deepest = below > deepest ? below : deepest;
    }
    *depth = deepest + 1;
    return n;
}

static int make_copy(struct parse *parse, json_t **out, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    const json_t *value = json_object_get(parse->anchors, name);
    unsigned depth = 0;

    if (!value)
        return kf_report_add(parse->rep, KF_BAD_JSON, "",
                             "YAML, line %zu: the alias %s stands for nothing, or for itself",
                             event->start_mark.line + 1, name);
    KF_TRY(count(parse, measure(value, &depth)));
    if (parse->depth + depth > parse->limits->json_depth)
        return kf_report_add(parse->rep, KF_TOO_LARGE, "", "YAML is nested deeper than %u levels",
                             parse->limits->json_depth);
    *out = json_deep_copy(value);
    return *out ? 0 : no_memory(parse);
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static int make_value(struct parse *parse, json_t **out, const yaml_event_t *event)
{
    const yaml_char_t *anchor = anchor_of(event);

    KF_TRY(count(parse, 1));
    if (event->type == YAML_ALIAS_EVENT)
        return make_copy(parse, out, event);
    if (event->type == YAML_SCALAR_EVENT)
        KF_TRY(make_scalar(parse, out, event));
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        KF_TRY(make_collection(parse, out, false, event->data.sequence_start.tag));
    else if (event->type == YAML_MAPPING_START_EVENT)
        KF_TRY(make_collection(parse, out, true, event->data.mapping_start.tag));
    else
        return kf_report_add(parse->rep, KF_BAD_JSON, "", "YAML, line %zu: a value is missing",
                             event->start_mark.line + 1);
    if (anchor && json_object_set(parse->anchors, (const char *)anchor, *out) < 0) {
        json_decref(*out);
        return no_memory(parse);
    }
    return 0;
}

/* Events of a stream around its document, up to the one that begins a value. */
static int make_document(struct parse *parse, json_t **out)
{
    for (;;) {
        yaml_event_t event;
        int r = 0;
        bool around;

        KF_TRY(next(parse, &event));
        around = event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT;
        if (!around)
            r = make_value(parse, out, &event);
        yaml_event_delete(&event);
        if (!around)
            return r;
    }
}

/* Nothing may follow: PyYAML loads one document, and so does everybody. */
static int check_end(struct parse *parse)
{
    yaml_event_t event;
    yaml_event_type_t type;

    KF_TRY(next(parse, &event));
    yaml_event_delete(&event);
    KF_TRY(next(parse, &event));
    type = event.type;
    yaml_event_delete(&event);
    if (type != YAML_STREAM_END_EVENT)
        return kf_report_add(parse->rep, KF_BAD_JSON, "", "YAML of more than one document");
    return 0;
}

json_t *kf_yaml_parse(const char *text, size_t n, const struct kf_limits *limits,
                      struct kf_report *rep)
{
    struct parse parse = {.anchors = json_object(), .limits = limits, .rep = rep};
    json_t *made = NULL;

    if (!parse.anchors || !yaml_parser_initialize(&parse.parser)) {
        json_decref(parse.anchors);
        no_memory(&parse);
        return NULL;
    }
    yaml_parser_set_encoding(&parse.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parse.parser, (const unsigned char *)text, n);
    if (make_document(&parse, &made) >= 0 && check_end(&parse) < 0) {
        json_decref(made);
        made = NULL;
    }
    yaml_parser_delete(&parse.parser);
    json_decref(parse.anchors);
    return made;
}
