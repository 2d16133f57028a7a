/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS2_SETTLE_H
#define KF_FORMAT_KERAS2_SETTLE_H

#include "../../model/model.h"

/**
 * Put the layers of every functional graph in the order that Keras 2 gives model.layers when it
 * has rebuilt the model. Its config, its legacy weights and its containers are all in that order,
 * so writers can take the layers as they stand. Refs are counted anew.
 *
 * Outcomes: BAD_GRAPH, NO_MEMORY.
 */
int kf_keras2_settle(struct kf_model *model, int keras, struct kf_report *rep);

#endif
