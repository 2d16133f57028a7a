/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "../../io/text/json.h"
#include "../architecture.h"
#include "../info.h"
#include "../reader.h"
#include "arrays.h"
#include "safetensors.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One tensor of the header, whose bytes are those of the file from `at` on. */
struct entry {
    const char *name;
    uint64_t at, end; /* bytes behind the header */
    struct kf_payload payload;
};

struct safetensors {
    struct kf_model *model;
    const struct kf_options *options;
    struct kf_report *rep;
    json_t *header, *index; /* index: name -> number of its entry */
    uint64_t begin;         /* of the tensors in the file */
    struct entry *entries;
    size_t n;
};

static int no_memory(struct safetensors *st)
{
    return kf_report_add(st->rep, KF_NO_MEMORY, "", "out of memory");
}

static int corrupt(struct safetensors *st, const char *where, const char *what)
{
    return kf_report_add(st->rep, KF_CORRUPT, where, "%s", what);
}

static int pull(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                struct kf_report *rep)
{
    return kf_source_read(payload->file, payload->file_at - payload->file->base + at, to, n, rep);
}

/* The length of the header, which must lie in the file. */
static int read_length(struct safetensors *st, uint64_t *n)
{
    const struct kf_source *src = &st->model->source;
    unsigned char length[8];

    KF_TRY(kf_source_read(src, 0, length, sizeof(length), st->rep));
    *n = 0;
    for (size_t i = sizeof(length); i-- > 0;)
        *n = *n << 8 | length[i];
    if (*n > src->size - sizeof(length))
        return corrupt(st, "", "the header does not end in the file");
    if (*n > kf_min(KF_SAFETENSORS_HEADER_MAX, st->options->limits.json_bytes))
        return kf_report_add(st->rep, KF_TOO_LARGE, "", "a header of %" PRIu64 " bytes", *n);
    st->begin = sizeof(length) + *n;
    return 0;
}

static int read_header(struct safetensors *st)
{
    uint64_t n = 0;
    char *text;
    int r;

    KF_TRY(read_length(st, &n));
    text = kf_alloc((size_t)n + 1);
    if (!text)
        return no_memory(st);
    r = kf_source_read(&st->model->source, 8, text, (size_t)n, st->rep);
    if (r >= 0 && !(st->header = kf_json_parse(text, (size_t)n, &st->options->limits, "", st->rep)))
        r = kf_report_status(st->rep);
    kf_free(text);
    if (r >= 0 && !json_is_object(st->header))
        return corrupt(st, "", "the header is no JSON object");
    return r;
}

/* Dtype and axes, and that they make as many bytes as the tensor has. */
static int read_shape(struct safetensors *st, struct entry *entry, const json_t *value)
{
    const json_t *shape = json_object_get(value, "shape");
    const char *dtype = kf_json_str(value, "dtype", NULL);
    struct kf_payload *payload = &entry->payload;
    uint64_t n;

    payload->dtype = kf_safetensors_dtype(dtype);
    if (payload->dtype == KF_DTYPE_NONE)
        return kf_report_add(st->rep, KF_VALUE_NO_EQUAL, entry->name,
                             "a tensor of the dtype %.16s holds no weights of Keras",
                             dtype ? dtype : "(none)");
    if (!json_is_array(shape) || json_array_size(shape) > KF_RANK_MAX)
        return corrupt(st, entry->name, "the tensor's shape is none");
    n = kf_dtype_size(payload->dtype);
    payload->rank = (unsigned)json_array_size(shape);
    for (unsigned i = 0; i < payload->rank; i++) {
        const json_t *size = json_array_get(shape, i);

        if (!json_is_integer(size) || json_integer_value(size) < 1 ||
            !kf_mul(n, (uint64_t)json_integer_value(size), &n))
            return corrupt(st, entry->name, "the tensor's shape is none, or empty");
        payload->dims[i] = (uint64_t)json_integer_value(size);
    }
    return n == entry->end - entry->at
               ? 0
               : corrupt(st, entry->name, "the tensor's size is not that of its shape");
}

static int read_offsets(struct safetensors *st, struct entry *entry, const json_t *value)
{
    const json_t *offsets = json_object_get(value, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);

    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return corrupt(st, entry->name, "the tensor's offsets are none");
    entry->at = (uint64_t)json_integer_value(begin);
    entry->end = (uint64_t)json_integer_value(end);
    return 0;
}

static int read_entry(struct safetensors *st, const char *name, const json_t *value)
{
    const struct kf_source *src = &st->model->source;
    struct entry *entry = &st->entries[st->n];

    entry->name = kf_arena_strdup(st->model->arena, name);
    if (!entry->name)
        return no_memory(st);
    KF_TRY(kf_json_set(st->index, name, json_integer((json_int_t)st->n++), st->rep));
    KF_TRY(read_offsets(st, entry, value));
    KF_TRY(read_shape(st, entry, value));
    if (entry->end > src->size - st->begin)
        return corrupt(st, entry->name, "the tensor does not end in the file");
    entry->payload.pull = pull;
    entry->payload.file = src;
    entry->payload.file_at = src->base + st->begin + entry->at;
    return 0;
}

static int compare_places(const void *a, const void *b)
{
    const struct entry *const *x = a, *const *y = b;

    return (*x)->at < (*y)->at ? -1 : (*x)->at > (*y)->at;
}

/* No byte belongs to two tensors, and each to one: the library reads nothing else. */
static int check_places(struct safetensors *st)
{
    struct entry **sorted = kf_arena_alloc(st->model->arena, (st->n + 1) * sizeof(*sorted));
    uint64_t at = 0;

    if (!sorted)
        return no_memory(st);
    for (size_t i = 0; i < st->n; i++)
        sorted[i] = &st->entries[i];
    qsort(sorted, st->n, sizeof(*sorted), compare_places);
    for (size_t i = 0; i < st->n; i++) {
        if (sorted[i]->at != at)
            return corrupt(st, sorted[i]->name,
                           sorted[i]->at < at ? "the tensor overlaps another one"
                                              : "there is a hole in front of the tensor");
        at = sorted[i]->end;
    }
    return at == st->model->source.size - st->begin
               ? 0
               : corrupt(st, "", "there are bytes behind the last tensor");
}

static int read_entries(struct safetensors *st)
{
    size_t n = json_object_size(st->header);
    const char *name;
    json_t *value;

    if (n > st->options->limits.tensors)
        return kf_report_add(st->rep, KF_TOO_LARGE, "", "a file of %zu tensors", n);
    st->index = json_object();
    st->entries = kf_arena_alloc(st->model->arena, (n + 1) * sizeof(*st->entries));
    if (!st->index || !st->entries)
        return no_memory(st);
    json_object_foreach(st->header, name, value)
    {
        if (strcmp(name, KF_SAFETENSORS_METADATA) != 0)
            KF_TRY(read_entry(st, name, value));
    }
    return check_places(st);
}

static const char *name_at(const struct kf_arrays *arrays, size_t index)
{
    const struct safetensors *st = arrays->state;

    return st->entries[index].name;
}

static bool has(const struct kf_arrays *arrays, const char *name)
{
    const struct safetensors *st = arrays->state;

    return json_object_get(st->index, name) != NULL;
}

static int payload_of(const struct kf_arrays *arrays, const char *name,
                      const struct kf_payload **out, struct kf_report *rep)
{
    const struct safetensors *st = arrays->state;

    (void)rep;
    *out = &st->entries[json_integer_value(json_object_get(st->index, name))].payload;
    return 0;
}

/* The model that the metadata hold; `*found` says whether they do. */
static int read_config(struct safetensors *st, bool *found)
{
    const json_t *metadata = json_object_get(st->header, KF_SAFETENSORS_METADATA);
    const char *text = kf_json_str(metadata, KF_SAFETENSORS_CONFIG, NULL);
    const char *version = kf_json_str(metadata, KF_SAFETENSORS_VERSION, NULL);
    json_auto_t *config = NULL;

    *found = text != NULL;
    if (!text)
        return 0;
    kf_report_evidence(st->rep, "the metadata hold the config of a model");
    kf_report_set(&st->rep->source.keras_version, version);
    config =
        kf_json_parse(text, strlen(text), &st->options->limits, KF_SAFETENSORS_CONFIG, st->rep);
    if (!config)
        return kf_report_status(st->rep);
    if (!json_object_get(config, "keras_version") && version)
        KF_TRY(kf_json_set(config, "keras_version", json_string(version), st->rep));
    KF_TRY(kf_architecture_parse(st->model, config, st->options, st->rep));
    st->model->weightless = false;
    return 0;
}

static int read_model(struct safetensors *st)
{
    const struct kf_arrays arrays = {
        .n = st->n, .suffix = "", .name = name_at, .has = has, .payload = payload_of, .state = st};
    bool found = false;

    KF_TRY(read_config(st, &found));
    if (!found && !st->model->in->architecture && st->model->names_do)
        return kf_arrays_loose(st->model, &arrays, st->rep);
    if (!found)
        KF_TRY(kf_architecture_read(st->model, st->options, st->rep));
    if (st->model->dialect == KF_DIALECT_KERAS1)
        return kf_report_add(st->rep, KF_UNSUPPORTED_PAIR, "",
                             "tensors of a model of Keras 1: save the weights there with "
                             "model.save_weights()");
    return kf_arrays_bind(st->model, &arrays, st->rep);
}

static int read_safetensors(struct kf_model *model, void *state, const struct kf_options *options,
                            struct kf_report *rep)
{
    struct safetensors st = {.model = model, .options = options, .rep = rep};
    int r = read_header(&st);

    (void)state;
    if (r >= 0)
        r = read_entries(&st);
    if (r >= 0)
        r = read_model(&st);
    json_decref(st.header);
    json_decref(st.index);
    return r;
}

const struct kf_reader kf_read_safetensors = {
    .info = &kf_info_read_safetensors,
    .kind = KF_FILE_SAFETENSORS,
    .read = read_safetensors,
};
