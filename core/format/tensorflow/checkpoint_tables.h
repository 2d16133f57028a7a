/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_CHECKPOINT_TABLES_H
#define KF_FORMAT_CHECKPOINT_TABLES_H

#include "checkpoint.h"

/**
 * Put the vocabulary of a lookup layer, whose object is `node`, into its config, where its table is
 * saved with the variables: TensorFlow 2.3-2.6 did so. Does nothing for other layers and tables.
 *
 * Outcomes: WEIGHTS_MISSING, CORRUPT, TOO_LARGE, NO_MEMORY.
 * Source: keras/layers/preprocessing/index_lookup.py, table_utils.py (2.4);
 * tensorflow/python/ops/lookup_ops.py, MutableHashTable._Saveable
 */
int kf_checkpoint_vocabulary(struct kf_checkpoint *cp, struct kf_layer *layer, int node,
                             struct kf_report *rep);

#endif
