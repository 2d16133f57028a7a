/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LEGACY_LOOSE_H
#define KF_FORMAT_LEGACY_LOOSE_H

#include "legacy_match.h"

/**
 * Take legacy weights under their names, whatever layers they are of: fills model->loose, a group
 * for each of the file's, in its order. "dense_1/kernel:0" becomes "dense_1/kernel".
 *
 * Outcomes: WEIGHTS_MISSING, CORRUPT, NO_MEMORY.
 */
int kf_legacy_loose(struct kf_model *model, struct kf_h5 *h5, const struct kf_legacy_group *groups,
                    size_t n, struct kf_report *rep);

#endif
