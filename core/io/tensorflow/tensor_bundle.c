/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor_bundle.h"
#include "../../base/alloc.h"
#include "../../base/auto.h"
#include "../../base/num.h"
#include "../../base/str.h"
#include "proto.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS_MAX 10000

/* DataType of tensorflow/core/framework/types.proto */
static const enum kf_dtype dtypes[] = {
    [1] = KF_DTYPE_FLOAT32, [2] = KF_DTYPE_FLOAT64,  [3] = KF_DTYPE_INT32,
    [4] = KF_DTYPE_UINT8,   [5] = KF_DTYPE_INT16,    [6] = KF_DTYPE_INT8,
    [9] = KF_DTYPE_INT64,   [10] = KF_DTYPE_BOOL,    [14] = KF_DTYPE_BFLOAT16,
    [17] = KF_DTYPE_UINT16, [19] = KF_DTYPE_FLOAT16, [22] = KF_DTYPE_UINT32,
    [23] = KF_DTYPE_UINT64,
};

int kf_tensorflow_dtype(enum kf_dtype dtype)
{
    if (dtype == KF_DTYPE_STRING)
        return KF_TF_STRING;
    for (int i = 1; i < (int)(sizeof(dtypes) / sizeof(dtypes[0])); i++)
        if (dtypes[i] == dtype)
            return i;
    return 0;
}

/* An index on its way in. */
struct reading {
    struct kf_tensor_bundle *bundle;
    const struct kf_input *files;
    size_t n_files;
    struct kf_report *rep;
};

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static const struct kf_input *find_file(const struct reading *reading, const char *name)
{
    for (size_t i = 0; i < reading->n_files; i++)
        if (kf_streq(reading->files[i].name, name))
            return &reading->files[i];
    return NULL;
}

static int find_shards(struct reading *reading, int n)
{
    struct kf_tensor_bundle *bundle = reading->bundle;

    if (n < 1 || n > SHARDS_MAX)
        return kf_report_add(reading->rep, KF_CORRUPT, "", "the index counts %d data files", n);
    bundle->n_shards = (size_t)n;
    bundle->shards = kf_arena_alloc(bundle->arena, bundle->n_shards * sizeof(*bundle->shards));
    if (!bundle->shards)
        return no_memory(reading->rep);
    for (int i = 0; i < n; i++) {
        struct kf_bundle_shard *shard = &bundle->shards[i];
        const char *name =
            kf_arena_printf(bundle->arena, "%sdata-%05d-of-%05d", bundle->prefix, i, n);
        const struct kf_input *file = name ? find_file(reading, name) : NULL;

        if (!name)
            return no_memory(reading->rep);
        if (file)
            KF_TRY(kf_source_init(&shard->source, file, reading->rep));
        shard->source.name = name;
        shard->missing = !file;
    }
    return 0;
}

/*
 * A table with the values themselves in it, as Saver wrote them before TensorFlow 0.12 and with
 * write_version=V1: its header begins with a message, SavedTensorSliceMeta.
 *
 * Source: tensorflow/core/util/saved_tensor_slice.proto (2.15)
 */
static bool is_first_format(const struct kf_sstable_entry *row)
{
    return row->value_n > 0 && row->value[0] == 0x0a;
}

static int read_header(struct reading *reading, const struct kf_sstable_entry *row)
{
    const Kf__Tf__BundleHeader *header;

    if (is_first_format(row))
        return kf_report_add(reading->rep, KF_UNSUPPORTED_PAIR, "",
                             "the file is a checkpoint in the first format of TensorFlow, of "
                             "before 0.12: load it in TensorFlow, and save it again with "
                             "tf.compat.v1.train.Saver()");
    header = kf_proto_unpack(&kf__tf__bundle_header__descriptor, reading->bundle->arena, row->value,
                             row->value_n, "the header of the index", reading->rep);
    if (!header)
        return kf_report_status(reading->rep);
    reading->bundle->big_endian = header->endianness == 1;
    return find_shards(reading, header->num_shards);
}

/* Dtype and dims of an entry; that they fit its bytes is seen when it is used. */
static int describe(struct reading *reading, struct kf_bundle_entry *entry)
{
    const Kf__Tf__Shape *shape = entry->message->shape;

    entry->type = entry->message->dtype;
    if (entry->type >= 0 && entry->type < (int)(sizeof(dtypes) / sizeof(dtypes[0])))
        entry->dtype = dtypes[entry->type];
    if (!shape)
        return 0;
    if (shape->unknown_rank || shape->n_dim > KF_RANK_MAX)
        return kf_report_add(reading->rep, KF_CORRUPT, entry->key, "a tensor of %zu axes",
                             shape->n_dim);
    entry->rank = (unsigned)shape->n_dim;
    for (unsigned i = 0; i < entry->rank; i++) {
        if (shape->dim[i]->size < 0)
            return kf_report_add(reading->rep, KF_CORRUPT, entry->key,
                                 "a tensor with an axis of %" PRId64, shape->dim[i]->size);
        entry->dims[i] = (uint64_t)shape->dim[i]->size;
    }
    return 0;
}

static int compare(const char *a, size_t n, const char *b, size_t m)
{
    int order = memcmp(a, b, n < m ? n : m);

    return order ? order : (n > m) - (n < m);
}

static int read_entry(struct reading *reading, const struct kf_sstable_entry *row)
{
    struct kf_tensor_bundle *bundle = reading->bundle;
    const struct kf_bundle_entry *last = bundle->n ? &bundle->entries[bundle->n - 1] : NULL;
    struct kf_bundle_entry *entry;

    if (!bundle->n_shards || (last && compare(last->key, last->key_n, row->key, row->key_n) >= 0))
        return kf_report_add(reading->rep, KF_CORRUPT, "", "the names in the index are not sorted");
    if (bundle->n >= bundle->limits->tensors)
        return kf_report_add(reading->rep, KF_TOO_LARGE, "", "more than %" PRIu64 " tensors",
                             bundle->limits->tensors);
    if (!kf_grow(&bundle->entries, &bundle->cap, bundle->n + 1, sizeof(*bundle->entries)))
        return no_memory(reading->rep);
    entry = &bundle->entries[bundle->n];
    *entry = (struct kf_bundle_entry){.key_n = row->key_n};
    entry->key = kf_arena_strndup(bundle->arena, row->key, row->key_n);
    if (!entry->key)
        return no_memory(reading->rep);
    bundle->n++;
    entry->message = kf_proto_unpack(&kf__tf__bundle_entry__descriptor, bundle->arena, row->value,
                                     row->value_n, "an entry of the index", reading->rep);
    return entry->message ? describe(reading, entry) : kf_report_status(reading->rep);
}

static int read_row(const struct kf_sstable_entry *row, void *context)
{
    struct reading *reading = context;

    return row->key_n == 0 && !reading->bundle->n_shards ? read_header(reading, row)
                                                         : read_entry(reading, row);
}

/* The entries grew on the heap; they go where everything else is. */
static int settle(struct kf_tensor_bundle *bundle, struct kf_report *rep)
{
    struct kf_bundle_entry *kept =
        kf_arena_alloc(bundle->arena, (bundle->n + 1) * sizeof(*bundle->entries));

    if (!kept)
        return no_memory(rep);
    if (bundle->n)
        memcpy(kept, bundle->entries, bundle->n * sizeof(*kept));
    kf_free(bundle->entries);
    bundle->entries = kept;
    bundle->cap = 0;
    return 0;
}

int kf_tensor_bundle_open(struct kf_tensor_bundle **out, struct kf_arena *arena,
                          const struct kf_source *index, const struct kf_input *files,
                          size_t n_files, const struct kf_limits *limits, struct kf_report *rep)
{
    struct kf_tensor_bundle *bundle = kf_arena_alloc(arena, sizeof(*bundle));
    struct reading reading = {.bundle = bundle, .files = files, .n_files = n_files, .rep = rep};
    size_t n = strlen(index->name) - (kf_ends(index->name, "index") ? strlen("index") : 0);
    int r;

    if (!bundle)
        return no_memory(rep);
    *bundle = (struct kf_tensor_bundle){.arena = arena, .limits = limits};
    bundle->prefix = kf_arena_strndup(arena, index->name, n);
    if (!bundle->prefix)
        return no_memory(rep);
    kf_crc32c_init(&bundle->crc);
    r = kf_sstable_each(index, &bundle->crc, read_row, &reading, rep);
    if (r >= 0 && !bundle->n_shards)
        r = kf_report_add(rep, KF_CORRUPT, "", "%s has no header", index->name);
    if (r >= 0)
        r = settle(bundle, rep);
    if (r < 0) {
        kf_free(bundle->entries);
        return r;
    }
    *out = bundle;
    return 0;
}

size_t kf_tensor_bundle_count(const struct kf_tensor_bundle *bundle)
{
    return bundle->n;
}

const struct kf_bundle_entry *kf_tensor_bundle_at(const struct kf_tensor_bundle *bundle, size_t i)
{
    return &bundle->entries[i];
}

static int compare_key(const void *key, const void *entry)
{
    const struct kf_bundle_entry *a = key, *b = entry;

    return compare(a->key, a->key_n, b->key, b->key_n);
}

const struct kf_bundle_entry *kf_bundle_lookup(const struct kf_tensor_bundle *bundle,
                                               const char *key, size_t n)
{
    const struct kf_bundle_entry wanted = {.key = key, .key_n = n};

    return bsearch(&wanted, bundle->entries, bundle->n, sizeof(wanted), compare_key);
}

const struct kf_bundle_entry *kf_tensor_bundle_find(const struct kf_tensor_bundle *bundle,
                                                    const char *key)
{
    return kf_bundle_lookup(bundle, key, strlen(key));
}

/* The first bytes of a shard that is too short may say what it is instead. */
static bool is_pointer(const struct kf_source *source)
{
    static const char begin[] = "version https://git-lfs";
    char head[sizeof(begin) - 1];
    struct kf_report ignored;
    bool found;

    kf_report_init(&ignored);
    found = source->size >= sizeof(head) &&
            kf_source_read(source, 0, head, sizeof(head), &ignored) == 0 &&
            memcmp(head, begin, sizeof(head)) == 0;
    kf_report_finish(&ignored);
    return found;
}

/* Bytes of a shard that the index speaks of. */
static uint64_t wanted_bytes(const struct kf_tensor_bundle *bundle, size_t shard)
{
    uint64_t most = 0, end;

    for (size_t i = 0; i < bundle->n; i++) {
        const Kf__Tf__BundleEntry *e = bundle->entries[i].message;

        if (e->n_slices || (uint64_t)e->shard_id != shard || e->offset < 0 || e->size < 0)
            continue;
        end = (uint64_t)e->offset + (uint64_t)e->size;
        most = end > most ? end : most;
    }
    return most;
}

int kf_tensor_bundle_check(const struct kf_tensor_bundle *bundle, struct kf_report *rep)
{
    for (size_t i = 0; i < bundle->n_shards; i++) {
        const struct kf_bundle_shard *shard = &bundle->shards[i];
        uint64_t want = wanted_bytes(bundle, i);

        if (shard->missing && want > 0)
            kf_report_add(rep, KF_VARIABLES_MISSING, "",
                          "the file %s is missing, which has %" PRIu64 " bytes of the variables",
                          shard->source.name, want);
        else if (shard->source.size < want)
            kf_report_add(rep, KF_CORRUPT, "", "%s has %" PRIu64 " bytes of %" PRIu64 "%s",
                          shard->source.name, shard->source.size, want,
                          is_pointer(&shard->source)
                              ? ": it is a pointer of Git LFS, fetch the file with git lfs pull"
                              : "");
    }
    return kf_report_status(rep);
}

int kf_bundle_locate(const struct kf_tensor_bundle *bundle, const struct kf_bundle_entry *entry,
                     struct kf_source *out, struct kf_report *rep)
{
    const Kf__Tf__BundleEntry *e = entry->message;
    const struct kf_bundle_shard *shard;

    if (e->shard_id < 0 || (size_t)e->shard_id >= bundle->n_shards)
        return kf_report_add(rep, KF_CORRUPT, entry->key, "the index counts no data file %d",
                             e->shard_id);
    shard = &bundle->shards[e->shard_id];
    if (shard->missing)
        return kf_report_add(rep, KF_VARIABLES_MISSING, entry->key, "the file %s is missing",
                             shard->source.name);
    *out = shard->source;
    if (e->offset < 0 || e->size < 0 || (uint64_t)e->offset > out->size ||
        (uint64_t)e->size > out->size - (uint64_t)e->offset)
        return kf_report_add(rep, KF_CORRUPT, entry->key, "its bytes lie outside %s", out->name);
    out->base += (uint64_t)e->offset;
    out->size = (uint64_t)e->size;
    return 0;
}
