/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/num.h"
#include "h5_private.h"
#include <inttypes.h>
#include <string.h>

/*
 * The superblock, at offset 0, 512, 1024, 2048... of the file:
 *
 *   versions 0, 1   signature 8, version 1, four of other versions, size of offsets 1 at 13, size
 *                   of lengths 1 at 14, reserved 1, two 2-byte constants, flags 4, (version 1:
 *                   4 more), base address 8, free space 8, end of file 8, driver information 8,
 *                   name of the root group 8, address of the root group 8
 *   versions 2, 3   signature 8, version 1, size of offsets 1, size of lengths 1, flags 1, base
 *                   address 8, extension 8, end of file 8, root group 8, checksum 4
 *
 * Source: HDF5 File Format Specification 3.0, II.A
 */
#define SIGNATURE   "\x89HDF\r\n\x1a\n"
#define FRAME_MAX   80
#define FIRST_PLACE 512

static uint64_t get64(const unsigned char *p)
{
    uint64_t value = 0;

    for (int i = 7; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

bool kf_h5_signature(const struct kf_source *src, uint64_t *at_out, struct kf_report *rep)
{
    char head[8];

    for (uint64_t at = 0; src->size >= 8 && at <= src->size - 8; at = at ? at * 2 : FIRST_PLACE) {
        if (kf_source_read(src, at, head, sizeof(head), rep) < 0)
            return false;
        if (memcmp(head, SIGNATURE, sizeof(head)) == 0) {
            *at_out = at;
            return true;
        }
    }
    return false;
}

/* Refuse a file that says it is longer than it is. */
static int check_end(const struct kf_h5 *h5, uint64_t base, uint64_t end, struct kf_report *rep)
{
    uint64_t need;

    if (end < base || !kf_add(end - base, h5->base, &need))
        return kf_report_add(rep, KF_CORRUPT, "", "the HDF5 superblock holds no valid addresses");
    if (need > h5->src.size)
        return kf_report_add(rep, KF_CORRUPT, "",
                             "the HDF5 file is cut off: it has %" PRIu64 " of %" PRIu64 " bytes",
                             h5->src.size, need);
    return 0;
}

static int check_old(struct kf_h5 *h5, const unsigned char *p, struct kf_report *rep)
{
    size_t at = p[8] == 0 ? 24 : 28;

    if (get64(p + at + 24) != KF_H5_UNDEFINED)
        return kf_report_add(rep, KF_CORRUPT, "", "the file is one of several that make an HDF5");
    /* 4 and 16 are half of what a symbol node and a B-tree's node hold, unless somebody set it. */
    h5->plain = p[16] == 4 && p[17] == 0 && p[18] == 16 && p[19] == 0 &&
                get64(p + at) == h5->base && get64(p + at + 16) == h5->src.size;
    h5->root_address = get64(p + at + 40);
    return check_end(h5, get64(p + at), get64(p + at + 16), rep);
}

/*
 * What an extension brings, HDF5 reads before anything can be looked at: an image of its cache,
 * messages that objects share, lists of free space. Many of its vulnerabilities are in the code
 * that does so, and Keras writes none.
 */
static int check_new(struct kf_h5 *h5, const unsigned char *p, struct kf_report *rep)
{
    if (get64(p + 20) != KF_H5_UNDEFINED)
        return kf_report_add(rep, KF_UNSAFE, "",
                             "the HDF5 superblock has an extension, which no Keras writes: copy "
                             "what is in the file into one that h5py makes without options");
    h5->root_address = get64(p + 36);
    return check_end(h5, get64(p + 12), get64(p + 28), rep);
}

int kf_h5_frame(struct kf_h5 *h5, struct kf_report *rep)
{
    unsigned char p[FRAME_MAX] = {0};
    size_t n;
    bool old;

    if (!kf_h5_signature(&h5->src, &h5->base, rep))
        return kf_report_add(rep, KF_CORRUPT, "", "no HDF5 signature");
    n = (size_t)kf_min(h5->src.size - h5->base, sizeof(p));
    KF_TRY(kf_source_read(&h5->src, h5->base, p, n, rep));
    if (n < sizeof(p))
        return kf_report_add(rep, KF_CORRUPT, "",
                             "the HDF5 file is cut off after %" PRIu64 " bytes", h5->src.size);
    if (p[8] > 3)
        return kf_report_add(rep, KF_CORRUPT, "", "HDF5 superblock of version %u", p[8]);
    old = p[8] < 2;
    if (p[old ? 13 : 9] != 8 || p[old ? 14 : 10] != 8)
        return kf_report_add(rep, KF_CORRUPT, "", "HDF5 addresses of %u and lengths of %u bytes",
                             p[old ? 13 : 9], p[old ? 14 : 10]);
    if (old)
        return check_old(h5, p, rep);
    return check_new(h5, p, rep);
}
