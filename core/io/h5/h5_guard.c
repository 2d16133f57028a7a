/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/num.h"
#include "h5_plain.h"
#include <string.h>

/*
 * What HDF5 1.10 must not meet in an object header; all of it was found by damaged files.
 *
 * The heap of an old group holds its members' names and a list of free places, which it follows
 * for ever, allocating for each, when that runs in a circle. Of a new group it frees members that
 * it has not read when one of them cannot be decoded. It divides by the size of a chunk.
 *
 *   symbol table 0x11   B-tree's address 8, heap's address 8
 *   heap                "HEAP", version and reserved 4, size 8, first free 8, address 8
 *   free place          offset of the next 8 (1 is none), size 8
 *   link 0x06           version 1 (1), flags 1, type 1 (flag 0x08), order 8 (flag 0x04), character
 *                       set 1 (flag 0x10), length of the name of 1, 2, 4 or 8 bytes (flags & 3),
 *                       name, then an address 8, or a length 2 and as many bytes
 *   layout 0x08         version 1 (1, 2), rank 1, class 1, reserved 5, address 8, sizes 4 each
 *                       version 1 (3), class 1, rank 1, address 8, sizes 4 each
 *                       version 1 (4), class 1, flags 1, rank 1, bytes of a size 1, sizes
 *
 * Source: HDF5 File Format Specification 3.0, III.D, IV.A.2.g, IV.A.2.i, IV.A.2.r
 */
#define FREE_NONE     1
#define FREE_SIZE     16
#define CLASS_CHUNKED 2
#define CLASS_VIRTUAL 3
#define TYPE_HARD     0
#define TYPE_SOFT     1
#define TYPE_USER     64 /* and above */

struct found {
    struct kf_h5_guard *guard;
    uint64_t heap;
    bool has_heap, is_external, is_virtual;
    const char *damaged; /* what cannot be decoded, or NULL */
};

/* Take `n` bytes of a message as a number; false when it has fewer. */
static bool take(const char **p, size_t *left, size_t n, uint64_t *out)
{
    if (*left < n)
        return false;
    *out = kf_h5_get(*p, n);
    *p += n;
    *left -= n;
    return true;
}

/*
 * True when a link message is whole. Which type may be, the check of the tree says; where one leads
 * out of the file is never empty, which HDF5 1.10 counts on.
 */
static bool is_link(const char *p, size_t left)
{
    uint64_t version, flags, type = TYPE_HARD, order, set = 0, name, target = 8;

    if (!take(&p, &left, 1, &version) || !take(&p, &left, 1, &flags) || version != 1 ||
        flags > 0x1f || ((flags & 0x08) && !take(&p, &left, 1, &type)) ||
        ((flags & 0x04) && !take(&p, &left, 8, &order)) ||
        ((flags & 0x10) && !take(&p, &left, 1, &set)) ||
        !take(&p, &left, (size_t)1 << (flags & 3), &name) || name == 0 || name > left || set > 1)
        return false;
    p += name;
    left -= name;
    if (type != TYPE_HARD && !take(&p, &left, 2, &target))
        return false;
    return (type == TYPE_HARD || type == TYPE_SOFT || (type >= TYPE_USER && target > 0)) &&
           target <= left;
}

/* Where the sizes of a chunked layout begin, and how long one is; false for other layouts. */
static bool find_sizes(const char *p, size_t n, size_t *at, unsigned *rank, size_t *size)
{
    bool old = n >= 5 && p[0] < 3;

    if (n < 5 || (unsigned char)p[old ? 2 : 1] != CLASS_CHUNKED)
        return false;
    *size = p[0] == 4 ? (unsigned char)p[4] : 4;
    *rank = (unsigned char)p[old ? 1 : p[0] == 4 ? 3 : 2];
    *at = old ? 16 : p[0] == 4 ? 5 : 11;
    return true;
}

/* True when no size of a chunk is zero. */
static bool is_layout(const char *p, size_t n)
{
    size_t at, size;
    unsigned rank;

    if (!find_sizes(p, n, &at, &rank, &size))
        return true;
    if (rank == 0 || rank > KF_RANK_MAX + 1 || size == 0 || size > 8 || at + rank * size > n)
        return false;
    for (unsigned i = 0; i < rank; i++)
        if (kf_h5_get(p + at + i * size, size) == 0)
            return false;
    return true;
}

static void see_layout(struct found *found, unsigned flags, const char *p, size_t n)
{
    found->guard->has_layout = true;
    if ((flags & KF_H5_MESSAGE_SHARED) || !is_layout(p, n))
        found->damaged = "the layout of the dataset";
    else if (n >= 2 && p[0] >= 3 && p[1] == CLASS_VIRTUAL)
        found->is_virtual = true;
}

static void see_type(struct found *found, unsigned flags, const char *p, size_t n)
{
    found->guard->has_type = true;
    if (flags & KF_H5_MESSAGE_SHARED)
        found->guard->odd = "a committed type";
    else if (!kf_h5_type_sound(p, n, &found->guard->odd))
        found->damaged = "the type of the dataset";
}

static int visit(void *context, unsigned type, unsigned flags, const char *p, size_t n)
{
    struct found *found = context;

    kf_h5_plain_see(&found->guard->plain, type, flags, p, n);
    switch (type) {
    case KF_H5_MESSAGE_TYPE:
        see_type(found, flags, p, n);
        break;
    case KF_H5_MESSAGE_LINK:
        if ((flags & KF_H5_MESSAGE_SHARED) || !is_link(p, n))
            found->damaged = "a member of the group";
        break;
    case KF_H5_MESSAGE_EXTERNAL:
        found->is_external = true;
        break;
    case KF_H5_MESSAGE_LAYOUT:
        see_layout(found, flags, p, n);
        break;
    case KF_H5_MESSAGE_FILTERS:
        if ((flags & KF_H5_MESSAGE_SHARED) || !kf_h5_filters_sound(p, n))
            found->damaged = "the list of the dataset's filters";
        break;
    case KF_H5_MESSAGE_SYMBOLS:
        found->has_heap = n >= 16;
        found->heap = n >= 16 ? kf_h5_get(p + 8, 8) : 0;
        break;
    default:
        break;
    }
    return 0;
}

static int corrupt(struct kf_report *rep, const char *path, const char *what)
{
    return kf_report_add(rep, KF_CORRUPT, path, "%s is damaged", what);
}

/* Each place is at least 16 bytes, so a list that ends has no more places than fit. */
static int follow(struct kf_h5 *h5, const char *path, uint64_t data, uint64_t size, uint64_t next,
                  struct kf_report *rep)
{
    char place[FREE_SIZE];

    for (uint64_t n = 0; next != FREE_NONE; n++) {
        if (n > size / FREE_SIZE || size < FREE_SIZE || next > size - FREE_SIZE)
            return corrupt(rep, path, "the list of a group's free names");
        KF_TRY(kf_h5_read(h5, data + next, place, sizeof(place), rep));
        if (kf_h5_get(place + 8, 8) > size - next)
            return corrupt(rep, path, "the list of a group's free names");
        next = kf_h5_get(place, 8);
    }
    return 0;
}

static int check_heap(struct kf_h5 *h5, uint64_t address, const char *path, struct kf_report *rep)
{
    uint64_t at, data, size;
    char head[32];

    if (!kf_add(address, h5->base, &at))
        return corrupt(rep, path, "the heap of a group's names");
    KF_TRY(kf_h5_read(h5, at, head, sizeof(head), rep));
    size = kf_h5_get(head + 8, 8);
    if (memcmp(head, "HEAP", 4) != 0 || !kf_add(kf_h5_get(head + 24, 8), h5->base, &data) ||
        data > h5->src.size || size > h5->src.size - data)
        return corrupt(rep, path, "the heap of a group's names");
    return follow(h5, path, data, size, kf_h5_get(head + 16, 8), rep);
}

int kf_h5_guard(struct kf_h5_guard *out, struct kf_h5 *h5, uint64_t address, const char *path,
                struct kf_report *rep)
{
    struct found found = {.guard = out};
    bool plain;
    const struct kf_h5_visitor visitor = {&plain, visit, &found};
    char *none;

    *out = (struct kf_h5_guard){0};
    KF_TRY(kf_h5_messages(h5, address, &visitor, &none, rep));
    out->plain.odd = out->plain.odd || !plain || !h5->plain;
    if (found.damaged)
        return corrupt(rep, path, found.damaged);
    if (found.is_external)
        return kf_report_add(rep, KF_UNSAFE, path,
                             "a dataset with external storage reads other files");
    if (found.is_virtual)
        return kf_report_add(rep, KF_UNSAFE, path, "a virtual dataset reads other files");
    return found.has_heap ? check_heap(h5, found.heap, path, rep) : 0;
}
