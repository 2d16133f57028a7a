/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_SLICE_KEY_H
#define KF_IO_SLICE_KEY_H

#include "../../base/buf.h"
#include <tensor_bundle.pb-c.h>

/**
 * Append the key that a slice of the tensor called `text` has in a bundle: keys of slices sort as
 * what they say. False when memory or the ceiling of `key` does not allow it.
 *
 * Source: tensorflow/core/lib/strings/ordered_code.cc,
 * tensorflow/core/util/saved_tensor_slice_util.cc, EncodeTensorNameSlice (2.15)
 */
bool kf_bundle_slice_key(struct kf_buf *key, const char *text, size_t n,
                         const Kf__Tf__Slice *slice);

#endif
