/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_TENSORFLOW_SSTABLE_WRITE_H
#define KF_IO_TENSORFLOW_SSTABLE_WRITE_H

#include "../../base/buf.h"
#include "crc32c.h"

/*
 * Writing a sorted table of strings (sstable.h): no compression, each key whole, one restart a
 * block. TensorFlow and LevelDB read that as they read what they wrote themselves.
 */
struct kf_sstable_writer {
    const struct kf_crc32c *crc;
    struct kf_buf *out;         /* the file so far; its ceiling holds */
    struct kf_buf block, index; /* entries of the block and of the index block on their way */
    char *last;                 /* the last key of the block, NUL-terminated; owned */
    size_t last_n;
};

/** Add an entry; keys come in their order. False when memory or a ceiling does not allow it. */
bool kf_sstable_put(struct kf_sstable_writer *writer, const char *key, size_t key_n,
                    const void *value, size_t value_n);
/** Add the blocks and the footer that end the file. */
bool kf_sstable_end(struct kf_sstable_writer *writer);
void kf_sstable_writer_finish(struct kf_sstable_writer *writer);

#endif
