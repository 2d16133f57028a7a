/* SPDX-License-Identifier: Apache-2.0 */
#include "../../model/optimizer.h"
#include "../info.h"
#include "../legacy/keras_h5.h"
#include "../reader.h"
#include "../release.h"
#include "keras1_graph.h"
#include "keras1_weights.h"

/*
 * The whole model of Keras 1.0.7-1.2.2: the layout of keras_h5.h with the configs of Keras 1.
 *
 * Source: Keras 1.2.2 keras/models.py save_model
 */
struct state {
    struct kf_h5 *h5;
};

static int read_graph(struct kf_model *model, struct state *state, const struct kf_options *options,
                      struct kf_report *rep)
{
    json_t *config;
    int r = kf_keras_h5_config(&config, model, state->h5, options, rep);

    if (r >= 0)
        r = kf_keras1_graph(model, config, options, rep);
    json_decref(config);
    return r;
}

/* Slots of variables that are joined here belong to nothing afterwards. */
static int read_training(struct kf_model *model, struct state *state,
                         const struct kf_options *options, struct kf_report *rep)
{
    if (kf_h5_is_group(state->h5, KF_KERAS_H5_OPTIMIZER)) {
        model->has_optimizer_state = true;
        kf_optimizer_lose(model, "that of Keras 1 is of other variables");
    }
    return kf_keras_h5_training(model, state->h5, options, rep);
}

static int read_keras1_h5(struct kf_model *model, void *opaque, const struct kf_options *options,
                          struct kf_report *rep)
{
    struct state *state = opaque;

    KF_TRY(kf_h5_open(&state->h5, &model->source, &options->limits, rep));
    model->keras = kf_release_parse(rep->source.keras_version);
    KF_TRY(read_graph(model, state, options, rep));
    KF_TRY(read_training(model, state, options, rep));
    if (!kf_h5_is_group(state->h5, KF_KERAS_H5_WEIGHTS))
        return kf_report_add(rep, KF_WEIGHTS_MISSING, "",
                             "the file has a config but no group " KF_KERAS_H5_WEIGHTS);
    return kf_keras1_bind(model, state->h5, KF_KERAS_H5_WEIGHTS, rep);
}

static void close_keras1_h5(void *opaque)
{
    struct state *state = opaque;

    kf_h5_destroy(state->h5);
}

const struct kf_reader kf_read_keras1_h5 = {
    .info = &kf_info_read_keras1_h5,
    .kind = KF_FILE_KERAS1_H5,
    .state_size = sizeof(struct state),
    .read = read_keras1_h5,
    .close = close_keras1_h5,
};
