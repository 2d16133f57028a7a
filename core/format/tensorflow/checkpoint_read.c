/* SPDX-License-Identifier: Apache-2.0 */
#include "../architecture.h"
#include "../info.h"
#include "../reader.h"
#include "checkpoint_alone.h"
#include "checkpoint_bind.h"

/*
 * A checkpoint by itself: what model.save_weights("x"), tf.train.Checkpoint and, by names alone,
 * Saver of TensorFlow 1 wrote. The architecture is given with it, or the names of the variables say
 * which layers there are.
 */
static int read_variables(struct kf_checkpoint *cp, struct kf_model *model,
                          const struct kf_options *options, struct kf_report *rep)
{
    KF_TRY(kf_checkpoint_open(cp, model, &model->source, &options->limits, rep));
    kf_report_evidence(rep,
                       cp->graph ? "a checkpoint with a graph of %zu objects"
                                 : "a checkpoint of variables by name",
                       cp->graph ? cp->graph->n_nodes : 0);
    if (!model->in->architecture)
        return model->names_do ? kf_checkpoint_loose(cp, model, rep)
                               : kf_checkpoint_alone(cp, model, options, rep);
    KF_TRY(kf_architecture_read(model, options, rep));
    return kf_checkpoint_bind_given(cp, model, options, rep);
}

static int read_checkpoint(struct kf_model *model, void *state, const struct kf_options *options,
                           struct kf_report *rep)
{
    struct kf_checkpoint cp = {0};
    int r = read_variables(&cp, model, options, rep);

    (void)state;
    if (r < 0 && r != -KF_NO_MEMORY && cp.bundle)
        kf_checkpoint_list(&cp, model->graph, rep);
    return r;
}

const struct kf_reader kf_read_checkpoint = {
    .info = &kf_info_read_checkpoint,
    .kind = KF_FILE_CHECKPOINT_FOLDER,
    .read = read_checkpoint,
};

/* An index without its data: what is missing is said. */
const struct kf_reader kf_read_checkpoint_index = {
    .info = &kf_info_read_checkpoint,
    .kind = KF_FILE_CHECKPOINT_INDEX,
    .read = read_checkpoint,
};
