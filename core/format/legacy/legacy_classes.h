/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LEGACY_CLASSES_H
#define KF_FORMAT_LEGACY_CLASSES_H

#include "../../io/h5/h5.h"
#include "../../model/model.h"
#include "legacy_match.h"

/**
 * Make a graph out of legacy weights that came without an architecture (legacy_weights.h): a list
 * of layers of the classes that their names say, as Keras names what the user does not. It says
 * which variables there are and in which order, not what is computed: model->made_up.
 *
 * Where a name says nothing, `guess` takes the class that the variables are likely of, and lists
 * it. A model used as a layer, and what a TimeDistributed holds, are in no name.
 *
 * Outcomes: ARCHITECTURE_MISSING, MAPPING_AMBIGUOUS, WEIGHT_COUNT, NO_MEMORY.
 * Source: keras/src/engine/base_layer.py _init_set_name, keras/src/utils/generic_utils.py
 * to_snake_case (2.15)
 */
int kf_legacy_classes(struct kf_model *model, struct kf_h5 *h5, const char *root,
                      const struct kf_options *options, struct kf_report *rep);

/** The same of groups that know the axes of their weights. */
int kf_legacy_classes_of(struct kf_model *model, const struct kf_legacy_group *groups, size_t n,
                         const struct kf_options *options, struct kf_report *rep);

/** True when the names of all groups that have weights say the class of their layer. */
bool kf_legacy_classes_told(struct kf_model *model, const struct kf_legacy_group *groups, size_t n);

#endif
