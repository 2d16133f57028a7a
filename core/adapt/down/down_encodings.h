/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_DOWN_ENCODINGS_H
#define KF_ADAPT_DOWN_ENCODINGS_H

#include "down_ops.h"

/** Whether a layer encodes a tensor of more axes than Keras 2 does. */
bool kf_down_encodes_more(const struct kf_layer *layer, const struct kf_shape *in);

/** Refuse what layers that encode do not take in Keras 2. */
void kf_down_check_encoding(struct kf_down_ops *ops, const struct kf_layer *layer,
                            const struct kf_shape *in, enum kf_dtype dtype);

#endif
