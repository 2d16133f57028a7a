/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_OPTIMIZER_READ_H
#define KF_FORMAT_OPTIMIZER_READ_H

#include "../io/h5/h5.h"
#include "../model/optimizer.h"

/*
 * The state of an optimizer, from either HDF5 layout:
 *
 *   legacy      /optimizer_weights, attribute weight_names, a dataset each
 *   saving_lib  optimizer/vars/<i>
 *
 * Both hold a list in the optimizer's own order (optimizers.def). Where the list is not what the
 * compile config and the model ask for, the state is not taken and model->optimizer.lost says why:
 * a model is no worse for it. model->training and all tensors must be there before.
 */

/* A variable of an optimizer, as found. */
struct kf_optimizer_found {
    const char *name;
    const struct kf_payload *payload;
};

/**
 * Take `n` variables in the optimizer's own order; `named`: their names say whose they are. The
 * list stays with the caller. NO_MEMORY.
 */
int kf_optimizer_bind(struct kf_model *model, const struct kf_optimizer_found *found, size_t n,
                      bool named, struct kf_report *rep);

/** From the group `path` of a legacy .h5. CORRUPT, TOO_LARGE, NO_MEMORY. */
int kf_optimizer_read_legacy(struct kf_model *model, struct kf_h5 *h5, const char *path,
                             struct kf_report *rep);

/** From the group `path` ("/optimizer/vars") of a saving_lib file. CORRUPT, TOO_LARGE, NO_MEMORY.
 */
int kf_optimizer_read_vars(struct kf_model *model, struct kf_h5 *h5, const char *path,
                           struct kf_report *rep);

#endif
