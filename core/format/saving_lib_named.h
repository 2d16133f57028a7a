/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_SAVING_LIB_NAMED_H
#define KF_FORMAT_SAVING_LIB_NAMED_H

#include "../model/model.h"

/** Name the tensors that saving_lib does not number, and add those it writes twice. NO_MEMORY. */
int kf_saving_lib_named(struct kf_model *model, struct kf_report *rep);

#endif
