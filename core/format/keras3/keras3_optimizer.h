/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS3_OPTIMIZER_H
#define KF_FORMAT_KERAS3_OPTIMIZER_H

#include "../../io/h5/h5.h"
#include "../../model/optimizer.h"

/*
 * The state of an optimizer in either HDF5 layout, in the order that its class has in the target
 * release, along the variables as the target orders them:
 *
 *   saving_lib  optimizer/vars/<i>; what stands in a LossScaleOptimizer is written a second time,
 *               below optimizer/inner_optimizer/vars, of Keras 2 optimizer/_optimizer/vars
 *   legacy      optimizer_weights/<class>/<slot>/<layer>/<variable>, of Keras 2 alone
 */

/* One variable as it is written. */
struct kf_optimizer_dataset {
    const struct kf_slot *slot;
    const struct kf_layer *layer; /* whose variable it belongs to, NULL for a scalar */
    const char *target;           /* "optimizer/vars/3" */
};

enum kf_optimizer_place { KF_OPTIMIZER_VARS, KF_OPTIMIZER_LEGACY };

/**
 * Lay the state out for the release `keras`; `out` gets the datasets in order, in the arena. A
 * model for Keras 2 was settled before, and its tensors have their `target` where the place is
 * LEGACY.
 *
 * 0 datasets when there is no state. Where the target would train other variables than the source
 * did, or needs what the source does not have, the state is given up: kf_optimizer_lose().
 *
 * Outcomes: what reading the step counter reports, BAD_GRAPH, NO_MEMORY.
 * Source: keras/src/optimizers/base_optimizer.py, load_own_variables (3.0.5, 3.15.1); 2.15
 * keras/src/saving/legacy/hdf5_format.py, load_optimizer_weights_from_hdf5_group
 */
int kf_keras3_optimizer(struct kf_optimizer_dataset **out, size_t *n_out, struct kf_model *model,
                        int keras, enum kf_optimizer_place place, struct kf_report *rep);

#endif
