/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_SOURCE_H
#define KF_IO_SOURCE_H

#include <kf/convert.h>
#include <kf/report.h>
#include <stddef.h>
#include <stdint.h>

struct kf_crc;

/* The input file, or a range of it (a stored member of a zip). Small; copied by value. */
struct kf_source {
    int fd;              /* borrowed */
    uint64_t base, size; /* bytes */
    const char *name;
    struct kf_crc *crc; /* who reads payloads notes their CRCs here; NULL: nobody asks. See crc.h */
};

/** From an input: checks that it is a regular file and takes its size. READ_FAILED, NOT_A_MODEL. */
int kf_source_init(struct kf_source *out, const struct kf_input *in, struct kf_report *rep);

/** Read exactly `n` bytes at `at` of the source. CORRUPT past the end, READ_FAILED on an error. */
int kf_source_read(const struct kf_source *src, uint64_t at, void *to, size_t n,
                   struct kf_report *rep);

#endif
