/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_TENSORFLOW_TENSOR_BUNDLE_WRITE_H
#define KF_IO_TENSORFLOW_TENSOR_BUNDLE_WRITE_H

#include "../../base/buf.h"
#include "../../model/tensor.h"
#include "../sink.h"

/* A tensor of a bundle (tensor_bundle.h) that is written. */
struct kf_bundle_tensor {
    const char *key;
    const struct kf_payload *payload;
    struct kf_checksum sum; /* out: of its bytes */
    uint32_t crc;           /* out: CRC-32C */
};

/** The bytes of all of them: the size of the shard. TOO_LARGE. */
int kf_bundle_size(uint64_t *out, const struct kf_bundle_tensor *tensors, size_t n,
                   struct kf_report *rep);

/**
 * Write the shard to `out`: the bytes of one tensor after the other, pulled in pieces, which
 * progress is told of. What pulling reports, WRITE_FAILED, NO_MEMORY.
 */
int kf_bundle_write(const struct kf_sink *out, struct kf_bundle_tensor *tensors, size_t n,
                    enum kf_checksum_kind checksum, struct kf_report *rep);

/** The index of a shard that was written: tensors sorted by key, each key once. NO_MEMORY. */
int kf_bundle_index(struct kf_buf *out, const struct kf_bundle_tensor *tensors, size_t n,
                    struct kf_report *rep);

#endif
