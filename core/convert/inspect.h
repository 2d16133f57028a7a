/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_CONVERT_INSPECT_H
#define KF_CONVERT_INSPECT_H

#include "../model/model.h"

/** What kf_inspect() tells of a model, NULL for a file that is none; a new reference. */
json_t *kf_inspect_facts(struct kf_model *model, const struct kf_options *options,
                         struct kf_report *rep);

#endif
