/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_CONVERT_LOADS_H
#define KF_CONVERT_LOADS_H

#include "../model/model.h"

/**
 * Which releases load the file as it is, and why not: [{"keras": "3.0-3.15", "loads": "no",
 * "reason": "..."}, ...]; a new reference, NULL when memory ran out. `model` may be NULL.
 */
json_t *kf_loads_json(struct kf_model *model, const struct kf_report *rep);

#endif
