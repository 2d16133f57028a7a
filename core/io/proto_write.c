/* SPDX-License-Identifier: Apache-2.0 */
#include "proto_write.h"
#include "../base/alloc.h"

size_t kf_proto_varint(uint8_t out[10], uint64_t value)
{
    size_t n = 0;

    do {
        out[n] = (uint8_t)(value & 0x7f);
        value >>= 7;
        out[n] |= value ? 0x80 : 0;
        n++;
    } while (value);
    return n;
}

size_t kf_proto_head(uint8_t out[20], unsigned number, uint64_t length)
{
    size_t n = kf_proto_varint(out, (uint64_t)number << 3 | 2);

    return n + kf_proto_varint(out + n, length);
}

bool kf_proto_put(struct kf_buf *buf, unsigned number, const void *bytes, size_t n)
{
    uint8_t head[20];

    return kf_buf_add(buf, head, kf_proto_head(head, number, n)) && kf_buf_add(buf, bytes, n);
}

/* The bytes of a message, behind its head when `framed`. */
static bool add(struct kf_buf *buf, const ProtobufCMessage *message, bool framed, unsigned number)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = kf_alloc(n + 1);
    bool added = bytes != NULL;

    if (bytes) {
        protobuf_c_message_pack(message, bytes);
        added = framed ? kf_proto_put(buf, number, bytes, n) : kf_buf_add(buf, bytes, n);
    }
    kf_free(bytes);
    return added;
}

bool kf_proto_put_message(struct kf_buf *buf, unsigned number, const ProtobufCMessage *message)
{
    return add(buf, message, true, number);
}

bool kf_proto_pack(struct kf_buf *buf, const ProtobufCMessage *message)
{
    return add(buf, message, false, 0);
}
