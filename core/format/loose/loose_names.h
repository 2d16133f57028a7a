/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LOOSE_NAMES_H
#define KF_FORMAT_LOOSE_NAMES_H

#include "../../model/model.h"

/** Bytes of a member's name that are its class: 5 of "dense_1", whose number is 1. */
size_t kf_loose_class(const char *name, unsigned long *number_out);

/** Set `target` of all groups for a release. MAPPING_AMBIGUOUS, NO_MEMORY. */
int kf_loose_names(struct kf_model *model, int keras, const struct kf_options *options,
                   struct kf_report *rep);

#endif
