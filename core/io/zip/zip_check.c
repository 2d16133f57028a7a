/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/num.h"
#include "../../base/str.h"
#include "zip_private.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*   local header  "PK\3\4", needs 2, flags 2, method 2, time 4, CRC 4, stored 4, size 4, lengths of
 *                 name and extra 2 each, name, extra; then the member's bytes */
#define LOCAL_SIZE   30
#define ENCRYPTED    0x0041 /* flags: encrypted, strongly encrypted */
#define DESCRIPTOR   0x0008 /* flag: CRC and sizes stand behind the bytes, and here may be 0 */
#define METHOD_AES   99
#define METHOD_STORE 0

/* Keras' own thresholds: keras/src/saving/saving_lib.py, _reject_zip_bomb */
#define BOMB_FLOOR ((uint64_t)4 << 30)
#define BOMB_RATIO 100

struct check {
    struct kf_zip_dir *dir;
    const struct kf_source *src;
    const struct kf_limits *limits;
    struct kf_report *rep;
};

static int unsafe(const struct check *check, const struct kf_zip_member *member, const char *what)
{
    return kf_report_add(check->rep, KF_UNSAFE, member->name, "%s", what);
}

/* True when a name leads out of the folder it is unpacked to, on any system. */
static bool climbs(const char *name)
{
    if (name[0] == '/' || name[0] == '\\' || (name[0] && name[1] == ':'))
        return true;
    while (*name) {
        size_t n = strcspn(name, "/\\");

        if (n == 2 && memcmp(name, "..", 2) == 0)
            return true;
        name += n + (name[n] != '\0');
    }
    return false;
}

static bool is_bomb(const struct check *check, uint64_t size, uint64_t stored)
{
    uint64_t ratio = kf_min(BOMB_RATIO, check->limits->expansion), most;

    return size > BOMB_FLOOR && kf_mul(stored, ratio, &most) && size > most;
}

bool kf_zip_name_is_safe(const char *name)
{
    return !climbs(name);
}

static int check_member(const struct check *check, const struct kf_zip_member *member)
{
    if (climbs(member->name))
        return unsafe(check, member, "the member's name leads out of its folder");
    if ((member->flags & ENCRYPTED) || member->method == METHOD_AES)
        return unsafe(check, member, "the member is encrypted");
    if (is_bomb(check, member->size, member->stored))
        return unsafe(check, member, "the member is a decompression bomb");
    if (member->method == METHOD_STORE && member->size != member->stored)
        return unsafe(check, member, "the member is stored with two sizes");
    return 0;
}

/* Does the local header say the same? With a descriptor it need not know CRC and sizes. */
static bool agrees(const struct kf_zip_member *member, const unsigned char *p, const char *name,
                   const unsigned char *extra)
{
    size_t name_n = (size_t)kf_zip_get(p + 26, 2), extra_n = (size_t)kf_zip_get(p + 28, 2);
    uint64_t crc = kf_zip_get(p + 14, 4), stored = kf_zip_get(p + 18, 4);
    uint64_t size = kf_zip_get(p + 22, 4);
    uint64_t *wide[] = {&size, &stored};
    bool open = (kf_zip_get(p + 6, 2) & DESCRIPTOR) != 0;

    if (!kf_zip_wide(extra, extra_n, wide, 2) || name_n != strlen(member->name) ||
        memcmp(name, member->name, name_n) != 0 ||
        ((kf_zip_get(p + 6, 2) ^ member->flags) & (ENCRYPTED | DESCRIPTOR)) != 0 ||
        kf_zip_get(p + 8, 2) != member->method)
        return false;
    if (open && crc == 0 && stored == 0 && size == 0)
        return true;
    return crc == member->crc && stored == member->stored && size == member->size;
}

static int check_local(const struct check *check, struct kf_zip_member *member,
                       struct kf_arena *arena)
{
    unsigned char p[LOCAL_SIZE];
    size_t name_n, extra_n;
    char *rest;

    KF_TRY(kf_source_read(check->src, member->header_at, p, sizeof(p), check->rep));
    name_n = (size_t)kf_zip_get(p + 26, 2);
    extra_n = (size_t)kf_zip_get(p + 28, 2);
    if (memcmp(p, "PK\3\4", 4) != 0 || name_n != strlen(member->name))
        return unsafe(check, member, "the member's header and the zip's directory disagree");
    rest = kf_arena_alloc(arena, name_n + extra_n);
    if (!rest)
        return kf_report_add(check->rep, KF_NO_MEMORY, "", "no memory for a zip's directory");
    member->data_at = member->header_at + LOCAL_SIZE + name_n + extra_n;
    KF_TRY(kf_source_read(check->src, member->header_at + LOCAL_SIZE, rest, name_n + extra_n,
                          check->rep));
    if (!agrees(member, p, rest, (const unsigned char *)rest + name_n))
        return unsafe(check, member, "the member's header and the zip's directory disagree");
    if (member->data_at > check->dir->at || member->stored > check->dir->at - member->data_at)
        return kf_report_add(check->rep, KF_CORRUPT, member->name,
                             "the member reaches into the zip's directory");
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    const struct kf_zip_member *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static int compare_places(const void *a, const void *b)
{
    const struct kf_zip_member *const *x = a, *const *y = b;

    return (*x)->header_at < (*y)->header_at ? -1 : (*x)->header_at > (*y)->header_at;
}

/* No two members share a byte: what such a file unpacks to has no bound. Leaves by_name sorted. */
static int check_all(const struct check *check)
{
    const struct kf_zip_dir *dir = check->dir;
    uint64_t size = 0;

    qsort(dir->by_name, dir->n, sizeof(*dir->by_name), compare_places);
    for (size_t i = 0; i < dir->n; i++) {
        const struct kf_zip_member *member = dir->by_name[i];

        if (i > 0 && dir->by_name[i - 1]->data_at + dir->by_name[i - 1]->stored > member->header_at)
            return unsafe(check, member, "the member shares bytes with another one");
        if (!kf_add(size, member->size, &size) || is_bomb(check, size, check->src->size))
            return unsafe(check, member, "the zip is a decompression bomb");
    }
    qsort(dir->by_name, dir->n, sizeof(*dir->by_name), compare_names);
    for (size_t i = 1; i < dir->n; i++)
        if (compare_names(&dir->by_name[i - 1], &dir->by_name[i]) == 0)
            return unsafe(check, dir->by_name[i], "the zip has two members of this name");
    return 0;
}

int kf_zip_dir_check(struct kf_zip_dir *dir, const struct kf_source *src,
                     const struct kf_limits *limits, struct kf_arena *arena, struct kf_report *rep)
{
    struct check check = {dir, src, limits, rep};

    dir->by_name = kf_arena_alloc(arena, dir->n * sizeof(*dir->by_name));
    if (!dir->by_name)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory for a zip's directory");
    for (size_t i = 0; i < dir->n; i++) {
        dir->by_name[i] = &dir->members[i];
        KF_TRY(check_member(&check, &dir->members[i]));
        KF_TRY(check_local(&check, &dir->members[i], arena));
    }
    return check_all(&check);
}

const struct kf_zip_member *kf_zip_dir_find(const struct kf_zip_dir *dir, const char *name)
{
    const struct kf_zip_member key = {.name = name}, *key_at = &key;
    const struct kf_zip_member **found =
        dir->n > 0 ? bsearch(&key_at, dir->by_name, dir->n, sizeof(*dir->by_name), compare_names)
                   : NULL;

    return found ? *found : NULL;
}
