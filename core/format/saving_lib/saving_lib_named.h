/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_SAVING_LIB_NAMED_H
#define KF_FORMAT_SAVING_LIB_NAMED_H

#include "../../model/model.h"

/** Name the tensors that saving_lib does not number, and add those it writes twice. NO_MEMORY. */
int kf_saving_lib_named(struct kf_model *model, struct kf_report *rep);

/** True when the layer's tensor has a name there: it is none of Keras 3's layer.weights. */
bool kf_saving_lib_names(const struct kf_layer *layer);

/** Attribute of the part below which a class has its variables a second time; NULL for others. */
const char *kf_saving_lib_again(const char *class_name);

#endif
