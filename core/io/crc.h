/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_CRC_H
#define KF_IO_CRC_H

#include "source.h"

struct kf_crc_range {
    uint64_t at, n; /* bytes */
    uint32_t crc;
};

/*
 * CRC-32s of ranges of a file, taken while the ranges passed by in any order, so that the CRC of
 * the whole costs no second pass over them. Zeroed to begin with.
 */
struct kf_crc {
    struct kf_crc_range *ranges;
    size_t n, cap;
};

/** The CRC-32 of what `crc` is that of, followed by `n` bytes; 0 to begin with. */
uint32_t kf_crc32(uint32_t crc, const void *data, size_t n);

/** Remember one; what finds no memory is read again by kf_crc_whole(). */
void kf_crc_note(struct kf_crc *crc, uint64_t at, uint64_t n, uint32_t value);

/**
 * The CRC-32 of `src`, of which all ranges are: joined where they are known, read elsewhere.
 * What kf_source_read() reports.
 */
int kf_crc_whole(uint32_t *out, struct kf_crc *crc, const struct kf_source *src,
                 struct kf_report *rep);

void kf_crc_finish(struct kf_crc *crc);

#endif
