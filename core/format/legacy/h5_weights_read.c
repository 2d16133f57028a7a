/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/h5/h5.h"
#include "../architecture.h"
#include "../info.h"
#include "../keras1/keras1_numbered.h"
#include "../keras1/keras1_weights.h"
#include "../reader.h"
#include "../release.h"
#include "keras_h5.h"
#include "legacy_classes.h"
#include "legacy_loose.h"
#include "legacy_match.h"
#include "legacy_weights.h"

/* Legacy weights without a config, see legacy_weights.h: at the root of the file, or of a whole
 * model that lost its config. */
struct state {
    struct kf_h5 *h5;
};

/* The release that wrote the weights, 0 when neither they nor the file around them say it. */
static int find_release(const struct kf_model *model, struct state *state, const char *root,
                        const struct kf_report *rep)
{
    const char *version = kf_h5_attr_short(state->h5, root, "keras_version", model->arena);

    return kf_release_parse(version ? version : rep->source.keras_version);
}

/* Names that are all that is wanted, or can be had, where they do not say which layers there are.
 */
static int take_names(struct kf_model *model, struct state *state, const char *root,
                      struct kf_report *rep)
{
    bool keras1 = model->keras < KF_KERAS(2, 0, 0);
    struct kf_legacy_group *groups;
    size_t n;

    KF_TRY(kf_legacy_groups(&groups, &n, model, state->h5, root, rep));
    if (!keras1 && kf_legacy_classes_told(model, groups, n))
        return 0;
    if (keras1)
        kf_report_add(rep, KF_FINDING, "",
                      "the weights do not say that Keras 2 wrote them: those of Keras 1 are laid "
                      "out by layer, and stay as they are");
    return kf_legacy_loose(model, state->h5, groups, n, rep);
}

/* Without an architecture; what Keras 1 wrote is laid out by what its layers were told. */
static int make_graph(struct kf_model *model, struct state *state, const char *root,
                      const struct kf_options *options, struct kf_report *rep)
{
    bool keras1 = model->keras < KF_KERAS(2, 0, 0);

    if (kf_streq(root, "/"))
        root = "";
    if (model->names_do || (!model->weights_do && !keras1))
        KF_TRY(take_names(model, state, root, rep));
    if (model->loose)
        return 0;
    if (keras1)
        return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                             "the weights do not say that Keras 2 wrote them: those of Keras 1 are "
                             "laid out by layer; " KF_NAMES_DO_WITHOUT " without an architecture");
    return kf_legacy_classes(model, state->h5, root, options, rep);
}

static int refuse_generation(struct kf_report *rep, const char *weights, const char *architecture)
{
    return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                         "the weights are of Keras %s and the architecture of Keras %s, which lay "
                         "layers out otherwise",
                         weights, architecture);
}

/* Names of Keras 2 tell weights that name no release from those of Keras 1, "dense_1_W". */
static int check_name(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    for (size_t i = 0; i < layer->n_tensors; i++)
        if (layer->tensors[i].source &&
            !kf_legacy_names(layer->tensors[i].source, layer->tensors[i].variable))
            return refuse_generation(context, "1, as it seems,", "2 or 3");
    return 0;
}

/* Weights and architecture must be of generations that lay layers out alike. */
static int bind(struct kf_model *model, struct state *state, const char *root, int release,
                const struct kf_options *options, struct kf_report *rep)
{
    bool keras1 = model->dialect == KF_DIALECT_KERAS1;

    if (keras1 && release >= KF_KERAS(2, 0, 0))
        return refuse_generation(rep, "2", "1");
    if (!keras1 && release && release < KF_KERAS(2, 0, 0))
        return refuse_generation(rep, "1", "2 or 3");
    if (keras1)
        return kf_keras1_bind(model, state->h5, root, rep);
    KF_TRY(kf_legacy_bind(model, state->h5, root, options->guess, rep));
    return release ? 0 : kf_layers_each(model->graph, check_name, rep);
}

static int read_weights(struct kf_model *model, struct state *state, const char *root,
                        const struct kf_options *options, struct kf_report *rep)
{
    int release;

    KF_TRY(kf_h5_open(&state->h5, &model->source, &options->limits, rep));
    model->keras = release = find_release(model, state, root, rep);
    if (!model->in->architecture)
        KF_TRY(make_graph(model, state, root, options, rep));
    else
        KF_TRY(kf_architecture_read(model, options, rep));
    return model->loose ? 0 : bind(model, state, root, release, options, rep);
}

static int read_root(struct kf_model *model, void *state, const struct kf_options *options,
                     struct kf_report *rep)
{
    return read_weights(model, state, "/", options, rep);
}

static int read_no_config(struct kf_model *model, void *state, const struct kf_options *options,
                          struct kf_report *rep)
{
    return read_weights(model, state, KF_KERAS_H5_WEIGHTS, options, rep);
}

/* Without an architecture: where a weight stands is all that it is called. */
static int take_numbers(struct kf_model *model, struct state *state, struct kf_report *rep)
{
    struct kf_legacy_group *groups;
    size_t n;

    if (!model->names_do)
        return kf_architecture_missing(KF_NAMES_DO_WITHOUT, rep);
    KF_TRY(kf_keras1_numbered(&groups, &n, model, state->h5, "", rep));
    return kf_legacy_loose(model, state->h5, groups, n, rep);
}

/* Numbered groups: only their order says whose they are. */
static int read_old(struct kf_model *model, void *opaque, const struct kf_options *options,
                    struct kf_report *rep)
{
    struct state *state = opaque;

    KF_TRY(kf_h5_open(&state->h5, &model->source, &options->limits, rep));
    if (!model->in->architecture)
        return take_numbers(model, state, rep);
    KF_TRY(kf_architecture_read(model, options, rep));
    if (model->dialect != KF_DIALECT_KERAS1)
        return refuse_generation(rep, "before 1.0", "2 or 3");
    model->keras = KF_KERAS(0, 3, 3);
    return kf_keras1_bind(model, state->h5, "/", rep);
}

static void close_weights(void *opaque)
{
    struct state *state = opaque;

    kf_h5_destroy(state->h5);
}

const struct kf_reader kf_read_h5_weights = {
    .info = &kf_info_read_h5_weights,
    .kind = KF_FILE_H5_WEIGHTS,
    .state_size = sizeof(struct state),
    .read = read_root,
    .close = close_weights,
};

const struct kf_reader kf_read_h5_no_config = {
    .info = &kf_info_read_h5_no_config,
    .kind = KF_FILE_H5_NO_CONFIG,
    .state_size = sizeof(struct state),
    .read = read_no_config,
    .close = close_weights,
};

const struct kf_reader kf_read_h5_weights_old = {
    .info = &kf_info_read_h5_weights_old,
    .kind = KF_FILE_H5_WEIGHTS_OLD,
    .state_size = sizeof(struct state),
    .read = read_old,
    .close = close_weights,
};
