/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../io/text/json.h"
#include "../io/text/yaml.h"
#include "architecture.h"
#include "info.h"
#include "reader.h"
#include <inttypes.h>

static json_t *parse_json(const char *text, size_t n, const struct kf_limits *limits,
                          struct kf_report *rep)
{
    return kf_json_parse(text, n, limits, "", rep);
}

/* The whole file as what `parse` makes of it; a new reference. */
static int read_text(json_t **out, const struct kf_source *src, const struct kf_limits *limits,
                     json_t *(*parse)(const char *text, size_t n, const struct kf_limits *limits,
                                      struct kf_report *rep),
                     struct kf_report *rep)
{
    char *text;
    int r;

    if (src->size > limits->json_bytes)
        return kf_report_add(rep, KF_TOO_LARGE, "", "a config of %" PRIu64 " bytes", src->size);
    text = kf_alloc((size_t)src->size);
    if (!text)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory for the config");
    r = kf_source_read(src, 0, text, (size_t)src->size, rep);
    if (r >= 0 && !(*out = parse(text, (size_t)src->size, limits, rep)))
        r = kf_report_status(rep);
    kf_free(text);
    return r;
}

static int read_json(struct kf_model *model, void *state, const struct kf_options *options,
                     struct kf_report *rep)
{
    json_t *config = NULL;
    int r = read_text(&config, &model->source, &options->limits, parse_json, rep);

    (void)state;
    if (r >= 0)
        r = kf_architecture_parse(model, config, options, rep);
    json_decref(config);
    return r;
}

/* The writer of a YAML stands in it and not in its first bytes, which is all detection looks at. */
static int read_yaml(struct kf_model *model, void *state, const struct kf_options *options,
                     struct kf_report *rep)
{
    json_t *config = NULL;
    int r = read_text(&config, &model->source, &options->limits, kf_yaml_parse, rep);

    (void)state;
    kf_report_set(&rep->source.keras_version, kf_json_str(config, "keras_version", NULL));
    kf_report_set(&rep->source.backend, kf_json_str(config, "backend", NULL));
    if (r >= 0)
        r = kf_architecture_parse(model, config, options, rep);
    json_decref(config);
    return r;
}

const struct kf_reader kf_read_json = {
    .info = &kf_info_read_json,
    .kind = KF_FILE_CONFIG_JSON,
    .read = read_json,
};

const struct kf_reader kf_read_yaml = {
    .info = &kf_info_read_yaml,
    .kind = KF_FILE_CONFIG_YAML,
    .read = read_yaml,
};
