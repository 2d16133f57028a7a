/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_PROTO_WRITE_H
#define KF_IO_PROTO_WRITE_H

#include "../base/buf.h"
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

/*
 * Messages of protocol buffers that are framed by hand, so that a weight goes from the source to
 * the file in pieces: what stands before a message is its length, and that is known beforehand.
 */

/** A varint: seven bits a byte, the low ones first; how many bytes. */
size_t kf_proto_varint(uint8_t out[10], uint64_t value);
/** The tag of field `number` and the length of what follows; how many bytes. */
size_t kf_proto_head(uint8_t out[20], unsigned number, uint64_t length);

/** Field `number` with `n` bytes in it. False when memory or the ceiling does not allow it. */
bool kf_proto_put(struct kf_buf *buf, unsigned number, const void *bytes, size_t n);
/** A field that is a message. */
bool kf_proto_put_message(struct kf_buf *buf, unsigned number, const ProtobufCMessage *message);
/** The fields of a message by themselves. */
bool kf_proto_pack(struct kf_buf *buf, const ProtobufCMessage *message);

#endif
