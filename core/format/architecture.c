/* SPDX-License-Identifier: Apache-2.0 */
#include "architecture.h"
#include "../io/text/json.h"
#include "../model/validate.h"
#include "detect/detect.h"
#include "keras1/keras1_graph.h"
#include "keras2/keras2_config.h"
#include "keras3/keras3_graph.h"
#include "registry.h"
#include "release.h"
#include <string.h>

static int read_keras2(struct kf_model *model, json_t *config, const struct kf_options *options,
                       struct kf_report *rep)
{
    model->dialect = KF_DIALECT_KERAS2;
    return kf_keras2_graph(model, config, options, rep);
}

static int read_keras3(struct kf_model *model, json_t *config, const struct kf_options *options,
                       struct kf_report *rep)
{
    model->dialect = KF_DIALECT_KERAS3;
    return kf_keras3_graph(model, config, options, rep);
}

int kf_architecture_missing(const char *what_does, struct kf_report *rep)
{
    return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                         "the file is %s; %s without an architecture", rep->source.title,
                         what_does);
}

/* Which generation a config is of: by its own words first, as whoever edits one may keep any
 * version in it. */
static const struct generation {
    int major;
    int (*read)(struct kf_model *model, json_t *config, const struct kf_options *options,
                struct kf_report *rep);
} generations[] = {
    {1, kf_keras1_graph},
    {2, read_keras2},
    {3, read_keras3},
};

int kf_architecture_parse(struct kf_model *model, json_t *config, const struct kf_options *options,
                          struct kf_report *rep)
{
    const char *version = kf_json_str(config, "keras_version", NULL);
    int major = kf_look_generation(config);

    if (!major)
        major = kf_look_major(version);
    model->weightless = true;
    model->keras = kf_release_parse(version);
    for (size_t i = 0; i < sizeof(generations) / sizeof(generations[0]); i++)
        if (generations[i].major == major)
            return generations[i].read(model, config, options, rep);
    if (!major)
        return kf_report_add(rep, KF_BAD_CONFIG, "",
                             "neither the config nor a keras_version says which Keras wrote it");
    return kf_report_add(rep, KF_UNSUPPORTED_PAIR, "", "the architecture is of Keras %d", major);
}

static int drop_payloads(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    (void)context;
    for (size_t i = 0; i < layer->n_tensors; i++) {
        layer->tensors[i].payload = NULL;
        layer->tensors[i].n_slots = 0; /* of its own weights */
    }
    return 0;
}

/* Detect and read the other file, whose facts fill rep->source meanwhile. */
static int read_file(struct kf_model *model, const struct kf_options *options,
                     struct kf_report *rep)
{
    struct kf_model *other = kf_model_create();
    enum kf_kind_id kind = KF_FILE_UNKNOWN;

    if (!other)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    model->architecture = other;
    other->in = model->in->architecture;
    KF_TRY(kf_source_init(&other->source, other->in, rep));
    KF_TRY(kf_detect_config(&kind, &other->config, &other->source, &options->limits, rep));
    KF_TRY(kf_registry_reader(&other->reader, kind, NULL, rep));
    KF_TRY(kf_model_read(other, options, rep));
    if (!other->graph)
        return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                             "what was given as the architecture is %s", kf_kind_info(kind)->title);
    return 0;
}

static void finish_source(struct kf_report *rep)
{
    for (size_t i = 0; i < rep->source.n_evidence; i++)
        kf_report_set(&rep->source.evidence[i], NULL);
    kf_report_set(&rep->source.format, NULL);
    kf_report_set(&rep->source.title, NULL);
    kf_report_set(&rep->source.keras_version, NULL);
    kf_report_set(&rep->source.backend, NULL);
}

int kf_architecture_read(struct kf_model *model, const struct kf_options *options,
                         struct kf_report *rep)
{
    struct kf_report weights = *rep; /* for its `source` alone */
    const char *title;
    char *version;
    int r;

    if (!model->in->architecture)
        return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "", "the file is %s", rep->source.title);
    memset(&rep->source, 0, sizeof(rep->source));
    r = read_file(model, options, rep);
    title = kf_kind_info(model->architecture && model->architecture->reader
                             ? model->architecture->reader->kind
                             : KF_FILE_UNKNOWN)
                ->title;
    version = rep->source.keras_version;
    rep->source.keras_version = NULL;
    finish_source(rep);
    rep->source = weights.source;
    kf_report_evidence(rep, "the architecture that was given is %s%s%s", title,
                       version ? ", of Keras " : "", version ? version : "");
    kf_report_set(&version, NULL);
    if (r < 0)
        return r;
    model->graph = model->architecture->graph;
    model->dialect = model->architecture->dialect;
    model->keras = model->architecture->keras;
    return kf_layers_each(model->graph, drop_payloads, NULL);
}
