/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_FLOW_SHAPES_H
#define KF_ADAPT_FLOW_SHAPES_H

#include "../../model/model.h"

/* Tensors of one call that are looked at. */
#define KF_FLOW_INPUTS 16

/* A shape with its batch; an axis below 0 is not known. Rank 0: nothing is known. */
struct kf_shape {
    size_t rank;
    json_int_t dims[KF_RANK_MAX];
};

/** What a layer gives for these inputs, by flow.def; `n` is 0 for an InputLayer. */
void kf_shape_after(const struct kf_layer *layer, const struct kf_shape *const *inputs, size_t n,
                    struct kf_shape *out);

/** An axis, from the end where it is negative; -1 when it is not known. */
json_int_t kf_shape_axis(const struct kf_shape *shape, json_int_t axis);

/** Number `index` of a config's list, or the config's only number; 0 where there is none. */
json_int_t kf_shape_number(const json_t *config, const char *key, size_t index);

/** Whether channels stand in front of the spatial axes. */
bool kf_shape_first(const struct kf_layer *layer);

#endif
