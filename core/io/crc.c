/* SPDX-License-Identifier: Apache-2.0 */
#include "crc.h"
#include "../base/alloc.h"
#include "../base/auto.h"
#include "../base/num.h"
#include <libdeflate.h>
#include <stdlib.h>
#include <zlib.h>

#define PIECE ((size_t)1 << 16)

uint32_t kf_crc32(uint32_t crc, const void *data, size_t n)
{
    return libdeflate_crc32(crc, data, n);
}

void kf_crc_note(struct kf_crc *crc, uint64_t at, uint64_t n, uint32_t value)
{
    if (n > 0 && kf_grow(&crc->ranges, &crc->cap, crc->n + 1, sizeof(*crc->ranges)))
        crc->ranges[crc->n++] = (struct kf_crc_range){at, n, value};
}

static int by_place(const void *left, const void *right)
{
    const struct kf_crc_range *a = left, *b = right;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return (a->n < b->n) - (a->n > b->n); /* the longer first */
}

/* Go on with the bytes [at, end) of `src`. */
static int read_gap(uint32_t *value, const struct kf_source *src, uint64_t at, uint64_t end,
                    struct kf_report *rep)
{
    char piece[PIECE];

    while (at < end) {
        size_t n = (size_t)kf_min(end - at, PIECE);

        KF_TRY(kf_source_read(src, at, piece, n, rep));
        *value = kf_crc32(*value, piece, n);
        at += n;
    }
    return 0;
}

int kf_crc_whole(uint32_t *out, struct kf_crc *crc, const struct kf_source *src,
                 struct kf_report *rep)
{
    uint64_t at = 0;

    *out = 0;
    if (crc->n > 1)
        qsort(crc->ranges, crc->n, sizeof(*crc->ranges), by_place);
    for (size_t i = 0; i < crc->n; i++) {
        const struct kf_crc_range *range = &crc->ranges[i];

        if (range->at < at)
            continue; /* read twice: what the first time gave counts */
        KF_TRY(read_gap(out, src, at, range->at, rep));
        *out = (uint32_t)crc32_combine(*out, range->crc, (z_off_t)range->n);
        at = range->at + range->n;
    }
    return read_gap(out, src, at, src->size, rep);
}

void kf_crc_finish(struct kf_crc *crc)
{
    kf_free(crc->ranges);
    *crc = (struct kf_crc){0};
}
