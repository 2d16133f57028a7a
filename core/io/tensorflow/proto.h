/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_PROTO_H
#define KF_IO_PROTO_H

#include "../../base/arena.h"
#include <kf/report.h>
#include <protobuf-c/protobuf-c.h>

/**
 * Unpack a message of protocol buffers into the arena, where it stays: nothing frees it by itself.
 *
 * A message of few bytes may become many: it gets 32 bytes of memory for each of its own, and 1
 * MiB. `what` is the message's name for people.
 *
 * Outcomes: NULL with CORRUPT, TOO_LARGE or NO_MEMORY.
 */
void *kf_proto_unpack(const ProtobufCMessageDescriptor *descriptor, struct kf_arena *arena,
                      const void *bytes, size_t n, const char *what, struct kf_report *rep);

#endif
