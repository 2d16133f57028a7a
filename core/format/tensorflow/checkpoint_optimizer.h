/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_CHECKPOINT_OPTIMIZER_H
#define KF_FORMAT_CHECKPOINT_OPTIMIZER_H

#include "checkpoint.h"

/**
 * The node of the optimizer of the model at node `root`, whose variables were bound: its own, else
 * the one that stands beside it, as in tf.train.Checkpoint(model=..., optimizer=...). Where there
 * are several, or it is not the `only_model`, their slots must say whose they are.
 *
 * Returns -1 for none, and where that is not said: then model->optimizer.lost has it.
 */
int kf_checkpoint_optimizer_of(const struct kf_checkpoint *cp, struct kf_model *model, int root,
                               bool only_model);

/**
 * Take what the optimizer at `node` kept, after all variables were bound; nothing below 0.
 *
 *   up to 2.10, and legacy   iter and momentum_cache below the optimizer; all else in its node's
 *                            slot_variables, which say whose they are (checkpoint_slots.def)
 *   from 2.11 on             _iterations, _variables/1, 2, ... in the optimizer's own order
 *
 * What does not fit is left, as optimizer_read.h has it. CORRUPT, NO_MEMORY.
 *
 * Source: keras/src/optimizers/optimizer.py, legacy/optimizer_v2.py (2.15)
 */
int kf_checkpoint_optimizer(struct kf_checkpoint *cp, struct kf_model *model, int node,
                            struct kf_report *rep);

#endif
