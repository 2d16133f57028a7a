/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_BLOCKS_H
#define KF_ONNX_BLOCKS_H

#include "../base/arena.h"
#include "../model/tensor.h"

#define KF_ONNX_BLOCKS_MAX 4

/* How the gates of a recurrent weight stand, and what the result looks like. */
struct kf_onnx_blocks {
    unsigned n, order[KF_ONNX_BLOCKS_MAX]; /* block i of the result is block order[i]; n may be 1 */
    unsigned rank;
    uint64_t dims[3]; /* elements; what is more than the payload has is filled with zeros */
};

/**
 * The payload cut in `n` equal parts, put in another order. NULL when memory ran out, or when it
 * cannot be cut so (then `*fits` is false).
 */
const struct kf_payload *kf_onnx_put_blocks(struct kf_arena *arena,
                                            const struct kf_payload *payload,
                                            const struct kf_onnx_blocks *blocks, bool *fits);

#endif
