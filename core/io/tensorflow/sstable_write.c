/* SPDX-License-Identifier: Apache-2.0 */
#include "sstable_write.h"
#include "../../base/alloc.h"
#include "../proto_write.h"
#include "sstable.h"
#include <string.h>

/* A block ends when it has so many bytes. */
#define BLOCK ((size_t)4096)

static const unsigned char magic[8] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};

static void put32(unsigned char out[4], uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static bool add_varint(struct kf_buf *buf, uint64_t value)
{
    uint8_t bytes[10];

    return kf_buf_add(buf, bytes, kf_proto_varint(bytes, value));
}

static bool add_entry(struct kf_buf *block, const char *key, size_t key_n, const void *value,
                      size_t value_n)
{
    return add_varint(block, 0) && add_varint(block, key_n) && add_varint(block, value_n) &&
           kf_buf_add(block, key, key_n) && kf_buf_add(block, value, value_n);
}

/* Where a block stands: varints of its offset and of its size. */
static size_t put_handle(uint8_t out[20], uint64_t offset, uint64_t size)
{
    size_t n = kf_proto_varint(out, offset);

    return n + kf_proto_varint(out + n, size);
}

/* The block with its one restart, at its beginning, and what stands behind it; then it is empty. */
static bool end_block(struct kf_sstable_writer *writer, struct kf_buf *block, uint8_t handle[20],
                      size_t *handle_n)
{
    unsigned char restarts[8] = {0, 0, 0, 0, 1, 0, 0, 0}, trailer[5] = {0};
    uint32_t crc;

    if (!kf_buf_add(block, restarts, sizeof(restarts)))
        return false;
    crc = kf_crc32c(writer->crc, 0, block->data, block->n);
    crc = kf_crc32c(writer->crc, crc, trailer, 1);
    put32(trailer + 1, kf_crc32c_mask(crc));
    *handle_n = put_handle(handle, writer->out->n, block->n);
    if (!kf_buf_add(writer->out, block->data, block->n) ||
        !kf_buf_add(writer->out, trailer, sizeof(trailer)))
        return false;
    block->n = 0;
    return true;
}

static bool end_data(struct kf_sstable_writer *writer)
{
    uint8_t handle[20];
    size_t n;

    return writer->block.n == 0 ||
           (end_block(writer, &writer->block, handle, &n) &&
            add_entry(&writer->index, writer->last, writer->last_n, handle, n));
}

bool kf_sstable_put(struct kf_sstable_writer *writer, const char *key, size_t key_n,
                    const void *value, size_t value_n)
{
    char *last = kf_realloc(writer->last, key_n + 1);

    if (!last)
        return false;
    memcpy(last, key, key_n);
    last[key_n] = '\0';
    writer->last = last;
    writer->last_n = key_n;
    writer->block.max = writer->index.max = writer->out->max;
    return add_entry(&writer->block, key, key_n, value, value_n) &&
           (writer->block.n < BLOCK || end_data(writer));
}

bool kf_sstable_end(struct kf_sstable_writer *writer)
{
    struct kf_buf empty = {.max = 64};
    uint8_t footer[KF_SSTABLE_FOOTER] = {0}, index[20];
    size_t n, n_index;
    bool good;

    good = end_data(writer) && end_block(writer, &empty, footer, &n) &&
           end_block(writer, &writer->index, index, &n_index);
    kf_buf_finish(&empty);
    if (!good)
        return false;
    memcpy(footer + n, index, n_index);
    memcpy(footer + sizeof(footer) - sizeof(magic), magic, sizeof(magic));
    return kf_buf_add(writer->out, footer, sizeof(footer));
}

void kf_sstable_writer_finish(struct kf_sstable_writer *writer)
{
    kf_buf_finish(&writer->block);
    kf_buf_finish(&writer->index);
    kf_free(writer->last);
}
