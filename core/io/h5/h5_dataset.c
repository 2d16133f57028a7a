/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/num.h"
#include "../../base/str.h"
#include "h5_private.h"
#include <inttypes.h>

/* Below this, a size that storage does not bear out is harmless: Keras' own threshold. */
#define BOMB_FLOOR ((uint64_t)4 << 30)
/* A chunk is read whole; its memory is a worker's. */
#define CHUNK_MAX ((uint64_t)256 << 20)
/* HDF5 needs microseconds for each, also for one that was never written. */
#define CHUNKS_MAX 1000000
/* Chunks kept while their rows are read one after another. */
#define CACHE_MAX ((uint64_t)64 << 20)

struct look {
    struct kf_h5 *h5;
    const char *path;
    struct kf_report *rep;
    struct kf_h5_dataset *dataset;
    hid_t id;
    H5D_layout_t layout;
    uint64_t chunk[KF_RANK_MAX];
    unsigned chunk_rank;
    uint64_t element, bytes; /* of one element, of all */
    uint64_t stored, at;     /* bytes that are stored; where in the source, of contiguous ones */
};

static int cannot(const struct look *look)
{
    return kf_h5_fail(look->rep, KF_CORRUPT, look->path, "the dataset cannot be read");
}

/* Filters that h5_chunks.c can check, in the only order that it can check them in. */
static int rank_filter(H5Z_filter_t filter)
{
    return filter == H5Z_FILTER_SHUFFLE      ? 1
           : filter == H5Z_FILTER_DEFLATE    ? 2
           : filter == H5Z_FILTER_FLETCHER32 ? 3
                                             : 0;
}

static int check_filters(struct look *look, hid_t props)
{
    int n = H5Pget_nfilters(props), last = 0;

    if (n < 0)
        return cannot(look);
    look->dataset->packed = n > 0;
    for (int i = 0; i < n; i++) {
        unsigned flags, config;
        char name[32] = "";
        size_t values = 0;
        H5Z_filter_t filter = H5Pget_filter2(props, (unsigned)i, &flags, &values, NULL,
                                             sizeof(name) - 1, name, &config);

        if (filter < 0)
            return cannot(look);
        if (rank_filter(filter) <= last)
            return kf_report_add(look->rep, KF_UNSUPPORTED_FILTER, look->path,
                                 "the dataset is packed by filter %d%s%s", (int)filter,
                                 name[0] ? ", " : "", name);
        last = rank_filter(filter);
    }
    return 0;
}

static int check_chunks(struct look *look, hid_t props)
{
    hsize_t dims[KF_RANK_MAX];
    int rank = H5Pget_chunk(props, KF_RANK_MAX, dims);

    if (rank < 0)
        return cannot(look);
    look->chunk_rank = (unsigned)rank;
    for (unsigned i = 0; i < look->chunk_rank; i++)
        look->chunk[i] = dims[i];
    return 0;
}

/* Before anything asks for the extent, which makes HDF5 open the sources of a virtual dataset. */
static int check_layout(struct look *look, hid_t props)
{
    look->layout = H5Pget_layout(props);
    if (look->layout == H5D_VIRTUAL)
        return kf_report_add(look->rep, KF_UNSAFE, look->path,
                             "a virtual dataset reads other files");
    if (look->layout < 0)
        return cannot(look);
    if (H5Pget_external_count(props) != 0)
        return kf_report_add(look->rep, KF_UNSAFE, look->path,
                             "a dataset with external storage reads other files");
    if (look->layout == H5D_CHUNKED)
        KF_TRY(check_chunks(look, props));
    return check_filters(look, props);
}

/* Take over rank and dims. */
static int take_extent(struct look *look, unsigned rank, const uint64_t *dims)
{
    uint64_t n = 1, rest = 1;

    look->dataset->rank = rank;
    look->dataset->dims = kf_arena_alloc(look->h5->arena, rank * sizeof(uint64_t));
    if (!look->dataset->dims)
        return kf_report_add(look->rep, KF_NO_MEMORY, look->path, "no memory for a dataset");
    for (unsigned i = 0; i < rank; i++) {
        look->dataset->dims[i] = dims[i];
        n *= dims[i];
        /* As if no axis were empty, so that every product of some of them fits too. */
        if (!kf_mul(rest, dims[i] > 0 ? dims[i] : 1, &rest))
            rest = UINT64_MAX;
    }
    if (!kf_mul(rest, look->element, &rest) || rest > look->h5->limits.tensor_bytes)
        return kf_report_add(look->rep, KF_TOO_LARGE, look->path,
                             "a tensor larger than %" PRIu64 " bytes",
                             look->h5->limits.tensor_bytes);
    look->bytes = n * look->element;
    return 0;
}

/* A dataset without any dataspace is one that no tensor has. */
static int read_extent(struct look *look, hid_t space)
{
    hsize_t dims[KF_RANK_MAX];
    uint64_t copy[KF_RANK_MAX];
    int rank = H5Sget_simple_extent_dims(space, dims, NULL);

    if (rank < 0)
        return cannot(look);
    if (H5Sget_simple_extent_type(space) == H5S_NULL)
        look->dataset->odd = "no extent";
    for (int i = 0; i < rank; i++)
        copy[i] = dims[i];
    return take_extent(look, (unsigned)rank, copy);
}

/* Count the chunks that a linear read unpacks, each `times`, of all datasets together. */
static int count_chunks(const struct look *look, uint64_t times, struct kf_h5_sums *sums)
{
    uint64_t n = times;

    for (unsigned i = 0; i < look->chunk_rank; i++)
        if (!kf_mul(n, (look->dataset->dims[i] + look->chunk[i] - 1) / look->chunk[i], &n))
            n = UINT64_MAX;
    if (!kf_add(sums->chunks, n, &sums->chunks) || sums->chunks > CHUNKS_MAX)
        return kf_report_add(look->rep, KF_TOO_LARGE, look->path, "more than %d chunks",
                             CHUNKS_MAX);
    return 0;
}

/* The chunk's size, and the cache that lets a linear read unpack each chunk once. */
static int check_chunk_size(struct look *look, struct kf_h5_sums *sums)
{
    uint64_t chunk = look->element, band, times = 1;

    if (look->layout != H5D_CHUNKED)
        return 0;
    if (look->chunk_rank != look->dataset->rank)
        return kf_report_add(look->rep, KF_CORRUPT, look->path, "chunks of another rank");
    for (unsigned i = 0; i < look->chunk_rank; i++)
        if (!kf_mul(chunk, look->chunk[i], &chunk) || chunk > CHUNK_MAX)
            return kf_report_add(look->rep, KF_TOO_LARGE, look->path,
                                 "chunks larger than %" PRIu64 " MiB", CHUNK_MAX >> 20);
    if (chunk == 0)
        return kf_report_add(look->rep, KF_CORRUPT, look->path, "chunks of no bytes");
    band = chunk;
    for (unsigned i = 1; i < look->chunk_rank; i++)
        if (!kf_mul(band, look->dataset->dims[i] / look->chunk[i] + 1, &band) || band > CACHE_MAX)
            band = UINT64_MAX;
    if (band > CACHE_MAX) { /* then each is unpacked again for each of its rows */
        times = chunk / look->element / look->chunk[look->chunk_rank - 1];
        band = CACHE_MAX;
    }
    look->dataset->chunk = chunk;
    look->dataset->cache = band > chunk ? band : chunk;
    return count_chunks(look, times, sums);
}

static bool is_bomb(const struct look *look, uint64_t declared, uint64_t stored)
{
    uint64_t most;

    return declared > BOMB_FLOOR && kf_mul(stored, look->h5->limits.expansion, &most) &&
           declared > most;
}

/* What is declared against what is there. */
static int check_storage(struct look *look, struct kf_h5_sums *sums)
{
    uint64_t size = look->h5->src.size, stored = kf_min(look->stored, size);

    if (!kf_add(sums->declared, look->bytes, &sums->declared))
        sums->declared = UINT64_MAX;
    if (is_bomb(look, look->bytes, stored) || is_bomb(look, sums->declared, size))
        return kf_report_add(look->rep, KF_UNSAFE, look->path,
                             "%" PRIu64 " bytes are declared where %" PRIu64 " are stored",
                             look->bytes, stored);
    return 0;
}

/* Contiguous bytes must be in the file, and may not be those of another dataset. */
static int check_place(struct look *look, struct kf_h5_sums *sums)
{
    uint64_t size = look->h5->src.size, stored = look->stored, at = look->at;

    look->dataset->file_at = KF_NOWHERE;
    if (look->layout == H5D_COMPACT && stored < look->bytes)
        return kf_report_add(look->rep, KF_CORRUPT, look->path, "the dataset has too few bytes");
    if (look->layout != H5D_CONTIGUOUS || look->bytes == 0)
        return 0;
    if (at == HADDR_UNDEF)
        return 0; /* never written: HDF5 reads the fill value */
    if (at > size || look->bytes > size - at || stored < look->bytes)
        return kf_report_add(look->rep, KF_CORRUPT, look->path,
                             "the dataset's bytes lie outside the file");
    sums->contiguous += look->bytes;
    if (sums->contiguous > size)
        return kf_report_add(look->rep, KF_UNSAFE, look->path,
                             "datasets share the same bytes of the file");
    look->dataset->file_at = look->h5->src.base + at;
    return 0;
}

static int check_dataset(struct look *look, struct kf_h5_sums *sums)
{
    hid_t props = H5Dget_create_plist(look->id), space;
    int status = props >= 0 ? check_layout(look, props) : cannot(look);

    H5Pclose(props);
    KF_TRY(status);
    space = H5Dget_space(look->id);
    status = space >= 0 ? read_extent(look, space) : cannot(look);
    H5Sclose(space);
    KF_TRY(status);
    look->stored = H5Dget_storage_size(look->id);
    look->at = look->layout == H5D_CONTIGUOUS ? H5Dget_offset(look->id) : HADDR_UNDEF;
    KF_TRY(check_storage(look, sums));
    KF_TRY(check_chunk_size(look, sums));
    return check_place(look, sums);
}

struct kf_h5_dataset *kf_h5_dataset_new(struct kf_h5 *h5, struct kf_h5_node *node,
                                        struct kf_report *rep)
{
    node->dataset = kf_arena_alloc(h5->arena, sizeof(*node->dataset));
    if (!node->dataset) {
        kf_report_add(rep, KF_NO_MEMORY, node->name, "no memory for a dataset");
        return NULL;
    }
    node->dataset->h5 = h5;
    node->dataset->node = node;
    node->dataset->file_at = KF_NOWHERE;
    return node->dataset;
}

int kf_h5_look(struct kf_h5 *h5, struct kf_h5_node *node, const char *path, hid_t id,
               struct kf_h5_sums *sums, struct kf_report *rep)
{
    struct look look = {.h5 = h5, .path = path, .rep = rep, .id = id};
    hid_t type;

    look.dataset = kf_h5_dataset_new(h5, node, rep);
    if (!look.dataset)
        return -KF_NO_MEMORY;
    type = H5Dget_type(id);
    if (type < 0)
        return cannot(&look);
    look.element = H5Tget_size(type);
    kf_h5_recognise(look.dataset, type);
    H5Tclose(type);
    KF_TRY(check_dataset(&look, sums));
    if (look.dataset->foreign)
        look.dataset->file_at = KF_NOWHERE;
    return 0;
}

int kf_h5_look_plain(struct kf_h5 *h5, struct kf_h5_node *node, const char *path,
                     const struct kf_h5_plain *plain, struct kf_h5_sums *sums,
                     struct kf_report *rep)
{
    struct look look = {.h5 = h5,
                        .path = path,
                        .rep = rep,
                        .layout = H5D_CONTIGUOUS,
                        .element = kf_dtype_size(plain->dtype),
                        .stored = plain->stored,
                        .at = plain->at};

    if (plain->at != HADDR_UNDEF && !kf_add(plain->at, h5->base, &look.at))
        look.at = h5->src.size + 1; /* outside the file */
    look.dataset = kf_h5_dataset_new(h5, node, rep);
    if (!look.dataset)
        return -KF_NO_MEMORY;
    look.dataset->dtype = plain->dtype;
    look.dataset->own_type = plain->dtype == KF_DTYPE_BOOL;
    KF_TRY(take_extent(&look, plain->rank, plain->dims));
    KF_TRY(check_storage(&look, sums));
    return check_place(&look, sums);
}
