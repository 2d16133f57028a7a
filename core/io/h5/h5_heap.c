/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "h5_private.h"
#include <inttypes.h>
#include <string.h>

/*
 * The global heap holds variable-length strings. HDF5 1.10 copies as many bytes as the heap says
 * into room for as many as the attribute says, so the two must agree before it may be believed;
 * reading the bytes here is shorter than checking first and asking HDF5 then.
 *
 *   collection   "GCOL", version 1 (1), reserved 3, size 8 (of all), objects
 *   object       index 2, references 2, reserved 4, size 8, data padded to 8; index 0 ends it
 *   element      length 4, collection's address 8, index 4
 *
 * Source: HDF5 File Format Specification 3.0, III.E and IV.B
 */
#define HEAD 16

/* Bytes of collections that one open file may make us read, so that no list can be endless. */
#define LOADED_MAX ((uint64_t)2 << 30)

static int corrupt(struct kf_report *rep)
{
    return kf_report_add(rep, KF_CORRUPT, "", "a variable-length string points to no string");
}

static int load(struct kf_h5 *h5, uint64_t address, struct kf_report *rep)
{
    struct kf_h5_heap *heap = &h5->heap;
    char head[HEAD];
    uint64_t at, size;

    if (!kf_add(address, h5->base, &at))
        return corrupt(rep);
    KF_TRY(kf_h5_read(h5, at, head, sizeof(head), rep));
    size = kf_h5_get(head + 8, 8);
    if (memcmp(head, "GCOL", 4) != 0 || head[4] != 1 || size < HEAD || size > h5->src.size)
        return corrupt(rep);
    heap->loaded += size;
    if (size > h5->limits.json_bytes || heap->loaded > LOADED_MAX)
        return kf_report_add(rep, KF_TOO_LARGE, "", "strings of %" PRIu64 " bytes", heap->loaded);
    heap->size = 0;
    kf_free(heap->data);
    heap->data = kf_alloc((size_t)size);
    if (!heap->data)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory for strings");
    KF_TRY(kf_h5_read(h5, at, heap->data, (size_t)size, rep));
    heap->address = address;
    heap->size = (size_t)size;
    return 0;
}

/* The object `index` of the loaded collection; false when it has none. */
static bool find_object(const struct kf_h5_heap *heap, uint64_t index, const char **data,
                        uint64_t *size)
{
    size_t at = HEAD;

    while (heap->size - at >= HEAD) {
        uint64_t found = kf_h5_get(heap->data + at, 2);

        *size = kf_h5_get(heap->data + at + 8, 8);
        at += HEAD;
        if (found == 0 || *size > heap->size - at)
            return false;
        *data = heap->data + at;
        if (found == index)
            return true;
        at += (size_t)kf_min((*size + 7) / 8 * 8, heap->size - at);
    }
    return false;
}

int kf_h5_heap_text(struct kf_h5 *h5, const char *element, const char **text_out, size_t *n_out,
                    struct kf_report *rep)
{
    uint64_t n = kf_h5_get(element, 4), address = kf_h5_get(element + 4, 8),
             index = kf_h5_get(element + 12, 4);
    uint64_t size;

    if (n == 0 || address == 0) {
        *text_out = "";
        *n_out = 0;
        return 0;
    }
    if (h5->heap.size == 0 || h5->heap.address != address)
        KF_TRY(load(h5, address, rep));
    if (!find_object(&h5->heap, index, text_out, &size) || n > size)
        return corrupt(rep);
    *n_out = strnlen(*text_out, (size_t)n);
    return 0;
}
