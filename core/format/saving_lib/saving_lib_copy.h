/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_SAVING_LIB_COPY_H
#define KF_FORMAT_SAVING_LIB_COPY_H

#include "../../model/model.h"

/**
 * Give the layers of KF_COPY (saving_lib.def) the copy of a variable that saving_lib writes with
 * their own ones. Once more changes nothing.
 */
int kf_saving_lib_copies(struct kf_model *model, struct kf_report *rep);
/** The variable of the wrapped layer that a layer of KF_COPY holds as its own, or NULL. */
struct kf_tensor *kf_saving_lib_copied(const struct kf_layer *layer);

#endif
