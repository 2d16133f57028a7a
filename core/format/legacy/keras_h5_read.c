/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../info.h"
#include "../keras2/keras2_config.h"
#include "../keras3/keras3_graph.h"
#include "../optimizer_read.h"
#include "../reader.h"
#include "../release.h"
#include "keras_h5.h"
#include "legacy_weights.h"

struct state {
    struct kf_h5 *h5;
};

/* Variables of the model object itself: nothing that Keras builds makes any. */
static int check_top_level(struct kf_model *model, struct state *state, struct kf_report *rep)
{
    const char *path = KF_KERAS_H5_WEIGHTS "/top_level_model_weights", **names;
    size_t n = 0;

    if (!kf_h5_is_group(state->h5, path) || !kf_h5_has_attr(state->h5, path, "weight_names"))
        return 0;
    KF_TRY(kf_h5_attr_names(state->h5, path, "weight_names", model->arena, &names, &n, rep));
    if (!n)
        return 0;
    return kf_report_add(rep, KF_CUSTOM_CLASS, "",
                         "the model object has %zu weights of its own, the first is %s: a model "
                         "defined by Python code",
                         n, names[0]);
}

static int read_graph(struct kf_model *model, struct state *state, const struct kf_options *options,
                      struct kf_report *rep)
{
    json_t *config;
    int r = kf_keras_h5_config(&config, model, state->h5, options, rep);

    if (r >= 0)
        r = model->dialect == KF_DIALECT_KERAS3 ? kf_keras3_graph(model, config, options, rep)
                                                : kf_keras2_graph(model, config, options, rep);
    json_decref(config);
    return r;
}

static int read_keras_h5(struct kf_model *model, void *opaque, const struct kf_options *options,
                         struct kf_report *rep)
{
    struct state *state = opaque;

    KF_TRY(kf_h5_open(&state->h5, &model->source, &options->limits, rep));
    model->dialect =
        model->reader->kind == KF_FILE_KERAS3_H5 ? KF_DIALECT_KERAS3 : KF_DIALECT_KERAS2;
    model->keras = kf_release_parse(rep->source.keras_version);
    KF_TRY(read_graph(model, state, options, rep));
    KF_TRY(kf_keras_h5_training(model, state->h5, options, rep));
    KF_TRY(check_top_level(model, state, rep));
    if (!kf_h5_is_group(state->h5, KF_KERAS_H5_WEIGHTS))
        return kf_report_add(rep, KF_WEIGHTS_MISSING, "",
                             "the file has a config but no group " KF_KERAS_H5_WEIGHTS);
    KF_TRY(kf_legacy_bind(model, state->h5, KF_KERAS_H5_WEIGHTS, options->guess, rep));
    return kf_optimizer_read_legacy(model, state->h5, KF_KERAS_H5_OPTIMIZER, rep);
}

static void close_keras_h5(void *opaque)
{
    struct state *state = opaque;

    kf_h5_destroy(state->h5);
}

const struct kf_reader kf_read_keras_h5 = {
    .info = &kf_info_read_keras_h5,
    .kind = KF_FILE_KERAS_H5,
    .state_size = sizeof(struct state),
    .read = read_keras_h5,
    .close = close_keras_h5,
};

const struct kf_reader kf_read_keras3_h5 = {
    .info = &kf_info_read_keras3_h5,
    .kind = KF_FILE_KERAS3_H5,
    .state_size = sizeof(struct state),
    .read = read_keras_h5,
    .close = close_keras_h5,
};
