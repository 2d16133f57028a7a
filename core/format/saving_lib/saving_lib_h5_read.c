/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/h5/h5.h"
#include "../architecture.h"
#include "../info.h"
#include "../loose/loose_read.h"
#include "../reader.h"
#include "saving_lib_read.h"

/* A .weights.h5, see saving_lib_read.h. Nothing in it says which release wrote it: the groups
 * tell as much as must be known. */
struct state {
    struct kf_h5 *h5;
};

static int read_weights(struct kf_model *model, void *opaque, const struct kf_options *options,
                        struct kf_report *rep)
{
    struct state *state = opaque;

    KF_TRY(kf_h5_open(&state->h5, &model->source, &options->limits, rep));
    if (!model->in->architecture)
        return kf_loose_read(model, state->h5, rep);
    KF_TRY(kf_architecture_read(model, options, rep));
    return kf_saving_lib_bind(model, state->h5, "", 0, rep);
}

static void close_weights(void *opaque)
{
    struct state *state = opaque;

    kf_h5_destroy(state->h5);
}

const struct kf_reader kf_read_weights_h5 = {
    .info = &kf_info_read_weights_h5,
    .kind = KF_FILE_WEIGHTS_H5,
    .state_size = sizeof(struct state),
    .read = read_weights,
    .close = close_weights,
};
