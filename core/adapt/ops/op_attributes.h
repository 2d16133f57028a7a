/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_OP_ATTRIBUTES_H
#define KF_ADAPT_OP_ATTRIBUTES_H

#include <jansson.h>

/**
 * What an attribute of a NodeDef in JSON says, {"i": "2"} as 2, a dtype by its Keras name, bytes as
 * text; a list of nothing is null. A new reference, NULL for what has no such form and when memory
 * ran out.
 *
 * Source: AttrValue of tensorflow/core/framework/attr_value.proto, as json_format writes it
 */
json_t *kf_node_attribute(const json_t *attribute);

/**
 * The slice_spec of a SlicingOpLambda for the `begin`, `end` and `strides` in `bounds`, as the
 * masks of a StridedSlice read them. A new reference; NULL when they are no constants.
 *
 * Source: StridedSlice of tensorflow/core/ops/array_ops.cc
 */
json_t *kf_node_slices(const json_t *bounds, const json_t *attributes);

#endif
