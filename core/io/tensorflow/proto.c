/* SPDX-License-Identifier: Apache-2.0 */
#include "proto.h"

#define ROOM_RATIO 32
#define ROOM_FLOOR ((size_t)1 << 20)

/* What an unpacking may still take, and why it got no more. */
struct room {
    struct kf_arena *arena;
    size_t left;
    bool full, no_memory;
};

static void *take(void *opaque, size_t n)
{
    struct room *room = opaque;
    void *p;

    if (n > room->left) {
        room->full = true;
        return NULL;
    }
    room->left -= n;
    p = kf_arena_alloc(room->arena, n);
    room->no_memory |= !p;
    return p;
}

/* It goes with the arena. */
static void leave(void *opaque, void *p)
{
    (void)opaque;
    (void)p;
}

void *kf_proto_unpack(const ProtobufCMessageDescriptor *descriptor, struct kf_arena *arena,
                      const void *bytes, size_t n, const char *what, struct kf_report *rep)
{
    struct room room = {.arena = arena};
    ProtobufCAllocator allocator = {.alloc = take, .free = leave, .allocator_data = &room};
    void *message;

    if (__builtin_mul_overflow(n, ROOM_RATIO, &room.left) ||
        __builtin_add_overflow(room.left, ROOM_FLOOR, &room.left))
        room.left = SIZE_MAX;
    message = protobuf_c_message_unpack(descriptor, &allocator, n, bytes);
    if (message)
        return message;
    if (room.no_memory)
        kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    else if (room.full)
        kf_report_add(rep, KF_TOO_LARGE, "", "%s becomes too large when it is unpacked", what);
    else
        kf_report_add(rep, KF_CORRUPT, "", "%s is damaged: it is no such message", what);
    return NULL;
}
