/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_COMPILE_READ_H
#define KF_FORMAT_COMPILE_READ_H

#include "../model/optimizer.h"

/**
 * Take a compile config as it stands in a file: training_config of a legacy .h5, compile_config of
 * a .keras. `config` is a new reference that goes to model->training; see model/optimizer.h for
 * what it looks like then. An optimizer that is only named becomes the object that it names.
 *
 * Outcomes: NO_MEMORY.
 */
int kf_compile_take(struct kf_model *model, json_t *config, struct kf_report *rep);

#endif
