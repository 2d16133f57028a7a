/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_CRC32C_H
#define KF_IO_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (Castagnoli), eight bytes at a time, by the processor's instruction where it has one;
 * filled by kf_crc32c_init().
 */
struct kf_crc32c {
    bool instruction;
    uint32_t table[8][256];
};

void kf_crc32c_init(struct kf_crc32c *crc);
/** Go on from `from`, 0 at the beginning. */
uint32_t kf_crc32c(const struct kf_crc32c *crc, uint32_t from, const void *data, size_t n);

/**
 * A checksum as TensorFlow stores it: beside the bytes that it is of, it must not look like them.
 * Source: tensorflow/core/lib/hash/crc32c.h, Mask
 */
uint32_t kf_crc32c_mask(uint32_t crc);

#endif
