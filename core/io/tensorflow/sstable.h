/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_SSTABLE_H
#define KF_IO_SSTABLE_H

#include "../source.h"
#include "crc32c.h"

/*
 * A sorted table of strings, as LevelDB and TensorFlow's checkpoints have it:
 *
 *   block *        entries {varint shared, unshared, size of value; the rest of the key; value},
 *                  offsets of restarts and their number as 32 bits each; then a byte for the
 *                  compression (0 none, 1 snappy) and a masked CRC-32C of the block and that byte
 *   index block    one entry a block: where it stands; keys are separators, of no use
 *   footer         48 bytes: where an empty block and the index block stand, zeros, the magic
 *
 * Source: tensorflow/tsl/lib/io/format.cc, block.cc, table_builder.cc (2.15)
 */
#define KF_SSTABLE_FOOTER 48

/* One entry. The key ends in a NUL that is not counted; both last as long as the call. */
struct kf_sstable_entry {
    const char *key;
    size_t key_n;
    const unsigned char *value;
    size_t value_n;
};

/**
 * Call `visit` with every entry, in their order; it stops below 0.
 *
 * Limits:   keys of 8 KiB, 256 MiB of them in all; a block of 64 MiB; blocks that fill no more than
 *           the file.
 * Outcomes: CORRUPT, TOO_LARGE, NO_MEMORY, or what `visit` returns below 0.
 */
int kf_sstable_each(const struct kf_source *src, const struct kf_crc32c *crc,
                    int (*visit)(const struct kf_sstable_entry *entry, void *context),
                    void *context, struct kf_report *rep);

#endif
