/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/num.h"
#include "zip_private.h"
#include <inttypes.h>
#include <string.h>

/*
 * From the end of the file backwards:
 *
 *   end record     "PK\5\6", disks 4, entries 2 + 2, size 4, offset 4, comment's length 2, comment
 *   zip64 locator  "PK\6\7", disk 4, offset of the zip64 end record 8, disks 4
 *   zip64 end      "PK\6\6", size 8, versions 4, disks 8, entries 8 + 8, size 8, offset 8
 *   directory      entries "PK\1\2", made by 2, needs 2, flags 2, method 2, time 4, CRC 4,
 *                  stored 4, size 4, lengths of name, extra, comment 2 each, disk 2, internal 2,
 *                  external 4, offset 4, name, extra, comment
 *
 * Each must end where the next begins: tools that allow gaps see other members than we would.
 * Source: PKWARE APPNOTE 6.3.10, 4.3
 */
#define END_SIZE     22
#define COMMENT_MAX  65535
#define LOCATOR_SIZE 20
#define END64_SIZE   56
#define ENTRY_SIZE   46
#define FULL32       UINT64_C(0xffffffff)
#define ZIP64_EXTRA  0x0001

/* A zip of a model has four members and its assets. */
#define MEMBERS_MAX 100000

struct read {
    struct kf_zip_dir *dir;
    const struct kf_source *src;
    struct kf_arena *arena;
    struct kf_report *rep;
    uint64_t entries;
    uint64_t end; /* where the directory must end */
};

static int corrupt(const struct read *read, const char *what)
{
    return kf_report_add(read->rep, KF_CORRUPT, "", "the zip %s", what);
}

static bool has_sign(const unsigned char *p, const char *sign)
{
    return memcmp(p, sign, 4) == 0;
}

/* Find the end record, whose comment reaches exactly to the end of the file. */
static int find_end(struct read *read, unsigned char *end, uint64_t *at)
{
    static const size_t tail_max = END_SIZE + COMMENT_MAX;
    size_t n = (size_t)kf_min(read->src->size, tail_max);
    unsigned char *tail = kf_arena_alloc(read->arena, n + 1);

    if (!tail)
        return kf_report_add(read->rep, KF_NO_MEMORY, "", "no memory for a zip's directory");
    KF_TRY(kf_source_read(read->src, read->src->size - n, tail, n, read->rep));
    for (size_t i = END_SIZE; i <= n; i++) {
        if (has_sign(tail + n - i, "PK\5\6") && kf_zip_get(tail + n - i + 20, 2) == i - END_SIZE) {
            memcpy(end, tail + n - i, END_SIZE);
            *at = read->src->size - i;
            return 0;
        }
    }
    return corrupt(read, "is cut off or goes on behind its end");
}

static int read_end64(struct read *read, uint64_t end_at, bool *found)
{
    unsigned char p[END64_SIZE];
    uint64_t at;

    *found = false;
    if (end_at < LOCATOR_SIZE + END64_SIZE)
        return 0;
    KF_TRY(kf_source_read(read->src, end_at - LOCATOR_SIZE, p, LOCATOR_SIZE, read->rep));
    if (!has_sign(p, "PK\6\7"))
        return 0;
    at = kf_zip_get(p + 8, 8);
    if (at != end_at - LOCATOR_SIZE - END64_SIZE)
        return corrupt(read, "has its zip64 end record elsewhere than it says");
    KF_TRY(kf_source_read(read->src, at, p, END64_SIZE, read->rep));
    if (!has_sign(p, "PK\6\6"))
        return corrupt(read, "has no zip64 end record");
    *found = true;
    read->end = at;
    read->entries = kf_zip_get(p + 32, 8);
    read->dir->size = kf_zip_get(p + 40, 8);
    read->dir->at = kf_zip_get(p + 48, 8);
    return 0;
}

static int locate(struct read *read)
{
    unsigned char end[END_SIZE];
    uint64_t at = 0;
    bool wide;

    KF_TRY(find_end(read, end, &at));
    if (kf_zip_get(end + 4, 4) != 0)
        return corrupt(read, "is one of several parts");
    KF_TRY(read_end64(read, at, &wide));
    if (!wide) {
        read->end = at;
        read->entries = kf_zip_get(end + 10, 2);
        read->dir->size = kf_zip_get(end + 12, 4);
        read->dir->at = kf_zip_get(end + 16, 4);
    }
    if (read->dir->at > read->end || read->dir->size != read->end - read->dir->at)
        return corrupt(read, "has its directory elsewhere than it says");
    return 0;
}

bool kf_zip_wide(const unsigned char *extra, size_t extra_n, uint64_t **values, size_t n)
{
    size_t i = 0, at = 4;

    while (i < n && *values[i] != FULL32)
        i++;
    if (i == n)
        return true;
    while (extra_n >= 4 && kf_zip_get(extra, 2) != ZIP64_EXTRA) {
        size_t skip = 4 + (size_t)kf_zip_get(extra + 2, 2);

        if (skip > extra_n)
            return false;
        extra += skip;
        extra_n -= skip;
    }
    if (extra_n < 4 || kf_zip_get(extra + 2, 2) > extra_n - 4)
        return false;
    extra_n = 4 + (size_t)kf_zip_get(extra + 2, 2);
    for (; i < n; i++) {
        if (*values[i] != FULL32)
            continue;
        if (extra_n - at < 8)
            return false;
        *values[i] = kf_zip_get(extra + at, 8);
        at += 8;
    }
    return true;
}

/* What its maker's file system says it is: anything but a file or folder is refused. */
static bool is_special(const unsigned char *p)
{
    unsigned maker = p[5];
    unsigned type = (unsigned)kf_zip_get(p + 40, 2) & 0170000;

    return (maker == 3 || maker == 19) && type != 0 && type != 0100000 && type != 0040000;
}

static int parse_entry(struct read *read, const unsigned char *p, size_t n, size_t *used)
{
    struct kf_zip_member *member = &read->dir->members[read->dir->n];
    uint64_t *wide[] = {&member->size, &member->stored, &member->header_at};
    size_t name_n, extra_n;

    if (n < ENTRY_SIZE || !has_sign(p, "PK\1\2"))
        return corrupt(read, "has a damaged directory");
    name_n = (size_t)kf_zip_get(p + 28, 2);
    extra_n = (size_t)kf_zip_get(p + 30, 2);
    *used = ENTRY_SIZE + name_n + extra_n + (size_t)kf_zip_get(p + 32, 2);
    if (*used > n || name_n == 0 || memchr(p + ENTRY_SIZE, '\0', name_n))
        return corrupt(read, "has a damaged directory");
    member->name = kf_arena_strndup(read->arena, (const char *)p + ENTRY_SIZE, name_n);
    if (!member->name)
        return kf_report_add(read->rep, KF_NO_MEMORY, "", "no memory for a zip's directory");
    member->flags = (unsigned)kf_zip_get(p + 8, 2);
    member->method = (unsigned)kf_zip_get(p + 10, 2);
    member->crc = (uint32_t)kf_zip_get(p + 16, 4);
    member->stored = kf_zip_get(p + 20, 4);
    member->size = kf_zip_get(p + 24, 4);
    member->header_at = kf_zip_get(p + 42, 4);
    if (is_special(p))
        return kf_report_add(read->rep, KF_UNSAFE, member->name,
                             "the member is a symbolic link or a device");
    if (!kf_zip_wide(p + ENTRY_SIZE + name_n, extra_n, wide, 3))
        return corrupt(read, "has a damaged directory");
    read->dir->n++;
    return 0;
}

int kf_zip_dir_read(struct kf_zip_dir *out, const struct kf_source *src,
                    const struct kf_limits *limits, struct kf_arena *arena, struct kf_report *rep)
{
    struct read read = {.dir = out, .src = src, .arena = arena, .rep = rep};
    unsigned char *bytes;
    size_t at = 0, used = 0;

    *out = (struct kf_zip_dir){0};
    KF_TRY(locate(&read));
    if (read.entries > MEMBERS_MAX || out->size > limits->json_bytes)
        return kf_report_add(rep, KF_TOO_LARGE, "", "a zip of %" PRIu64 " members", read.entries);
    bytes = kf_arena_alloc(arena, (size_t)out->size);
    out->members = kf_arena_alloc(arena, (size_t)read.entries * sizeof(*out->members));
    if (!bytes || !out->members)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory for a zip's directory");
    KF_TRY(kf_source_read(src, out->at, bytes, (size_t)out->size, rep));
    while (out->n < read.entries) {
        KF_TRY(parse_entry(&read, bytes + at, (size_t)out->size - at, &used));
        at += used;
    }
    return at == out->size ? 0 : corrupt(&read, "has more in its directory than it says");
}
