/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest.h"
#include "../base/num.h"
#include "../base/str.h"
#include "../format/beside.h"
#include "../io/text/json.h"
#include "../model/affine.h"
#include <inttypes.h>
#include <string.h>

/* The files of a group of weights, which stand one behind the other in them. */
struct shard {
    struct kf_source source;
    uint64_t begin; /* of its bytes among those of the group */
};

struct group {
    struct shard *shards;
    size_t n_shards;
    uint64_t size, taken; /* bytes of all shards, and of the weights so far */
};

/* Where a weight stands. */
struct span {
    const struct group *group;
    uint64_t at;
};

struct manifest {
    struct kf_model *model;
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_tfjs_weights *out;
    json_t *names;   /* of shards and of weights that were seen, "f:" and "w:" in front */
    size_t n_shards; /* of all groups */
};

static const struct {
    const char *name;
    enum kf_dtype dtype;
} dtypes[] = {
    {"float32", KF_DTYPE_FLOAT32}, {"int32", KF_DTYPE_INT32}, {"bool", KF_DTYPE_BOOL},
    {"float16", KF_DTYPE_FLOAT16}, {"uint8", KF_DTYPE_UINT8}, {"uint16", KF_DTYPE_UINT16},
};

static int no_memory(const struct manifest *manifest)
{
    return kf_report_add(manifest->rep, KF_NO_MEMORY, "", "out of memory");
}

static enum kf_dtype dtype_of(const char *name)
{
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
        if (kf_streq(dtypes[i].name, name))
            return dtypes[i].dtype;
    return KF_DTYPE_NONE;
}

/* Remember a name of a sort; `*again` says that it was there. */
static int note(struct manifest *manifest, const char *sort, const char *name, bool *again)
{
    const char *key = kf_arena_printf(manifest->model->arena, "%s:%s", sort, name);

    if (!key)
        return no_memory(manifest);
    *again = json_object_get(manifest->names, key) != NULL;
    return kf_json_set(manifest->names, key, json_true(), manifest->rep);
}

static bool noted(const struct manifest *manifest, const char *sort, const char *name, bool *out)
{
    const char *key = kf_arena_printf(manifest->model->arena, "%s:%s", sort, name);

    *out = key && json_object_get(manifest->names, key);
    return key != NULL;
}

static int open_shard(struct manifest *manifest, struct group *group, const json_t *path)
{
    const char *name = json_string_value(path);
    const struct kf_input *in = NULL;
    struct shard *shard = &group->shards[group->n_shards];
    bool again = false;
    int r;

    if (!name)
        return kf_report_add(manifest->rep, KF_BAD_CONFIG, "", "a path of the manifest is no text");
    r = kf_beside_find(&in, manifest->model->in, kf_starts(name, "./") ? name + 2 : name,
                       manifest->rep);
    if (r < 0)
        return r == -KF_SHARDS_MISSING ? 0 : r;
    KF_TRY(note(manifest, "f", kf_beside_base(in->name), &again));
    if (again)
        return kf_report_add(manifest->rep, KF_CORRUPT, "", "the manifest names the file %s twice",
                             name);
    KF_TRY(kf_source_init(&shard->source, in, manifest->rep));
    shard->begin = group->size;
    group->n_shards++;
    manifest->n_shards++;
    if (!kf_add(group->size, shard->source.size, &group->size) ||
        !kf_add(manifest->out->bytes, shard->source.size, &manifest->out->bytes))
        return kf_report_add(manifest->rep, KF_TOO_LARGE, "", "the shards have no size");
    return 0;
}

static int open_group(struct manifest *manifest, struct group *group, const json_t *paths)
{
    size_t n = json_array_size(paths);

    if (!json_is_array(paths))
        return kf_report_add(manifest->rep, KF_BAD_CONFIG, "", "the manifest has no paths");
    if (n > KF_TFJS_SHARDS_MAX - manifest->n_shards)
        return kf_report_add(manifest->rep, KF_TOO_LARGE, "", "a manifest of more than %d files",
                             KF_TFJS_SHARDS_MAX);
    group->shards = kf_arena_alloc(manifest->model->arena, (n + 1) * sizeof(*group->shards));
    if (!group->shards)
        return no_memory(manifest);
    for (size_t i = 0; i < n; i++)
        KF_TRY(open_shard(manifest, group, json_array_get(paths, i)));
    return 0;
}

/* The number of the shard in which a byte of the group stands. */
static size_t shard_at(const struct group *group, uint64_t at)
{
    size_t low = 0, high = group->n_shards;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (group->shards[middle].begin <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static int pull(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                struct kf_report *rep)
{
    const struct span *span = payload->state;
    const struct group *group = span->group;
    char *out = to;

    at += span->at;
    for (size_t i = n ? shard_at(group, at) : 0; n > 0; i++) {
        const struct shard *shard = &group->shards[i];
        uint64_t skip = at - shard->begin;
        size_t some = (size_t)kf_min(n, shard->source.size - skip);

        if (some > 0)
            KF_TRY(kf_source_read(&shard->source, skip, out, some, rep));
        out += some;
        at += some;
        n -= some;
    }
    return 0;
}

/* A weight that stands in one shard may be copied from there. */
static void place(struct kf_payload *payload, const struct span *span, uint64_t n)
{
    const struct group *group = span->group;
    const struct shard *shard = group->n_shards ? &group->shards[shard_at(group, span->at)] : NULL;

    payload->pull = pull;
    payload->state = span;
    payload->file_at = KF_NOWHERE;
    if (!shard || span->at - shard->begin + n > shard->source.size)
        return;
    payload->file = &shard->source;
    payload->file_at = shard->source.base + span->at - shard->begin;
}

/* The axes of a weight; `*bytes` is what they make in its dtype. */
static int read_shape(struct manifest *manifest, struct kf_payload *payload, const char *name,
                      const json_t *shape, uint64_t *bytes)
{
    *bytes = kf_dtype_size(payload->dtype);
    payload->rank = (unsigned)json_array_size(shape);
    if (!json_is_array(shape) || json_array_size(shape) > KF_RANK_MAX)
        return kf_report_add(manifest->rep, KF_BAD_CONFIG, name, "the weight's shape is none");
    for (unsigned i = 0; i < payload->rank; i++) {
        const json_t *size = json_array_get(shape, i);

        if (!json_is_integer(size) || json_integer_value(size) < 1 ||
            !kf_mul(*bytes, (uint64_t)json_integer_value(size), bytes))
            return kf_report_add(manifest->rep, KF_BAD_CONFIG, name,
                                 "the weight's shape is none, or empty");
        payload->dims[i] = (uint64_t)json_integer_value(size);
    }
    return 0;
}

/* The dtype that stands in the file, and what it must be multiplied with; NONE: it is itself. */
static int read_dtype(struct manifest *manifest, const char *name, const json_t *spec,
                      enum kf_dtype *stored, struct kf_affine *affine)
{
    const json_t *how = json_object_get(spec, "quantization");
    const json_t *scale = json_object_get(how, "scale"), *min = json_object_get(how, "min");
    const char *dtype = kf_json_str(spec, "dtype", "(none)");

    affine->dtype = KF_DTYPE_NONE;
    *stored = dtype_of(dtype);
    if (!how &&
        (*stored == KF_DTYPE_FLOAT32 || *stored == KF_DTYPE_INT32 || *stored == KF_DTYPE_BOOL))
        return 0;
    if (!how || *stored != KF_DTYPE_FLOAT32)
        return kf_report_add(manifest->rep, KF_VALUE_NO_EQUAL, name,
                             "%sa weight of the dtype %.16s is none of a layer of Keras",
                             how ? "quantized, " : "", dtype);
    *stored = affine->dtype = dtype_of(kf_json_str(how, "dtype", NULL));
    if (*stored == KF_DTYPE_FLOAT16)
        return 0;
    affine->scale = json_number_value(scale);
    affine->min = json_number_value(min);
    if ((*stored == KF_DTYPE_UINT8 || *stored == KF_DTYPE_UINT16) && json_is_number(scale) &&
        json_is_number(min))
        return 0;
    return kf_report_add(manifest->rep, KF_BAD_CONFIG, name, "the weight's quantization is none");
}

static int dequantize(struct manifest *manifest, struct kf_tfjs_weight *weight,
                      const struct kf_affine *affine)
{
    struct kf_arena *arena = manifest->model->arena;

    if (affine->dtype == KF_DTYPE_NONE)
        return 0;
    weight->payload = kf_affine_float32(arena, weight->payload, affine);
    weight->done = kf_arena_printf(arena, "%s as the float32 that TensorFlow.js computes with",
                                   kf_dtype_name(affine->dtype));
    return weight->payload && weight->done ? 0 : no_memory(manifest);
}

/* A weight of a group, whose bytes follow those of the one before. */
static int read_weight(struct manifest *manifest, struct group *group, const json_t *spec)
{
    struct kf_arena *arena = manifest->model->arena;
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));
    struct span *span = kf_arena_alloc(arena, sizeof(*span));
    struct kf_tfjs_weight weight = {.name = kf_arena_strdup(arena, kf_json_str(spec, "name", "")),
                                    .payload = payload};
    struct kf_affine affine;
    uint64_t bytes = 0;
    bool again = false;

    if (!payload || !span || !weight.name)
        return no_memory(manifest);
    KF_TRY(read_dtype(manifest, weight.name, spec, &payload->dtype, &affine));
    KF_TRY(read_shape(manifest, payload, weight.name, json_object_get(spec, "shape"), &bytes));
    *span = (struct span){group, group->taken};
    if (bytes > group->size - group->taken)
        return kf_report_add(manifest->rep, KF_CORRUPT, weight.name,
                             "the weight does not end in the shards");
    place(payload, span, bytes);
    group->taken += bytes;
    if (kf_streq(kf_json_str(spec, "group", NULL), "optimizer")) {
        manifest->out->n_optimizer++;
        return 0;
    }
    KF_TRY(note(manifest, "w", weight.name, &again));
    if (!*weight.name || again)
        return kf_report_add(manifest->rep, KF_BAD_CONFIG, weight.name,
                             "the manifest has a weight without a name, or two of one");
    KF_TRY(dequantize(manifest, &weight, &affine));
    manifest->out->items[manifest->out->n++] = weight;
    return 0;
}

static int read_group(struct manifest *manifest, struct group *group, const json_t *weights)
{
    for (size_t i = 0; i < json_array_size(weights); i++)
        KF_TRY(read_weight(manifest, group, json_array_get(weights, i)));
    if (group->taken < group->size)
        return kf_report_add(manifest->rep, KF_CORRUPT, "",
                             "there are %" PRIu64 " bytes behind the last weight of a group",
                             group->size - group->taken);
    return 0;
}

static int read_groups(struct manifest *manifest, const json_t *list)
{
    size_t n = json_array_size(list);
    struct group *groups = kf_arena_alloc(manifest->model->arena, (n + 1) * sizeof(*groups));

    if (!groups)
        return no_memory(manifest);
    for (size_t i = 0; i < n; i++)
        KF_TRY(open_group(manifest, &groups[i], json_object_get(json_array_get(list, i), "paths")));
    KF_TRY(kf_report_status(manifest->rep)); /* all that are missing were said */
    for (size_t i = 0; i < n; i++)
        KF_TRY(
            read_group(manifest, &groups[i], json_object_get(json_array_get(list, i), "weights")));
    return 0;
}

/* A file that the manifest does not name is of another model. */
static int check_given(const struct manifest *manifest)
{
    const struct kf_input *in = manifest->model->in;

    for (size_t i = 0; i < in->n_shards; i++) {
        const char *name = kf_beside_base(in->shards[i].name);
        bool named;

        if (!noted(manifest, "f", name, &named))
            return no_memory(manifest);
        if (!named)
            return kf_report_add(manifest->rep, KF_BAD_OPTION, "",
                                 "the manifest does not name the file %s", name);
    }
    return 0;
}

static size_t count_weights(const json_t *manifest)
{
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(manifest); i++)
        n += json_array_size(json_object_get(json_array_get(manifest, i), "weights"));
    return n;
}

int kf_tfjs_manifest(struct kf_tfjs_weights *out, struct kf_model *model, const json_t *manifest,
                     const struct kf_options *options, struct kf_report *rep)
{
    json_auto_t *names = json_object();
    struct manifest reading = {
        .model = model, .options = options, .rep = rep, .out = out, .names = names};
    size_t n = count_weights(manifest);

    if (!json_is_array(manifest))
        return kf_report_add(rep, KF_BAD_CONFIG, "", "the weightsManifest is no list");
    if (n > options->limits.tensors)
        return kf_report_add(rep, KF_TOO_LARGE, "", "a model of %zu weights", n);
    *out = (struct kf_tfjs_weights){
        .items = kf_arena_alloc(model->arena, (n + 1) * sizeof(*out->items))};
    if (!out->items || !names)
        return no_memory(&reading);
    KF_TRY(read_groups(&reading, manifest));
    return check_given(&reading);
}
