/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS3_OPTIMIZER_H
#define KF_FORMAT_KERAS3_OPTIMIZER_H

#include "../io/h5.h"
#include "../model/optimizer.h"

/*
 * The state of an optimizer in saving_lib's HDF5: optimizer/vars/<i>, in the order that its class
 * has in the target release, along the variables as the target orders them. What stands in a
 * LossScaleOptimizer is written a second time, below optimizer/inner_optimizer/vars.
 */

/* One variable as it is written. */
struct kf_optimizer_dataset {
    const struct kf_slot *slot;
    const struct kf_layer *layer; /* whose variable it belongs to, NULL for a scalar */
    const char *target;           /* "optimizer/vars/3" */
};

/**
 * Lay the state out for the release `keras`; `out` gets the datasets in order, in the arena.
 *
 * 0 datasets when there is no state. Where the target would train other variables than the source
 * did, or needs what the source does not have, the state is given up: kf_optimizer_lose().
 *
 * Outcomes: what reading the step counter reports, BAD_GRAPH, NO_MEMORY.
 * Source: keras/src/optimizers/base_optimizer.py, load_own_variables (3.0.5, 3.15.1)
 */
int kf_keras3_optimizer(struct kf_optimizer_dataset **out, size_t *n_out, struct kf_model *model,
                        int keras, struct kf_report *rep);

#endif
