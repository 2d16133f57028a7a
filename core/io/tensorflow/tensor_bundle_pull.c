/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/auto.h"
#include "../../base/num.h"
#include "slice_key.h"
#include "tensor_bundle.h"
#include <inttypes.h>
#include <string.h>

#define PIECE      16384
#define SLICES_MAX 100000
/* Who reads as much reads all of it; what is smaller is checked before its first byte is used. */
#define PASSING ((uint64_t)1 << 20)

/* A run of a tensor that stands in one place: the whole, or a slice. */
struct run {
    struct kf_source source;
    uint64_t start[KF_RANK_MAX], length[KF_RANK_MAX]; /* of a slice, in elements */
    uint32_t crc;                                     /* masked */
    bool checked;
    uint64_t summed; /* bytes from the first on that were read one after another, */
    uint32_t sum;    /* and their checksum */
};

struct tensor {
    const struct kf_tensor_bundle *bundle;
    const char *key;
    struct run *runs;
    size_t n_runs;
};

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

/* TensorFlow refuses a tensor whose checksum is another one, and so do we. */
static int compare(const struct tensor *tensor, struct run *run, uint32_t crc,
                   struct kf_report *rep)
{
    if (kf_crc32c_mask(crc) != run->crc)
        return kf_report_add(rep, KF_CORRUPT, tensor->key, "the checksum of its bytes is another");
    run->checked = true;
    return 0;
}

static int check_run(const struct tensor *tensor, struct run *run, struct kf_report *rep)
{
    char piece[PIECE];
    uint32_t crc = 0;

    if (run->checked)
        return 0;
    for (uint64_t at = 0; at < run->source.size;) {
        size_t n = (size_t)kf_min(sizeof(piece), run->source.size - at);

        KF_TRY(kf_source_read(&run->source, at, piece, n, rep));
        crc = kf_crc32c(&tensor->bundle->crc, crc, piece, n);
        at += n;
    }
    return compare(tensor, run, crc, rep);
}

/* What was written on a machine of the other byte order. */
static void swap(char *bytes, size_t n, size_t size)
{
    for (size_t at = 0; at + size <= n; at += size)
        for (size_t i = 0; i < size / 2; i++) {
            char c = bytes[at + i];

            bytes[at + i] = bytes[at + size - 1 - i];
            bytes[at + size - 1 - i] = c;
        }
}

/* Bytes [at, at + n) of a run whose checksum is right. */
static int read_checked(const struct tensor *tensor, struct run *run, uint64_t at, void *to,
                        size_t n, struct kf_report *rep)
{
    KF_TRY(check_run(tensor, run, rep));
    return kf_source_read(&run->source, at, to, n, rep);
}

/* The same of a large run, which is summed on its way as long as it is read from end to end. */
static int read_passing(const struct tensor *tensor, struct run *run, uint64_t at, void *to,
                        size_t n, struct kf_report *rep)
{
    if (at != run->summed)
        return read_checked(tensor, run, at, to, n, rep);
    KF_TRY(kf_source_read(&run->source, at, to, n, rep));
    run->sum = kf_crc32c(&tensor->bundle->crc, run->sum, to, n);
    run->summed += n;
    return run->summed < run->source.size ? 0 : compare(tensor, run, run->sum, rep);
}

static int read_run(const struct tensor *tensor, struct run *run, uint64_t at, void *to, size_t n,
                    size_t size, struct kf_report *rep)
{
    KF_TRY(run->checked || run->source.size < PASSING ? read_checked(tensor, run, at, to, n, rep)
                                                      : read_passing(tensor, run, at, to, n, rep));
    if (tensor->bundle->big_endian)
        swap(to, n, size);
    return 0;
}

static int pull_whole(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    const struct tensor *tensor = payload->state;

    return read_run(tensor, tensor->runs, at, to, n, kf_dtype_size(payload->dtype), rep);
}

static struct run *find_slice(const struct tensor *tensor, const uint64_t *index, unsigned rank)
{
    for (size_t i = 0; i < tensor->n_runs; i++) {
        struct run *run = &tensor->runs[i];
        unsigned axis = 0;

        while (axis < rank && index[axis] >= run->start[axis] &&
               index[axis] - run->start[axis] < run->length[axis])
            axis++;
        if (axis == rank)
            return run;
    }
    return NULL;
}

/* How many elements from `index` on stand together in a slice, and which of its own the first is.
 */
static uint64_t stretch(const struct kf_payload *payload, const struct run *run,
                        const uint64_t *index, uint64_t *first)
{
    uint64_t own = 1, together = 0;
    bool open = true;

    *first = 0;
    for (unsigned axis = payload->rank; axis-- > 0;) {
        uint64_t at = index[axis] - run->start[axis];

        *first += at * own;
        if (open)
            together = (run->length[axis] - at) * own - (*first - at * own);
        open = open && run->length[axis] == payload->dims[axis];
        own *= run->length[axis];
    }
    return together;
}

/* One stretch of the elements from `element` on: at most `n`; how many, or below 0. */
static int pull_stretch(const struct kf_payload *payload, uint64_t element, char *to, uint64_t n,
                        uint64_t *done, struct kf_report *rep)
{
    const struct tensor *tensor = payload->state;
    size_t size = kf_dtype_size(payload->dtype);
    uint64_t index[KF_RANK_MAX], rest = element, first;
    struct run *run;

    for (unsigned axis = payload->rank; axis-- > 0; rest /= payload->dims[axis])
        index[axis] = rest % payload->dims[axis];
    run = find_slice(tensor, index, payload->rank);
    if (!run)
        return kf_report_add(rep, KF_CORRUPT, tensor->key, "no slice holds element %" PRIu64,
                             element);
    *done = kf_min(n, stretch(payload, run, index, &first));
    return read_run(tensor, run, first * size, to, (size_t)*done * size, size, rep);
}

static int pull_slices(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    size_t size = kf_dtype_size(payload->dtype);
    uint64_t element = at / size, left = n / size, done = 0;
    char *p = to;

    for (; left > 0; left -= done, element += done, p += done * size)
        KF_TRY(pull_stretch(payload, element, p, left, &done, rep));
    return 0;
}

/* The entry that has the bytes of a slice; NULL with a report. */
static const struct kf_bundle_entry *entry_of(const struct kf_tensor_bundle *bundle,
                                              const struct kf_bundle_entry *entry,
                                              const Kf__Tf__Slice *slice, struct kf_report *rep)
{
    struct kf_buf key = {.max = 65536};
    const struct kf_bundle_entry *found = NULL;

    if (!kf_bundle_slice_key(&key, entry->key, entry->key_n, slice))
        no_memory(rep);
    else if (!(found = kf_bundle_lookup(bundle, key.data, key.n)))
        kf_report_add(rep, KF_CORRUPT, entry->key, "the index lacks a slice of it");
    kf_buf_finish(&key);
    return found;
}

/* Where a slice lies in its tensor; false when it does not. */
static bool place(struct run *run, const struct kf_bundle_entry *entry, const Kf__Tf__Slice *slice)
{
    if (slice->n_extent != entry->rank)
        return false;
    for (unsigned i = 0; i < entry->rank; i++) {
        const Kf__Tf__Slice__Extent *extent = slice->extent[i];
        bool whole = extent->has_length_case != KF__TF__SLICE__EXTENT__HAS_LENGTH_LENGTH;

        run->start[i] = whole ? 0 : (uint64_t)extent->start;
        run->length[i] = whole ? entry->dims[i] : (uint64_t)extent->length;
        if (run->start[i] > entry->dims[i] || run->length[i] > entry->dims[i] - run->start[i])
            return false;
    }
    return true;
}

/* Bytes of dims of a dtype; TOO_LARGE. */
static int measure(const struct kf_tensor_bundle *bundle, const struct kf_bundle_entry *entry,
                   const uint64_t *dims, uint64_t *out, struct kf_report *rep)
{
    *out = kf_dtype_size(entry->dtype);
    for (unsigned i = 0; i < entry->rank; i++)
        if (!kf_mul(*out, dims[i], out) || *out > bundle->limits->tensor_bytes)
            return kf_report_add(rep, KF_TOO_LARGE, entry->key, "the tensor is too large");
    return 0;
}

static int make_run(const struct kf_tensor_bundle *bundle, struct run *run,
                    const struct kf_bundle_entry *entry, uint64_t bytes, struct kf_report *rep)
{
    KF_TRY(kf_bundle_locate(bundle, entry, &run->source, rep));
    run->crc = entry->message->crc32c;
    if (run->source.size == bytes)
        return 0;
    return kf_report_add(rep, KF_CORRUPT, entry->key,
                         "it has %" PRIu64 " bytes where its shape needs %" PRIu64,
                         run->source.size, bytes);
}

static int make_slices(const struct kf_tensor_bundle *bundle, struct tensor *tensor,
                       const struct kf_bundle_entry *entry, uint64_t bytes, struct kf_report *rep)
{
    uint64_t sum = 0, own;

    for (size_t i = 0; i < tensor->n_runs; i++) {
        const Kf__Tf__Slice *slice = entry->message->slices[i];
        const struct kf_bundle_entry *part = entry_of(bundle, entry, slice, rep);

        if (!part)
            return kf_report_status(rep);
        if (part->dtype != entry->dtype || part->message->n_slices ||
            !place(&tensor->runs[i], entry, slice))
            return kf_report_add(rep, KF_CORRUPT, entry->key, "slice %zu does not fit it", i);
        KF_TRY(measure(bundle, entry, tensor->runs[i].length, &own, rep));
        KF_TRY(make_run(bundle, &tensor->runs[i], part, own, rep));
        sum += own;
    }
    return sum == bytes ? 0
                        : kf_report_add(rep, KF_CORRUPT, entry->key, "its slices do not fill it");
}

int kf_tensor_bundle_payload(struct kf_tensor_bundle *bundle, const struct kf_bundle_entry *entry,
                             const struct kf_payload **out, struct kf_report *rep)
{
    struct kf_payload *payload = kf_arena_alloc(bundle->arena, sizeof(*payload));
    struct tensor *tensor = kf_arena_alloc(bundle->arena, sizeof(*tensor));
    size_t slices = entry->message->n_slices;
    uint64_t bytes;

    if (slices > SLICES_MAX)
        return kf_report_add(rep, KF_TOO_LARGE, entry->key, "a tensor in %zu slices", slices);
    if (!payload || !tensor)
        return no_memory(rep);
    *tensor = (struct tensor){.bundle = bundle, .key = entry->key, .n_runs = slices ? slices : 1};
    tensor->runs = kf_arena_alloc(bundle->arena, tensor->n_runs * sizeof(*tensor->runs));
    if (!tensor->runs)
        return no_memory(rep);
    KF_TRY(measure(bundle, entry, entry->dims, &bytes, rep));
    KF_TRY(slices ? make_slices(bundle, tensor, entry, bytes, rep)
                  : make_run(bundle, tensor->runs, entry, bytes, rep));
    *payload = (struct kf_payload){.dtype = entry->dtype,
                                   .rank = entry->rank,
                                   .pull = slices ? pull_slices : pull_whole,
                                   .file_at = KF_NOWHERE,
                                   .state = tensor};
    memcpy(payload->dims, entry->dims, sizeof(payload->dims));
    *out = payload;
    return 0;
}
