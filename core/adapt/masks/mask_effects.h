/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_MASK_EFFECTS_H
#define KF_ADAPT_MASK_EFFECTS_H

#include "../../model/model.h"

/* What a class of Keras 2 does with masks: the words of masks.def. */
enum kf_mask_effect {
    LOSE,
    SOURCE_EMBEDDING,
    SOURCE_MASKING,
    PASS,
    TAKE,
    SEQUENCE,
    END,
    QUERY,
    MERGE,
    CONCAT,
    LEAK
};

/** What a layer does with masks, by its class; `rep` notes the row, NULL where it is not to. */
enum kf_mask_effect kf_mask_effect(const struct kf_layer *layer, struct kf_report *rep);

#endif
