/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor_bundle_write.h"
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "../checksum.h"
#include "../proto_write.h"
#include "sstable_write.h"
#include "tensor_bundle.h"
#include <kf/progress.h>
#include <string.h>

#define PIECE ((size_t)1 << 18)

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

int kf_bundle_size(uint64_t *out, const struct kf_bundle_tensor *tensors, size_t n,
                   struct kf_report *rep)
{
    *out = 0;
    for (size_t i = 0; i < n; i++)
        if (!kf_add(*out, kf_payload_bytes(tensors[i].payload), out) || *out > INT64_MAX)
            return kf_report_add(rep, KF_TOO_LARGE, "", "the weights have no size");
    return 0;
}

/* A shard on its way out. */
struct shard {
    const struct kf_sink *out;
    uint64_t at; /* bytes written */
    enum kf_checksum_kind checksum;
    struct kf_crc32c crc;
    char *piece;
    struct kf_report *rep;
};

static int write_piece(struct shard *shard, const struct kf_bundle_tensor *tensor, size_t n)
{
    KF_TRY(kf_sink_write(shard->out, shard->at, shard->piece, n, tensor->key, shard->rep));
    if (shard->out->crc)
        kf_crc_note(shard->out->crc, shard->at, n, kf_crc32(0, shard->piece, n));
    shard->at += n;
    kf_progress_bytes(shard->rep, n);
    return 0;
}

static int write_tensor(struct shard *shard, struct kf_bundle_tensor *tensor)
{
    uint64_t end = kf_payload_bytes(tensor->payload);
    struct kf_hasher hasher;

    kf_hasher_init(&hasher, shard->checksum);
    tensor->crc = 0;
    for (uint64_t at = 0; at < end; at += PIECE) {
        size_t n = (size_t)kf_min(end - at, PIECE);

        KF_TRY(tensor->payload->pull(tensor->payload, at, shard->piece, n, shard->rep));
        kf_hasher_update(&hasher, shard->piece, n);
        tensor->crc = kf_crc32c(&shard->crc, tensor->crc, shard->piece, n);
        KF_TRY(write_piece(shard, tensor, n));
    }
    kf_hasher_finish(&hasher, &tensor->sum);
    kf_progress_tensor(shard->rep);
    return 0;
}

int kf_bundle_write(const struct kf_sink *out, struct kf_bundle_tensor *tensors, size_t n,
                    enum kf_checksum_kind checksum, struct kf_report *rep)
{
    struct shard shard = {.out = out, .checksum = checksum, .piece = kf_alloc(PIECE), .rep = rep};
    int r = shard.piece ? 0 : no_memory(rep);

    kf_crc32c_init(&shard.crc);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = write_tensor(&shard, &tensors[i]);
    kf_free(shard.piece);
    return r;
}

static bool put(struct kf_sstable_writer *writer, const char *key, const ProtobufCMessage *message)
{
    uint8_t value[512];
    size_t n = protobuf_c_message_get_packed_size(message);

    if (n > sizeof(value))
        return false;
    protobuf_c_message_pack(message, value);
    return kf_sstable_put(writer, key, strlen(key), value, n);
}

static bool put_tensor(struct kf_sstable_writer *writer, const struct kf_bundle_tensor *tensor,
                       uint64_t offset)
{
    const struct kf_payload *payload = tensor->payload;
    Kf__Tf__BundleEntry entry = KF__TF__BUNDLE_ENTRY__INIT;
    Kf__Tf__Shape shape = KF__TF__SHAPE__INIT;
    Kf__Tf__Shape__Dim dims[KF_RANK_MAX], *list[KF_RANK_MAX];

    for (unsigned i = 0; i < payload->rank; i++) {
        kf__tf__shape__dim__init(&dims[i]);
        dims[i].size = (int64_t)payload->dims[i];
        list[i] = &dims[i];
    }
    shape.dim = list;
    shape.n_dim = payload->rank;
    entry.dtype = kf_tensorflow_dtype(payload->dtype);
    entry.shape = &shape;
    entry.offset = (int64_t)offset;
    entry.size = (int64_t)kf_payload_bytes(payload);
    entry.crc32c = kf_crc32c_mask(tensor->crc);
    return put(writer, tensor->key, &entry.base);
}

int kf_bundle_index(struct kf_buf *out, const struct kf_bundle_tensor *tensors, size_t n,
                    struct kf_report *rep)
{
    Kf__Tf__BundleHeader header = KF__TF__BUNDLE_HEADER__INIT;
    struct kf_crc32c crc;
    struct kf_sstable_writer writer = {.crc = &crc, .out = out};
    uint64_t offset = 0;
    bool good;

    kf_crc32c_init(&crc);
    header.num_shards = 1;
    good = put(&writer, "", &header.base);
    for (size_t i = 0; good && i < n; i++) {
        good = put_tensor(&writer, &tensors[i], offset);
        offset += kf_payload_bytes(tensors[i].payload);
    }
    good = good && kf_sstable_end(&writer);
    kf_sstable_writer_finish(&writer);
    return good ? 0 : no_memory(rep);
}
