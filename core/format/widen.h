/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_WIDEN_H
#define KF_FORMAT_WIDEN_H

#include "../model/model.h"

/**
 * Write all bfloat16 of a model's variables, and of their slots, as the same values in float32:
 * h5py writes it as bytes without a type, which no Keras loads again from a legacy .h5, and Keras 2
 * from no file. The variables become what they are when float32 is assigned to them.
 *
 * Outcomes: 0, NO_MEMORY.
 * Source: keras/src/saving/legacy/hdf5_format.py, save_subset_weights_to_hdf5_group, and
 * keras/src/saving/saving_lib.py, H5IOStore (2.15.0)
 */
int kf_widen_bfloat16(struct kf_model *model, struct kf_report *rep);

#endif
