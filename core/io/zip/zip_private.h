/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_ZIP_PRIVATE_H
#define KF_IO_ZIP_PRIVATE_H

/* Between the zip*.c files only. */
#include "zip.h"

struct kf_zip_member {
    const char *name;
    uint64_t header_at, data_at; /* of the local header and the bytes, in the source */
    uint64_t stored, size;       /* bytes as stored, and as they become */
    uint32_t crc;
    unsigned method, flags;
    struct kf_crc *seen; /* of what was read of a stored member, NULL: it was not given out */
};

/* The central directory, read without libzip, which does not tell where members are. */
struct kf_zip_dir {
    struct kf_zip_member *members; /* in the order of the directory */
    const struct kf_zip_member **by_name;
    size_t n;
    uint64_t at, size; /* of the directory itself */
};

/** Find and parse the directory. CORRUPT, TOO_LARGE, NO_MEMORY. */
int kf_zip_dir_read(struct kf_zip_dir *out, const struct kf_source *src,
                    const struct kf_limits *limits, struct kf_arena *arena, struct kf_report *rep);

/** Check every member (see kf_zip_open) and fill in data_at from its local header. */
int kf_zip_dir_check(struct kf_zip_dir *dir, const struct kf_source *src,
                     const struct kf_limits *limits, struct kf_arena *arena, struct kf_report *rep);

const struct kf_zip_member *kf_zip_dir_find(const struct kf_zip_dir *dir, const char *name);

/** Little-endian number of `n` bytes. */
static inline uint64_t kf_zip_get(const unsigned char *p, size_t n)
{
    uint64_t value = 0;

    while (n-- > 0)
        value = value << 8 | p[n];
    return value;
}

/**
 * Replace those of the `n` values that are full (0xffffffff) by the zip64 field of `extra`, in
 * which they stand in their order. False when it has too few.
 */
bool kf_zip_wide(const unsigned char *extra, size_t extra_n, uint64_t **values, size_t n);

#endif
