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
    TIME,
    SEQUENCE,
    END,
    QUERY,
    NAMED,
    MERGE,
    CONCAT,
    LEAK
};

/** What a layer does with masks, by its class; `rep` notes the row, NULL where it is not to. */
enum kf_mask_effect kf_mask_effect(const struct kf_layer *layer, struct kf_report *rep);

/** Whether a recurrent layer, or a wrapper of one, gives a sequence, whose steps the mask is of. */
bool kf_mask_is_sequence(const struct kf_layer *layer);

/** Whether a layer makes masks, or one in it does. */
bool kf_mask_made_by(const struct kf_layer *layer);

/** The same of any layer of a graph. */
bool kf_mask_made_in(const struct kf_graph *graph);

#endif
