/* SPDX-License-Identifier: Apache-2.0 */
#include "core/adapt/adapt.h"
#include "core/format/keras2/keras2_config.h"
#include "core/format/keras3/keras3_graph.h"
#include "core/format/registry.h"
#include "core/io/text/json.h"
#include "core/model/validate.h"
#include "fuzz.h"
#include <string.h>

/* The config of a model of Keras 2 or 3, without HDF5: its graph, adapted and laid out as .keras.
 */

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

static int convert(struct kf_model *model, json_t *config, const struct kf_options *options,
                   struct kf_report *rep)
{
    const struct kf_writer *writer;

    KF_TRY(kf_registry_writer(&writer, "keras", rep));
    KF_TRY(model->dialect == KF_DIALECT_KERAS3 ? kf_keras3_graph(model, config, options, rep)
                                               : kf_keras2_graph(model, config, options, rep));
    kf_layers_each(model->graph, give_payloads, model);
    KF_TRY(kf_model_validate(model, rep));
    KF_TRY(kf_adapt(model, KF_DIALECT_KERAS3, options->keras, options, rep));
    return writer->plan(model, options->keras, options, rep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const int releases[] = {KF_KERAS(3, 15, 1), KF_KERAS(3, 0, 5), KF_KERAS(3, 6, 0)};
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_model *model = kf_model_create();
    struct kf_report rep;
    json_t *config;
    int r;

    FUZZ_CHECK(model);
    options.limits = fuzz_limits;
    options.keras = releases[n % 3];
    options.custom = n & 1 ? KF_CUSTOM_KEEP : KF_CUSTOM_REFUSE;
    options.input_shape = n & 2 ? "None,3" : NULL;
    if (memmem(data, n, "\"args\"", 6)) {
        model->dialect = KF_DIALECT_KERAS3;
        model->keras = releases[n % 5 % 3];
    } else {
        model->dialect = KF_DIALECT_KERAS2;
    }
    kf_report_init(&rep);
    config = kf_json_parse((const char *)data, n, &options.limits, "model_config", &rep);
    if (config) {
        r = convert(model, config, &options, &rep);
        FUZZ_CHECK(r >= 0 || kf_report_status(&rep) < 0);
    }
    FUZZ_CHECK(rep.first_failure != KF_INTERNAL);
    json_decref(config);
    kf_model_destroy(model);
    kf_report_finish(&rep);
    return 0;
}
