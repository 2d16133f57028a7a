/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_CHECKPOINT_ALONE_H
#define KF_FORMAT_CHECKPOINT_ALONE_H

#include "checkpoint.h"

/**
 * Make a graph out of a checkpoint of Keras 2 that came without an architecture, and bind its
 * variables: a list of the layers that its objects are, of the classes that the names of their
 * variables say (legacy_classes.h). An object without variables may be anything that has none.
 *
 * Outcomes: ARCHITECTURE_MISSING, also where there are no layers among the objects;
 * MAPPING_AMBIGUOUS, WEIGHT_COUNT, NO_MEMORY, and what binding reports.
 */
int kf_checkpoint_alone(struct kf_checkpoint *cp, struct kf_model *model,
                        const struct kf_options *options, struct kf_report *rep);

#endif
