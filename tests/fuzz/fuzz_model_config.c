/* SPDX-License-Identifier: Apache-2.0 */
#include "core/adapt/adapt.h"
#include "core/format/keras2/keras2_config.h"
#include "core/format/keras3/keras3_graph.h"
#include "core/format/registry.h"
#include "core/io/text/json.h"
#include "core/model/validate.h"
#include "fuzz.h"
#include <string.h>

/*
 * The config of a model of Keras 2 or 3, without HDF5: its graph, adapted by the rows of the tables
 * and laid out for a target, which a byte behind the config chooses.
 */
static const struct {
    const char *to;
    int keras;
} targets[] = {
    {"keras", KF_KERAS(3, 15, 1)},      {"keras", KF_KERAS(3, 0, 5)},
    {"keras", KF_KERAS(3, 6, 0)},       {"keras", KF_KERAS(2, 15, 0)},
    {"h5", KF_KERAS(2, 15, 0)},         {"h5", KF_KERAS(2, 4, 0)},
    {"onnx", KF_KERAS(3, 15, 1)},       {"tfjs", KF_KERAS(2, 15, 0)},
    {"savedmodel", KF_KERAS(2, 15, 0)}, {"weights.h5", KF_KERAS(3, 15, 1)},
};

static int pull_zeros(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    (void)payload;
    (void)at;
    (void)rep;
    memset(to, 0, n);
    return 0;
}

/* Tensors of shapes that some rewrites take and others do not. */
static int give_payloads(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct kf_model *model = context;

    (void)graph;
    for (size_t i = 0; i < layer->n_tensors; i++) {
        struct kf_payload *payload = kf_arena_alloc(model->arena, sizeof(*payload));
        size_t n = strlen(layer->path) + i;

        FUZZ_CHECK(payload);
        *payload = (struct kf_payload){.dtype = n % 7 ? KF_DTYPE_FLOAT32 : KF_DTYPE_INT32,
                                       .rank = (unsigned)(n % 5),
                                       .dims = {3, 4, 12, 24, 2},
                                       .pull = pull_zeros,
                                       .file_at = KF_NOWHERE};
        layer->tensors[i].payload = payload;
        layer->tensors[i].source = layer->tensors[i].variable;
    }
    return 0;
}

static int convert(struct kf_model *model, json_t *config, const char *to,
                   const struct kf_options *options, struct kf_report *rep)
{
    enum kf_dialect dialect =
        options->keras < KF_KERAS(3, 0, 0) ? KF_DIALECT_KERAS2 : KF_DIALECT_KERAS3;
    const struct kf_writer *writer;

    KF_TRY(kf_registry_writer(&writer, to, rep));
    KF_TRY(model->dialect == KF_DIALECT_KERAS3 ? kf_keras3_graph(model, config, options, rep)
                                               : kf_keras2_graph(model, config, options, rep));
    kf_layers_each(model->graph, give_payloads, model);
    KF_TRY(kf_model_validate(model, rep));
    KF_TRY(kf_adapt(model, dialect, options->keras, KF_RUNS_KERAS, options, rep));
    return writer->plan(model, options->keras, options, rep);
}

/* The number of the target that `data` ends with, which is cut off it. */
static size_t choose(const uint8_t *data, size_t *n)
{
    if (*n == 0 || data[*n - 1] == '}' || data[*n - 1] == '\n')
        return 0;
    return data[--*n] % (sizeof targets / sizeof targets[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_model *model = kf_model_create();
    size_t chosen = choose(data, &n);
    struct kf_report rep;
    json_t *config;
    int r;

    FUZZ_CHECK(model);
    options.limits = fuzz_limits;
    options.keras = targets[chosen].keras;
    options.custom = n & 1 ? KF_CUSTOM_KEEP : KF_CUSTOM_REFUSE;
    options.input_shape = n & 2 ? "None,3" : NULL;
    if (memmem(data, n, "\"args\"", 6)) {
        model->dialect = KF_DIALECT_KERAS3;
        model->keras = targets[n % 3].keras;
    } else {
        model->dialect = KF_DIALECT_KERAS2;
    }
    kf_report_init(&rep);
    config = kf_json_parse((const char *)data, n, &options.limits, "model_config", &rep);
    if (config) {
        r = convert(model, config, targets[chosen].to, &options, &rep);
        FUZZ_CHECK(r >= 0 || kf_report_status(&rep) < 0);
    }
    FUZZ_CHECK(rep.first_failure != KF_INTERNAL);
    json_decref(config);
    kf_model_destroy(model);
    kf_report_finish(&rep);
    return 0;
}
