/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LOOSE_WRITE_H
#define KF_FORMAT_LOOSE_WRITE_H

#include "../../model/model.h"

/**
 * Name the groups of model->loose as a release of Keras does, and make the report's table of
 * tensors, a row each in writing order. What a layer's group is called follows from its class and
 * its place among the layers of that class, which both stand in the old name.
 *
 * Outcomes: MAPPING_AMBIGUOUS where the old names do not count the layers, NO_MEMORY.
 * Source: saving_lib.def
 */
int kf_loose_plan(struct kf_model *model, int keras, const struct kf_options *options,
                  struct kf_report *rep);

/** Write them as the HDF5 file `path`; fills in the checksums. WRITE_FAILED, NO_MEMORY. */
int kf_loose_write(const char *path, struct kf_model *model, const struct kf_options *options,
                   struct kf_report *rep);

#endif
