/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_ARCHITECTURE_WRITE_H
#define KF_FORMAT_ARCHITECTURE_WRITE_H

#include "../model/model.h"

/**
 * Make what model.to_json() of a release gives: of Keras 3 the config alone, of Keras 2 with
 * keras_version and backend beside it. `out` gets a new reference.
 *
 * Outcomes: as kf_keras2_config() and kf_keras3_config().
 */
int kf_architecture_make(json_t **out, const struct kf_model *model, int keras,
                         struct kf_report *rep);

#endif
