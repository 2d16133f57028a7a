/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/num.h"
#include "h5_private.h"
#include <string.h>

/*
 * The local heap of an old group holds its members' names, and a list of free places. HDF5 1.10
 * follows that list for ever, and allocates for each, when it runs in a circle.
 *
 *   symbol table message 0x11   B-tree's address 8, heap's address 8
 *   heap                        "HEAP", version and reserved 4, size 8, first free 8, address 8
 *   free place                  offset of the next 8 (1 is none), size 8
 *
 * Source: HDF5 File Format Specification 3.0, III.D, IV.A.2.r
 */
#define MESSAGE_SYMBOLS 0x11
#define FREE_NONE       1
#define FREE_SIZE       16

struct found {
    uint64_t heap;
    bool any;
};

static int visit(void *context, unsigned type, unsigned flags, const char *p, size_t n)
{
    struct found *found = context;

    (void)flags;
    if (type != MESSAGE_SYMBOLS || n < 16)
        return 0;
    found->heap = kf_h5_get(p + 8, 8);
    found->any = true;
    return 0;
}

static int corrupt(struct kf_report *rep, const char *path)
{
    return kf_report_add(rep, KF_CORRUPT, path, "the heap of the group's names is damaged");
}

/* Each place is at least 16 bytes, so a list that ends has no more places than fit. */
static int follow(struct kf_h5 *h5, const char *path, uint64_t data, uint64_t size, uint64_t next,
                  struct kf_report *rep)
{
    char place[FREE_SIZE];

    for (uint64_t n = 0; next != FREE_NONE; n++) {
        if (n > size / FREE_SIZE || size < FREE_SIZE || next > size - FREE_SIZE)
            return corrupt(rep, path);
        KF_TRY(kf_source_read(&h5->src, data + next, place, sizeof(place), rep));
        next = kf_h5_get(place, 8);
    }
    return 0;
}

int kf_h5_names_heap(struct kf_h5 *h5, uint64_t address, const char *path, struct kf_report *rep)
{
    struct found found = {0};
    const struct kf_h5_visitor visitor = {visit, &found};
    char head[32], *none;
    uint64_t at, data, size;

    KF_TRY(kf_h5_messages(h5, address, &visitor, &none, rep));
    if (!found.any)
        return 0;
    if (!kf_add(found.heap, h5->base, &at))
        return corrupt(rep, path);
    KF_TRY(kf_source_read(&h5->src, at, head, sizeof(head), rep));
    size = kf_h5_get(head + 8, 8);
    if (memcmp(head, "HEAP", 4) != 0 || !kf_add(kf_h5_get(head + 24, 8), h5->base, &data) ||
        data > h5->src.size || size > h5->src.size - data)
        return corrupt(rep, path);
    return follow(h5, path, data, size, kf_h5_get(head + 16, 8), rep);
}
