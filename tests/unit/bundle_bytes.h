/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BUNDLE_BYTES_H
#define KF_BUNDLE_BYTES_H

/* Bytes of checkpoints, as TensorFlow lays them out, for tests that bend them. */
#include "core/base/buf.h"
#include "core/io/tensorflow/crc32c.h"
#include <stdlib.h>

static inline void put(struct kf_buf *out, const void *bytes, size_t n)
{
    if (!kf_buf_add(out, bytes, n))
        abort();
}

static inline void put_varint(struct kf_buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put(out, (unsigned char[]){(unsigned char)(value | 0x80)}, 1);
    put(out, (unsigned char[]){(unsigned char)value}, 1);
}

static inline void put_fixed(struct kf_buf *out, uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        put(out, (unsigned char[]){(unsigned char)(value >> (8 * i))}, 1);
}

static inline uint32_t masked(const void *bytes, size_t n)
{
    struct kf_crc32c crc;

    kf_crc32c_init(&crc);
    return kf_crc32c_mask(kf_crc32c(&crc, 0, bytes, n));
}

/* One entry of a block, with the first `shared` bytes of its key left out. */
static inline void put_entry(struct kf_buf *block, size_t shared, const void *key, size_t n,
                             const struct kf_buf *value)
{
    put_varint(block, shared);
    put_varint(block, n - shared);
    put_varint(block, value->n);
    put(block, (const char *)key + shared, n - shared);
    put(block, value->data, value->n);
}

/* A block with its end; `handle` gets where it stands. */
static inline void put_block(struct kf_buf *file, const struct kf_buf *block, int compression,
                             struct kf_buf *handle)
{
    size_t at = file->n;

    put(file, block->data, block->n);
    put(file, (unsigned char[]){(unsigned char)compression}, 1);
    put_varint(handle, at);
    put_varint(handle, block->n);
    put_fixed(file, masked(file->data + at, block->n + 1), 4);
}

static inline void end_block(struct kf_buf *block)
{
    put_fixed(block, 0, 4);
    put_fixed(block, 1, 4);
}

/* A table of `n` blocks, which are finished; the index, and the end. */
static inline void put_table(struct kf_buf *file, struct kf_buf *const *blocks, const int *how,
                             size_t n)
{
    struct kf_buf index = {.max = 65536}, handles = {.max = 64}, empty = {.max = 8};

    for (size_t i = 0; i < n; i++) {
        struct kf_buf handle = {.max = 32};

        put_block(file, blocks[i], how[i], &handle);
        put_entry(&index, 0, "m", 1, &handle);
        kf_buf_finish(&handle);
    }
    end_block(&empty);
    put_block(file, &empty, 0, &handles);
    end_block(&index);
    put_block(file, &index, 0, &handles);
    put(file, handles.data, handles.n);
    for (size_t i = handles.n; i < 40; i++)
        put(file, "", 1);
    put(file, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
    kf_buf_finish(&index);
    kf_buf_finish(&handles);
    kf_buf_finish(&empty);
}

/* The fields of a BundleEntryProto; dims of `rank` axes. */
struct entry_fields {
    int dtype;
    size_t rank;
    const unsigned char *dims; /* each under 128 */
    unsigned shard, offset, size;
    uint32_t crc;
};

static inline void put_fields(struct kf_buf *out, const struct entry_fields *e)
{
    put(out, (unsigned char[]){0x08, (unsigned char)e->dtype, 0x12, (unsigned char)(4 * e->rank)},
        4);
    for (size_t i = 0; i < e->rank; i++)
        put(out, (unsigned char[]){0x12, 2, 0x08, e->dims[i]}, 4);
    put(out, "\x18", 1);
    put_varint(out, e->shard);
    put(out, "\x20", 1);
    put_varint(out, e->offset);
    put(out, "\x28", 1);
    put_varint(out, e->size);
    put(out, "\x35", 1);
    put_fixed(out, e->crc, 4);
}

/* The header: so many data files, of that byte order. */
static inline void put_header(struct kf_buf *block, int shards, int endianness)
{
    struct kf_buf value = {.max = 16};

    put(&value, (unsigned char[]){0x08, (unsigned char)shards, 0x10, (unsigned char)endianness}, 4);
    put_entry(block, 0, "", 0, &value);
    kf_buf_finish(&value);
}

#endif
