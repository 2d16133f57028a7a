/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_SAVED_MODEL_MEND_H
#define KF_FORMAT_SAVED_MODEL_MEND_H

#include "../../base/buf.h"
#include <kf/report.h>

/**
 * Append a saved_model.pb without the slot variables of its objects to `out`; all other bytes stay
 * as they are. `*gone` is how many there were.
 *
 * TensorFlow up to 2.15 restores an optimizer of tf.keras up to 2.10 as one; from 2.16 on it makes
 * a bare object of it, which has no add_slot(), and loads nothing.
 *
 * Outcomes: -KF_CORRUPT, -KF_NO_MEMORY; neither is reported.
 * Source: tensorflow/python/saved_model/load.py, _load_nodes, _add_object_graph_edges (2.15)
 */
int kf_saved_model_mend(const void *bytes, size_t n, struct kf_buf *out, size_t *gone);

#endif
