/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/num.h"
#include "h5_private.h"
#include <string.h>

/* Slots of a chunk cache, 8 bytes each. */
#define SLOTS_MAX 1000000

static int pull_direct(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    const struct kf_h5_dataset *dataset = payload->state;
    const struct kf_source *src = &dataset->h5->src;

    return kf_source_read(src, dataset->file_at - src->base + at, to, n, rep);
}

static int cannot(struct kf_report *rep)
{
    return kf_h5_fail(rep, KF_CORRUPT, "", "a dataset cannot be read");
}

static bool put_path(struct kf_buf *path, const struct kf_h5_node *node)
{
    return !node->parent || (put_path(path, node->parent) && kf_buf_puts(path, "/") &&
                             kf_buf_puts(path, node->name));
}

/* Open with room for the chunks that a linear read needs at once, each unpacked once. */
static hid_t open_with_cache(const struct kf_h5_dataset *dataset)
{
    size_t chunks = (size_t)kf_min(dataset->cache / (dataset->chunk + 1) + 1, SLOTS_MAX / 10);
    struct kf_buf path = {.max = SIZE_MAX - 1};
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS), id = -1;

    /* Ten slots a chunk as HDF5's manual advises; what was read to its end goes first. */
    if ((dataset->cache == 0 ||
         H5Pset_chunk_cache(access, chunks * 10 + 1, (size_t)dataset->cache, 1) >= 0) &&
        put_path(&path, dataset->node))
        id = H5Dopen2(dataset->h5->file, path.data, access);
    H5Pclose(access);
    kf_buf_finish(&path);
    return id;
}

/* One dataset is open at a time; its chunks have been checked. */
static int open_dataset(const struct kf_h5_dataset *dataset, struct kf_report *rep)
{
    struct kf_h5 *h5 = dataset->h5;

    if (h5->opened_for == dataset)
        return 0;
    if (h5->opened > 0)
        H5Dclose(h5->opened);
    h5->opened_for = NULL;
    h5->opened = open_with_cache(dataset);
    if (h5->opened < 0)
        return cannot(rep);
    if (dataset->packed)
        KF_TRY(kf_h5_chunks(dataset, h5->opened, rep));
    h5->opened_for = dataset;
    return 0;
}

/* The largest block of whole rows that begins at element `first` and has at most `n` elements. */
static uint64_t select_run(const struct kf_h5_dataset *dataset, uint64_t first, uint64_t n,
                           hid_t space)
{
    hsize_t start[KF_RANK_MAX], count[KF_RANK_MAX];
    unsigned axis = dataset->rank - 1;
    uint64_t stride = 1, rest = first;

    for (unsigned i = dataset->rank; i-- > 0; rest /= dataset->dims[i]) {
        start[i] = rest % dataset->dims[i];
        count[i] = 1;
    }
    while (axis > 0 && start[axis] == 0 && n / stride >= dataset->dims[axis]) {
        count[axis] = dataset->dims[axis];
        stride *= dataset->dims[axis--];
    }
    count[axis] = kf_min(n / stride, dataset->dims[axis] - start[axis]);
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0)
        return 0;
    return count[axis] * stride;
}

static int read_runs(const struct kf_h5_dataset *dataset, uint64_t first, uint64_t n, char *to,
                     hid_t id, hid_t type, hid_t space)
{
    size_t size = kf_dtype_size(dataset->dtype);

    while (n > 0) {
        hsize_t run = dataset->rank > 0 ? select_run(dataset, first, n, space) : 1;
        hid_t memory = H5Screate_simple(1, &run, NULL);
        herr_t status = run > 0 ? H5Dread(id, type, memory, space, H5P_DEFAULT, to) : -1;

        H5Sclose(memory);
        if (status < 0)
            return -1;
        to += run * size;
        first += run;
        n -= run;
    }
    return 0;
}

static int pull_library(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                        struct kf_report *rep)
{
    const struct kf_h5_dataset *dataset = payload->state;
    size_t size = kf_dtype_size(dataset->dtype);
    hid_t id, type, space;
    int status;

    KF_TRY(open_dataset(dataset, rep));
    id = dataset->h5->opened;
    type = dataset->own_type ? H5Dget_type(id) : kf_h5_type(dataset->dtype);
    space = H5Dget_space(id);
    status = read_runs(dataset, at / size, n / size, to, id, type, space);
    H5Tclose(type);
    H5Sclose(space);
    return status < 0 ? cannot(rep) : 0;
}

int kf_h5_payload(struct kf_h5 *h5, const char *path, struct kf_arena *arena,
                  struct kf_payload *out, struct kf_report *rep)
{
    const struct kf_h5_node *node = kf_h5_find(h5, path);
    const struct kf_h5_dataset *dataset = node ? node->dataset : NULL;

    (void)arena;
    if (!dataset)
        return kf_report_add(rep, KF_WEIGHTS_MISSING, path, "the file has no such dataset");
    if (dataset->odd)
        return kf_report_add(rep, KF_CORRUPT, path, "the dataset holds %s where a tensor should be",
                             dataset->odd);
    *out = (struct kf_payload){.dtype = dataset->dtype,
                               .rank = dataset->rank,
                               .file_at = dataset->file_at,
                               .file = &dataset->h5->src,
                               .pull = pull_library,
                               .state = dataset};
    if (dataset->rank > 0)
        memcpy(out->dims, dataset->dims, dataset->rank * sizeof(*dataset->dims));
    if (dataset->file_at != KF_NOWHERE)
        out->pull = pull_direct;
    return 0;
}
