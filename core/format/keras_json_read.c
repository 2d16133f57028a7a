/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../io/json.h"
#include "architecture.h"
#include "info.h"
#include "reader.h"
#include <inttypes.h>

/* The whole file as JSON; a new reference. */
static int read_text(json_t **out, const struct kf_source *src, const struct kf_limits *limits,
                     struct kf_report *rep)
{
    char *text;
    int r;

    if (src->size > limits->json_bytes)
        return kf_report_add(rep, KF_TOO_LARGE, "", "JSON of %" PRIu64 " bytes", src->size);
    text = kf_alloc((size_t)src->size);
    if (!text)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory for JSON");
    r = kf_source_read(src, 0, text, (size_t)src->size, rep);
    if (r >= 0 && !(*out = kf_json_parse(text, (size_t)src->size, limits, "", rep)))
        r = kf_report_status(rep);
    kf_free(text);
    return r;
}

static int read_json(struct kf_model *model, void *state, const struct kf_options *options,
                     struct kf_report *rep)
{
    json_t *config = NULL;
    int r = read_text(&config, &model->source, &options->limits, rep);

    (void)state;
    if (r >= 0)
        r = kf_architecture_parse(model, config, options, rep);
    json_decref(config);
    return r;
}

static void close_json(void *state)
{
    (void)state;
}

const struct kf_reader kf_read_json = {
    .info = &kf_info_read_json,
    .kind = KF_FILE_CONFIG_JSON,
    .read = read_json,
    .close = close_json,
};
