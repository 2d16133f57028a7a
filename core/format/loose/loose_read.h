/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LOOSE_READ_H
#define KF_FORMAT_LOOSE_READ_H

#include "../../io/h5/h5.h"
#include "../../model/model.h"

/**
 * Take the weights of a saving_lib file (saving_lib_read.h) as its groups have them, for a model
 * whose architecture was not given: fills model->loose. Training state is left out.
 *
 * Sets model->dialect to what the groups are certainly of, else to Keras 2 and model->unsure; and
 * model->keras to 3.6.0 where only that or a later release writes such a file.
 *
 * Outcomes: CORRUPT, TOO_LARGE, NO_MEMORY.
 */
int kf_loose_read(struct kf_model *model, struct kf_h5 *h5, struct kf_report *rep);

#endif
