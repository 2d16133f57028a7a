/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "../move.h"
#include "zip_private.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Members are stored, so that a tensor can be written straight to its place in the zip, which
 * libzip cannot do: it copies whole members and sums them with zlib.
 *
 * Source: PKWARE APPNOTE 6.3.10, 4.3
 */
struct member {
    const char *name;
    uint64_t header_at, data_at, size;
    uint32_t crc;
};

struct kf_zip_out {
    struct kf_arena *arena;
    char *path; /* to take the file away again */
    bool closed;
    struct kf_sink file; /* the whole of it */
    uint64_t end;
    struct member *members;
    size_t n, cap;
    struct kf_crc crc; /* of the member that is open */
};

#define LOCAL_SIGNATURE   0x04034b50
#define CENTRAL_SIGNATURE 0x02014b50
#define END64_SIGNATURE   0x06064b50
#define LOCATOR_SIGNATURE 0x07064b50
#define END_SIGNATURE     0x06054b50
#define LOCAL_BYTES       30
#define NARROW_MAX        0xffffffffu
#define COUNT_MAX         0xffffu
#define NAME_MAX_BYTES    0xffffu
#define VERSION           20
#define VERSION_ZIP64     45
#define MADE_ON_UNIX      (3u << 8)
#define NAME_IS_UTF8      (1u << 11)
#define EXTRA_ZIP64       0x0001
/* Android's zipalign fills with it; readers skip what they do not know. */
#define EXTRA_PADDING 0xd935
#define PADDING_LEAST 6u
#define ZIP64_BYTES   20u
/* Where members begin that hold tensors: a page, so that they can be mapped and cloned. */
#define PAGE 4096u
/* 1980-01-01 00:00, the first moment a zip can name, and Python's choice for streamed members. */
#define DOS_TIME 0
#define DOS_DATE ((0 << 9) | (1 << 5) | 1)
/* A regular file that its owner writes and all read, in the upper half as Unix puts it. */
#define ATTRIBUTES ((uint64_t)(S_IFREG | 0644) << 16)
#define RECORD_MAX (128 + NAME_MAX_BYTES)

/* A record in the making: little-endian fields one after another. */
struct record {
    unsigned char *bytes;
    size_t n;
};

static void put(struct record *record, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++, value >>= 8)
        record->bytes[record->n++] = (unsigned char)value;
}

static void put_bytes(struct record *record, const void *data, size_t n)
{
    memcpy(record->bytes + record->n, data, n);
    record->n += n;
}

int kf_zip_create(struct kf_zip_out **out, const char *path, struct kf_report *rep)
{
    KF_AUTO(kf_zip_out) zip = kf_alloc(sizeof(*zip));

    if (zip) {
        zip->file = KF_SINK_NONE;
        zip->arena = kf_arena_create();
    }
    if (!zip || !zip->arena || !(zip->path = kf_arena_strdup(zip->arena, path)))
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to write zip");
    KF_TRY(kf_sink_create(&zip->file, path, rep));
    *out = kf_zip_out_take(&zip);
    return 0;
}

void kf_zip_out_destroy(struct kf_zip_out *zip)
{
    if (!zip)
        return;
    if (zip->file.fd >= 0 && !zip->closed)
        unlink(zip->path);
    kf_sink_finish(&zip->file);
    kf_crc_finish(&zip->crc);
    kf_free(zip->members);
    kf_arena_destroy(zip->arena);
    kf_free(zip);
}

static unsigned flags_of(const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name >= 0x80)
            return NAME_IS_UTF8;
    return 0;
}

static bool is_wide(const struct member *member)
{
    return member->size >= NARROW_MAX;
}

/* What the local header and the directory say in the same words, from the flags on. */
static void put_common(struct record *record, const struct member *member, size_t extra)
{
    uint64_t size = kf_min(member->size, NARROW_MAX);

    put(record, flags_of(member->name), 2);
    put(record, 0, 2); /* stored */
    put(record, DOS_TIME, 2);
    put(record, DOS_DATE, 2);
    put(record, member->crc, 4);
    put(record, size, 4);
    put(record, size, 4);
    put(record, strlen(member->name), 2);
    put(record, extra, 2);
}

/* Everything in front of the member's bytes, up to data_at. */
static int write_header(struct kf_zip_out *zip, const struct member *member, struct kf_report *rep)
{
    size_t n = (size_t)(member->data_at - member->header_at);
    size_t extra = n - LOCAL_BYTES - strlen(member->name);
    size_t wide = is_wide(member) ? ZIP64_BYTES : 0;
    struct record record = {.bytes = kf_alloc(n)};
    int r;

    if (!record.bytes)
        return kf_report_add(rep, KF_NO_MEMORY, member->name, "no memory for a member");
    put(&record, LOCAL_SIGNATURE, 4);
    put(&record, wide ? VERSION_ZIP64 : VERSION, 2);
    put_common(&record, member, extra);
    put_bytes(&record, member->name, strlen(member->name));
    if (wide) {
        put(&record, EXTRA_ZIP64, 2);
        put(&record, ZIP64_BYTES - 4, 2);
        put(&record, member->size, 8);
        put(&record, member->size, 8);
    }
    if (extra > wide) {
        put(&record, EXTRA_PADDING, 2);
        put(&record, extra - wide - 4, 2);
        put(&record, PAGE, 2);
    }
    r = kf_sink_write(&zip->file, member->header_at, record.bytes, n, member->name, rep);
    kf_free(record.bytes);
    return r;
}

/* A member at the end of the zip; `room` bytes for its extra field. */
static struct member *add_member(struct kf_zip_out *zip, const char *name, size_t room,
                                 struct kf_report *rep)
{
    struct member *member = NULL;
    char *copy = kf_arena_strdup(zip->arena, name);

    if (strlen(name) > NAME_MAX_BYTES) {
        kf_report_add(rep, KF_TOO_LARGE, "", "a name of %zu bytes, where a zip has room for %u",
                      strlen(name), NAME_MAX_BYTES);
        return NULL;
    }
    if (copy && kf_grow(&zip->members, &zip->cap, zip->n + 1, sizeof(*zip->members)))
        member = &zip->members[zip->n++];
    if (!member) {
        kf_report_add(rep, KF_NO_MEMORY, name, "no memory for a member");
        return NULL;
    }
    member->name = copy;
    member->header_at = zip->end;
    member->data_at = zip->end + LOCAL_BYTES + strlen(name) + room;
    return member;
}

int kf_zip_out_text(struct kf_zip_out *zip, const char *name, const char *data, size_t n,
                    struct kf_report *rep)
{
    struct member *member = add_member(zip, name, 0, rep);

    if (!member)
        return kf_report_status(rep);
    member->size = n;
    member->crc = kf_crc32(0, data, n);
    zip->end = member->data_at + n;
    KF_TRY(write_header(zip, member, rep));
    return kf_sink_write(&zip->file, member->data_at, data, n, name, rep);
}

/* Bytes of extra field that make a member's bytes begin on a page, whatever its size becomes. */
static size_t padding(const struct kf_zip_out *zip, const char *name)
{
    size_t least = ZIP64_BYTES + PADDING_LEAST;
    uint64_t at = zip->end + LOCAL_BYTES + strlen(name) + least;

    return least + (size_t)((PAGE - at % PAGE) % PAGE);
}

int kf_zip_out_begin(struct kf_zip_out *zip, const char *name, struct kf_sink *out,
                     struct kf_report *rep)
{
    struct member *member = add_member(zip, name, padding(zip, name), rep);

    if (!member)
        return kf_report_status(rep);
    zip->end = member->data_at;
    zip->crc.n = 0;
    *out = (struct kf_sink){.fd = zip->file.fd, .base = member->data_at, .crc = &zip->crc};
    return 0;
}

int kf_zip_out_end(struct kf_zip_out *zip, struct kf_report *rep)
{
    struct member *member = &zip->members[zip->n - 1];
    struct kf_sink sink = {.fd = zip->file.fd, .base = member->data_at};
    struct kf_source written = {.fd = sink.fd, .base = sink.base, .name = ""};

    KF_TRY(kf_sink_size(&member->size, &sink, rep));
    written.size = member->size;
    KF_TRY(kf_crc_whole(&member->crc, &zip->crc, &written, rep));
    zip->end += member->size;
    return write_header(zip, member, rep);
}

int kf_zip_out_payload(struct kf_zip_out *zip, const char *name, const struct kf_payload *payload,
                       struct kf_report *rep)
{
    struct kf_mover mover = {.to = KF_SINK_NONE};
    int r = kf_zip_out_begin(zip, name, &mover.to, rep);

    if (r >= 0)
        r = kf_move(&mover, payload, 0, KF_CHECKSUM_NONE, NULL, name, rep);
    kf_mover_finish(&mover);
    return r < 0 ? r : kf_zip_out_end(zip, rep);
}

/* One entry of the directory. */
static int write_entry(struct kf_zip_out *zip, const struct member *member, unsigned char *room,
                       struct kf_report *rep)
{
    struct record record = {.bytes = room};
    bool wide = is_wide(member), far = member->header_at >= NARROW_MAX;
    size_t extra = (wide ? 16u : 0u) + (far ? 8u : 0u);

    put(&record, CENTRAL_SIGNATURE, 4);
    put(&record, MADE_ON_UNIX | (extra ? VERSION_ZIP64 : VERSION), 2);
    put(&record, extra ? VERSION_ZIP64 : VERSION, 2);
    put_common(&record, member, extra ? extra + 4 : 0);
    put(&record, 0, 6); /* no comment, first disk, binary */
    put(&record, ATTRIBUTES, 4);
    put(&record, kf_min(member->header_at, NARROW_MAX), 4);
    put_bytes(&record, member->name, strlen(member->name));
    if (extra) {
        put(&record, EXTRA_ZIP64, 2);
        put(&record, extra, 2);
    }
    if (wide) {
        put(&record, member->size, 8);
        put(&record, member->size, 8);
    }
    if (far)
        put(&record, member->header_at, 8);
    KF_TRY(kf_sink_write(&zip->file, zip->end, record.bytes, record.n, member->name, rep));
    zip->end += record.n;
    return 0;
}

/* The records behind the directory, which began at `at`. */
static int write_end(struct kf_zip_out *zip, uint64_t at, unsigned char *room,
                     struct kf_report *rep)
{
    struct record record = {.bytes = room};
    uint64_t size = zip->end - at, end = zip->end;

    if (at >= NARROW_MAX || size >= NARROW_MAX || zip->n >= COUNT_MAX) {
        put(&record, END64_SIGNATURE, 4);
        put(&record, 44, 8); /* what follows */
        put(&record, MADE_ON_UNIX | VERSION_ZIP64, 2);
        put(&record, VERSION_ZIP64, 2);
        put(&record, 0, 8); /* first disk of one */
        put(&record, zip->n, 8);
        put(&record, zip->n, 8);
        put(&record, size, 8);
        put(&record, at, 8);
        put(&record, LOCATOR_SIGNATURE, 4);
        put(&record, 0, 4);
        put(&record, end, 8);
        put(&record, 1, 4);
    }
    put(&record, END_SIGNATURE, 4);
    put(&record, 0, 4);
    put(&record, kf_min(zip->n, COUNT_MAX), 2);
    put(&record, kf_min(zip->n, COUNT_MAX), 2);
    put(&record, kf_min(size, NARROW_MAX), 4);
    put(&record, kf_min(at, NARROW_MAX), 4);
    put(&record, 0, 2);
    return kf_sink_write(&zip->file, zip->end, record.bytes, record.n, "", rep);
}

int kf_zip_out_close(struct kf_zip_out *zip, struct kf_report *rep)
{
    unsigned char *room = kf_alloc(RECORD_MAX);
    uint64_t at = zip->end;
    int r = 0;

    if (!room)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to write zip");
    for (size_t i = 0; r >= 0 && i < zip->n; i++)
        r = write_entry(zip, &zip->members[i], room, rep);
    if (r >= 0)
        r = write_end(zip, at, room, rep);
    kf_free(room);
    zip->closed = r >= 0;
    return r;
}
