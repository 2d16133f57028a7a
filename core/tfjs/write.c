/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/num.h"
#include "../format/info.h"
#include "../format/keras2/keras2_settle.h"
#include "../format/saving_lib/assets.h"
#include "../format/writer.h"
#include "../io/checksum.h"
#include "../io/text/json.h"
#include "../io/zip/zip.h"
#include "../model/affine.h"
#include "tfjs.h"
#include <inttypes.h>
#include <kf/progress.h>
#include <stdio.h>

extern const struct kf_writer kf_write_tfjs;

#define SHARD_BYTES ((uint64_t)4 << 20)
#define PIECE       ((size_t)1 << 18)
#define SHARD_NAME  "group1-shard%" PRIu64 "of%" PRIu64 ".bin"

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static int measure(uint64_t *size, const struct kf_tensor_names *names, struct kf_report *rep)
{
    *size = 0;
    for (size_t i = 0; i < names->n; i++)
        if (!kf_add(*size, kf_payload_bytes(names->items[i].tensor->payload), size))
            return kf_report_add(rep, KF_TOO_LARGE, "", "the weights have no size");
    return 0;
}

static uint64_t count_shards(uint64_t size)
{
    return size / SHARD_BYTES + (size % SHARD_BYTES != 0);
}

static int check_dtypes(const struct kf_tensor_names *names, struct kf_report *rep)
{
    for (size_t i = 0; i < names->n; i++)
        if (names->items[i].tensor->payload->dtype != KF_DTYPE_FLOAT32)
            kf_report_add(rep, KF_NO_EQUAL, names->items[i].owner,
                          "%s is of %s, and TensorFlow.js computes in float32",
                          names->items[i].tensor->variable,
                          kf_dtype_name(names->items[i].tensor->payload->dtype));
    return 0;
}

/* What quantizing to each dtype changes at most. */
static const struct {
    enum kf_dtype dtype;
    const char *bound;
} quantizing[] = {
    [KF_QUANTIZE_NONE] = {KF_DTYPE_NONE, NULL},
    [KF_QUANTIZE_FLOAT16] = {KF_DTYPE_FLOAT16, "a 2048th of a value, or 3e-8"},
    [KF_QUANTIZE_UINT8] = {KF_DTYPE_UINT8, "a 510th of the range of the values"},
    [KF_QUANTIZE_UINT16] = {KF_DTYPE_UINT16, "a 131070th of the range of the values"},
};

/* As what a weight is written; it must be measured before it is. */
static int quantize(const struct kf_tensor_names *names, struct kf_model *model,
                    const struct kf_options *options, struct kf_report *rep)
{
    enum kf_dtype dtype = quantizing[options->quantize].dtype;

    for (size_t i = 0; dtype != KF_DTYPE_NONE && i < names->n; i++) {
        struct kf_tensor *tensor = names->items[i].tensor;

        tensor->payload = kf_affine_quantized(model->arena, tensor->payload, dtype);
        tensor->done = kf_arena_printf(model->arena, "%s%s%s", tensor->done ? tensor->done : "",
                                       tensor->done ? "; " : "", kf_dtype_name(dtype));
        if (!tensor->payload || !tensor->done)
            return no_memory(rep);
        KF_TRY(kf_report_add(rep, KF_QUANTIZED, names->items[i].owner,
                             "%s is kept in %s, which changes its values by at most %s",
                             tensor->variable, kf_dtype_name(dtype),
                             quantizing[options->quantize].bound));
    }
    return 0;
}

/* Look at all values of what is quantized; the table of the report gets how far they may move. */
static int measure_values(const struct kf_tensor_names *names, const struct kf_options *options,
                          struct kf_report *rep)
{
    for (size_t i = 0; options->quantize != KF_QUANTIZE_NONE && i < names->n; i++) {
        const struct kf_tensor *tensor = names->items[i].tensor;
        char done[160];
        double error = 0;

        KF_TRY(kf_affine_measure(tensor->payload, names->items[i].owner, &error, rep));
        snprintf(done, sizeof(done), "%.100s, each within %.3g of what it was", tensor->done,
                 error);
        if (i < rep->n_tensors)
            kf_report_set(&rep->tensors[i].done, done);
    }
    return 0;
}

static int plan_names(struct kf_model *model, const struct kf_options *options,
                      struct kf_report *rep)
{
    struct kf_tensor_names names = {0};
    int r = kf_tfjs_names(&names, model, rep);

    if (r >= 0)
        r = check_dtypes(&names, rep);
    if (r >= 0)
        r = kf_report_status(rep); /* what follows takes float32 */
    if (r >= 0)
        r = quantize(&names, model, options, rep);
    if (r >= 0)
        r = kf_tensor_names_plan(&names, model, rep);
    kf_tensor_names_finish(&names);
    return r;
}

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    json_t *config = NULL;

    kf_report_set(&rep->target.format, kf_write_tfjs.info->name);
    KF_TRY(kf_assets_to_config(model, options, rep));
    KF_TRY(kf_keras2_settle(model, keras, rep));
    KF_TRY(kf_tfjs_check(model, false, rep));
    KF_TRY(plan_names(model, options, rep));
    KF_TRY(kf_tfjs_topology(&config, model, rep)); /* that there is one */
    json_decref(config);
    return 0;
}

static int add_quantization(json_t *spec, const struct kf_payload *payload, struct kf_report *rep)
{
    const struct kf_affine *affine = kf_affine_of(payload);
    const char *dtype = kf_dtype_name(payload->dtype);

    if (payload->dtype == KF_DTYPE_FLOAT16)
        return kf_json_set(spec, "quantization",
                           json_pack("{s:s, s:s}", "dtype", dtype, "original_dtype", "float32"),
                           rep);
    return kf_json_set(spec, "quantization",
                       json_pack("{s:s, s:f, s:f, s:s}", "dtype", dtype, "min", affine->min,
                                 "scale", affine->scale, "original_dtype", "float32"),
                       rep);
}

static int add_weight(json_t *weights, const struct kf_tensor_name *item, struct kf_report *rep)
{
    const struct kf_payload *payload = item->tensor->payload;
    json_auto_t *shape = json_array(), *spec = NULL;

    for (unsigned i = 0; i < payload->rank; i++)
        KF_TRY(kf_json_append(shape, json_integer((json_int_t)payload->dims[i]), rep));
    spec = json_pack("{s:s, s:O, s:s}", "name", item->name, "shape", shape, "dtype",
                     kf_dtype_name(KF_DTYPE_FLOAT32));
    if (spec && payload->dtype != KF_DTYPE_FLOAT32)
        KF_TRY(add_quantization(spec, payload, rep));
    return kf_json_append(weights, json_incref(spec), rep);
}

/* The list of the weights and of the files that they stand in, a new reference. */
static int make_manifest(json_t **out, const struct kf_tensor_names *names, uint64_t size,
                         struct kf_report *rep)
{
    json_auto_t *weights = json_array(), *paths = json_array();
    uint64_t n = count_shards(size);
    char path[80];

    for (size_t i = 0; i < names->n; i++)
        KF_TRY(add_weight(weights, &names->items[i], rep));
    for (uint64_t i = 1; i <= n; i++) {
        snprintf(path, sizeof(path), SHARD_NAME, i, n);
        KF_TRY(kf_json_append(paths, json_string(path), rep));
    }
    *out = json_pack("[{s:O, s:O}]", "paths", paths, "weights", weights);
    return *out ? 0 : no_memory(rep);
}

static int make_document(json_t **out, struct kf_model *model, const struct kf_tensor_names *names,
                         uint64_t size, struct kf_report *rep)
{
    json_auto_t *manifest = NULL, *config = NULL;

    KF_TRY(make_manifest(&manifest, names, size, rep));
    if (kf_tfjs_topology(&config, model, NULL) < 0)
        return no_memory(rep);
    *out = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:O}, s:O}", "format", "layers-model",
                     "generatedBy", "keras v2.12.0", "convertedBy", "kferry", "modelTopology",
                     "keras_version", "2.12.0", "backend", "tensorflow", "model_config", config,
                     "weightsManifest", manifest);
    return *out ? 0 : no_memory(rep);
}

/* The weights on their way into one shard after another. */
struct shards {
    struct kf_zip_out *zip;
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_sink to;  /* the shard that is open */
    uint64_t at, total; /* bytes written of all */
    char *piece;
};

static int begin_shard(struct shards *shards)
{
    char name[80];

    snprintf(name, sizeof(name), SHARD_NAME, shards->at / SHARD_BYTES + 1,
             count_shards(shards->total));
    return kf_zip_out_begin(shards->zip, name, &shards->to, shards->rep);
}

/* Write bytes that do not go beyond the shard; it ends where it is full or all is written. */
static int put(struct shards *shards, const char *bytes, size_t n)
{
    uint64_t at = shards->at % SHARD_BYTES;

    if (at == 0)
        KF_TRY(begin_shard(shards));
    KF_TRY(kf_sink_write(&shards->to, at, bytes, n, "", shards->rep));
    kf_crc_note(shards->to.crc, at, n, kf_crc32(0, bytes, n));
    shards->at += n;
    if (shards->at % SHARD_BYTES && shards->at < shards->total)
        return 0;
    return kf_zip_out_end(shards->zip, shards->rep);
}

/* Pull a payload in pieces that end where shards do, hash it, and write it when `write`. */
static int pull_all(struct shards *shards, const struct kf_payload *payload, bool write,
                    struct kf_checksum *sum)
{
    uint64_t end = kf_payload_bytes(payload), at = 0;
    struct kf_hasher hasher;

    kf_hasher_init(&hasher, shards->options->checksum);
    while (at < end) {
        size_t n = (size_t)kf_min(end - at, PIECE);

        if (write)
            n = (size_t)kf_min(n, SHARD_BYTES - shards->at % SHARD_BYTES);
        KF_TRY(payload->pull(payload, at, shards->piece, n, shards->rep));
        kf_hasher_update(&hasher, shards->piece, n);
        if (write)
            KF_TRY(put(shards, shards->piece, n));
        kf_progress_bytes(shards->rep, write ? n : 0);
        at += n;
    }
    kf_hasher_finish(&hasher, sum);
    return 0;
}

static int write_weight(struct shards *shards, const struct kf_payload *payload,
                        struct kf_tensor_report *row)
{
    const struct kf_payload *root = kf_payload_root(payload);
    struct kf_checksum before = {0}, after = {0};

    KF_TRY(pull_all(shards, payload, true, &after));
    before = after;
    if (root != payload && shards->options->checksum != KF_CHECKSUM_NONE)
        KF_TRY(pull_all(shards, root, false, &before));
    kf_progress_tensor(shards->rep);
    if (row) {
        row->before = before;
        row->after = after;
    }
    return 0;
}

static int write_document(struct kf_zip_out *zip, const json_t *document, struct kf_report *rep)
{
    size_t n = 0;
    char *text = kf_json_dump_ascii(document, &n);
    int r = text ? kf_zip_out_text(zip, "model.json", text, n, rep) : no_memory(rep);

    kf_free(text);
    return r;
}

static int write_zip(struct shards *shards, struct kf_model *model,
                     const struct kf_tensor_names *names)
{
    struct kf_report *rep = shards->rep;
    json_t *document = NULL;
    int r;

    KF_TRY(measure(&shards->total, names, rep));
    KF_TRY(measure_values(names, shards->options, rep));
    r = make_document(&document, model, names, shards->total, rep);
    if (r >= 0)
        r = write_document(shards->zip, document, rep);
    json_decref(document);
    for (size_t i = 0; r >= 0 && i < names->n; i++)
        r = write_weight(shards, names->items[i].tensor->payload,
                         i < rep->n_tensors ? &rep->tensors[i] : NULL);
    return r < 0 ? r : kf_zip_out_close(shards->zip, rep);
}

static int write_tfjs(const char *path, struct kf_model *model, int keras,
                      const struct kf_options *options, struct kf_report *rep)
{
    KF_AUTO(kf_zip_out) zip = NULL;
    struct kf_tensor_names names = {0};
    struct shards shards = {.options = options, .rep = rep, .piece = kf_alloc(PIECE)};
    int r = shards.piece ? kf_zip_create(&zip, path, rep) : no_memory(rep);

    (void)keras;
    shards.zip = zip;
    if (r >= 0)
        r = kf_tfjs_names(&names, model, rep);
    if (r >= 0)
        r = write_zip(&shards, model, &names);
    kf_tensor_names_finish(&names);
    kf_free(shards.piece);
    return r;
}

const struct kf_writer kf_write_tfjs = {
    .info = &kf_info_write_tfjs,
    .speaks = KF_TFJS_SPEAKS,
    .takes = KF_TAKES_MODEL,
    .for_tfjs = true,
    .plan = plan,
    .write = write_tfjs,
};
