/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "h5_private.h"
#include <inttypes.h>
#include <zlib.h>

/*
 * HDF5 1.10 trusts that a compressed chunk unpacks to the size of a chunk: one that is shorter is
 * read beyond its end, and one of less than four bytes crashes the Fletcher filter. So each is
 * unpacked here once, for its length, before HDF5 may.
 */

/* What stored chunks may be longer than unpacked ones; zlib adds 5 bytes to each 16 KiB. */
#define SLACK(n) ((n) / 100 + 4096)

struct pipeline {
    const struct kf_h5_dataset *dataset;
    hid_t id;
    struct kf_report *rep;
    unsigned rank;
    hsize_t chunk[KF_RANK_MAX];
    uint32_t deflate, fletcher; /* their bits in a chunk's mask of skipped filters; 0 for none */
    unsigned char *stored;
    size_t cap;
};

static int corrupt(const struct pipeline *p)
{
    return kf_report_add(p->rep, KF_CORRUPT, p->dataset->node->name,
                         "a compressed chunk is not as long as it says");
}

/* Bytes that a zlib stream unpacks to, or `most` + 1 when it is damaged or longer. */
static uint64_t unpacked_size(const unsigned char *data, size_t n, uint64_t most)
{
    unsigned char out[16384];
    z_stream z = {.next_in = (Bytef *)data, .avail_in = (uInt)n};
    uint64_t total = 0;
    int status = inflateInit(&z);

    while (status == Z_OK && total <= most) {
        z.next_out = out;
        z.avail_out = sizeof(out);
        status = inflate(&z, Z_NO_FLUSH);
        total += sizeof(out) - z.avail_out;
    }
    inflateEnd(&z);
    return status == Z_STREAM_END ? total : most + 1;
}

/* Fletcher's sum stands last, behind what was deflated: see check_filters(). */
static bool unpacks(const struct pipeline *p, size_t n, uint32_t skipped)
{
    uint64_t size = n;

    if ((p->fletcher & ~skipped) && size < 4)
        return false;
    if (p->fletcher & ~skipped)
        size -= 4;
    if (p->deflate & ~skipped)
        size = unpacked_size(p->stored, (size_t)size, p->dataset->chunk);
    return size == p->dataset->chunk;
}

static int check_chunk(struct pipeline *p, const hsize_t *offset)
{
    uint64_t most = p->dataset->chunk + SLACK(p->dataset->chunk);
    uint32_t skipped = 0;
    hsize_t n = 0;

    if (H5Dget_chunk_storage_size(p->id, offset, &n) < 0)
        return kf_h5_fail(p->rep, KF_CORRUPT, p->dataset->node->name, "a chunk is not found");
    if (n == 0)
        return 0; /* never written */
    if (n > most)
        return corrupt(p);
    if (!kf_grow(&p->stored, &p->cap, (size_t)n, 1))
        return kf_report_add(p->rep, KF_NO_MEMORY, "", "no memory for a chunk");
    if (H5Dread_chunk(p->id, H5P_DEFAULT, offset, &skipped, p->stored) < 0)
        return kf_h5_fail(p->rep, KF_CORRUPT, p->dataset->node->name, "a chunk cannot be read");
    return unpacks(p, (size_t)n, skipped) ? 0 : corrupt(p);
}

/* The next chunk in row-major order; false behind the last. */
static bool advance(const struct pipeline *p, hsize_t *offset)
{
    for (unsigned i = p->rank; i-- > 0;) {
        offset[i] += p->chunk[i];
        if (offset[i] < p->dataset->dims[i])
            return true;
        offset[i] = 0;
    }
    return false;
}

static int check_all(struct pipeline *p)
{
    hsize_t offset[KF_RANK_MAX] = {0};

    do {
        KF_TRY(check_chunk(p, offset));
    } while (advance(p, offset));
    return 0;
}

static void read_pipeline(struct pipeline *p, hid_t props)
{
    int n = H5Pget_nfilters(props);

    p->rank = (unsigned)H5Pget_chunk(props, KF_RANK_MAX, p->chunk);
    for (int i = 0; i < n; i++) {
        size_t values = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(props, (unsigned)i, NULL, &values, NULL, 0, NULL, NULL);

        if (filter == H5Z_FILTER_DEFLATE)
            p->deflate = (uint32_t)1 << i;
        else if (filter == H5Z_FILTER_FLETCHER32)
            p->fletcher = (uint32_t)1 << i;
    }
}

int kf_h5_chunks(const struct kf_h5_dataset *dataset, hid_t id, struct kf_report *rep)
{
    struct pipeline p = {.dataset = dataset, .id = id, .rep = rep};
    hid_t props = H5Dget_create_plist(id);
    int status;

    read_pipeline(&p, props);
    H5Pclose(props);
    status = check_all(&p);
    kf_free(p.stored);
    return status;
}
