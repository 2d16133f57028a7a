/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "../../io/move.h"
#include "../../io/text/json.h"
#include "../architecture_write.h"
#include "../info.h"
#include "../keras2/keras2_settle.h"
#include "../release.h"
#include "../saving_lib/assets.h"
#include "../writer.h"
#include "safetensors.h"
#include "tensor_names.h"
#include <string.h>

extern const struct kf_writer kf_write_safetensors;

/* Where the tensors begin: so that they can be mapped as what they are. */
#define ALIGNMENT 64

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

/* Larger elements first, so that each tensor begins at a multiple of its elements' size. */
static int sort_names(struct kf_tensor_names *names, struct kf_report *rep)
{
    struct kf_tensor_name *sorted = kf_alloc((names->n + 1) * sizeof(*sorted));
    size_t n = 0;

    if (!sorted)
        return no_memory(rep);
    for (size_t size = 8; size; size /= 2)
        for (size_t i = 0; i < names->n; i++)
            if (kf_dtype_size(names->items[i].tensor->payload->dtype) == size)
                sorted[n++] = names->items[i];
    kf_free(names->items);
    names->items = sorted;
    return 0;
}

static int make_names(struct kf_tensor_names *out, struct kf_model *model, struct kf_report *rep)
{
    KF_TRY(kf_tensor_names(out, model, rep));
    return sort_names(out, rep);
}

static bool has_config(const struct kf_model *model)
{
    return model->graph && !model->made_up;
}

/* {"keras_version", "keras_config"}, or {} for weights alone; a new reference. */
static int make_metadata(json_t **out, const struct kf_model *model, int keras,
                         struct kf_report *rep)
{
    json_auto_t *config = NULL;
    char release[KF_RELEASE_TEXT];
    size_t n = 0;
    char *text;

    if (!has_config(model)) {
        *out = json_object();
        return *out ? 0 : no_memory(rep);
    }
    kf_release_text(keras, release);
    KF_TRY(kf_architecture_make(&config, model, keras, rep));
    text = kf_json_dump_ascii(config, &n);
    if (!text)
        return no_memory(rep);
    *out = json_pack("{s:s, s:s}", KF_SAFETENSORS_VERSION, release, KF_SAFETENSORS_CONFIG, text);
    kf_free(text);
    return *out ? 0 : no_memory(rep);
}

/* Add a tensor that begins at `*at`, and move that behind it. */
static int add_tensor(json_t *header, const struct kf_tensor_name *item, uint64_t *at,
                      struct kf_report *rep)
{
    const struct kf_payload *payload = item->tensor->payload;
    json_auto_t *shape = json_array();
    uint64_t begin = *at;

    if (!kf_add(begin, kf_payload_bytes(payload), at) || *at > INT64_MAX)
        return kf_report_add(rep, KF_TOO_LARGE, "", "the weights have no size");
    for (unsigned i = 0; i < payload->rank; i++)
        KF_TRY(kf_json_append(shape, json_integer((json_int_t)payload->dims[i]), rep));
    return kf_json_set(header, item->name,
                       json_pack("{s:s, s:O, s:[I,I]}", "dtype",
                                 kf_safetensors_dtype_name(payload->dtype), "shape", shape,
                                 "data_offsets", (json_int_t)begin, (json_int_t)*at),
                       rep);
}

/* The header's text, kf_alloc()ed. */
static int make_header(char **out, size_t *n_out, const struct kf_tensor_names *names,
                       const struct kf_model *model, int keras, struct kf_report *rep)
{
    json_auto_t *header = json_object();
    json_t *metadata = NULL;
    uint64_t at = 0;

    KF_TRY(make_metadata(&metadata, model, keras, rep));
    KF_TRY(kf_json_set(header, KF_SAFETENSORS_METADATA, metadata, rep));
    for (size_t i = 0; i < names->n; i++) {
        if (strcmp(names->items[i].name, KF_SAFETENSORS_METADATA) == 0)
            return kf_report_add(rep, KF_VALUE_NO_EQUAL, names->items[i].owner,
                                 "a variable is called " KF_SAFETENSORS_METADATA);
        KF_TRY(add_tensor(header, &names->items[i], &at, rep));
    }
    *out = kf_json_dump_ascii(header, n_out);
    if (!*out)
        return no_memory(rep);
    if (*n_out <= KF_SAFETENSORS_HEADER_MAX - ALIGNMENT)
        return 0;
    kf_free(*out);
    *out = NULL;
    return kf_report_add(rep, KF_NO_EQUAL, "",
                         "the config and the names take %zu bytes, where the header of safetensors "
                         "has room for 100 MB",
                         *n_out);
}

static int plan_model(struct kf_model *model, int keras, const struct kf_options *options,
                      struct kf_report *rep)
{
    KF_TRY(kf_assets_to_config(model, options, rep));
    return keras < KF_KERAS(3, 0, 0) ? kf_keras2_settle(model, keras, rep) : 0;
}

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    struct kf_tensor_names names = {0};
    char release[KF_RELEASE_TEXT], *header = NULL;
    size_t n;
    int r = 0;

    kf_release_text(keras, release);
    kf_report_set(&rep->target.format, kf_write_safetensors.info->name);
    kf_report_set(&rep->target.keras_version, release);
    if (has_config(model))
        r = plan_model(model, keras, options, rep);
    if (r >= 0)
        r = make_names(&names, model, rep);
    if (r >= 0)
        r = make_header(&header, &n, &names, model, keras, rep); /* that there is one */
    if (r >= 0)
        r = kf_tensor_names_plan(&names, model, rep);
    kf_free(header);
    kf_tensor_names_finish(&names);
    return r;
}

/* The length, the header, and blanks up to where the tensors begin, which is set. */
static int write_header(const struct kf_sink *to, const char *header, size_t n, uint64_t *begin,
                        struct kf_report *rep)
{
    static const char blanks[ALIGNMENT + 1] =
        "                                                                ";
    size_t padding = (ALIGNMENT - (n + 8) % ALIGNMENT) % ALIGNMENT;
    unsigned char length[8];
    uint64_t value = n + padding;

    for (size_t i = 0; i < sizeof(length); i++, value >>= 8)
        length[i] = (unsigned char)value;
    KF_TRY(kf_sink_write(to, 0, length, sizeof(length), "", rep));
    KF_TRY(kf_sink_write(to, 8, header, n, "", rep));
    KF_TRY(kf_sink_write(to, 8 + n, blanks, padding, "", rep));
    *begin = 8 + n + padding;
    return 0;
}

static int write_tensors(struct kf_mover *mover, const struct kf_tensor_names *names,
                         const char *header, size_t n, const struct kf_options *options,
                         struct kf_report *rep)
{
    uint64_t at = 0;

    KF_TRY(write_header(&mover->to, header, n, &at, rep));
    for (size_t i = 0; i < names->n; i++) {
        const struct kf_tensor_name *item = &names->items[i];

        KF_TRY(kf_move(mover, item->tensor->payload, at, options->checksum,
                       i < rep->n_tensors ? &rep->tensors[i] : NULL, item->name, rep));
        at += kf_payload_bytes(item->tensor->payload);
    }
    return 0;
}

static int write_safetensors(const char *path, struct kf_model *model, int keras,
                             const struct kf_options *options, struct kf_report *rep)
{
    struct kf_mover mover = {.to = KF_SINK_NONE};
    struct kf_tensor_names names = {0};
    char *header = NULL;
    size_t n = 0;
    int r = make_names(&names, model, rep);

    if (r >= 0)
        r = make_header(&header, &n, &names, model, keras, rep);
    if (r >= 0)
        r = kf_sink_create(&mover.to, path, rep);
    if (r >= 0)
        r = write_tensors(&mover, &names, header, n, options, rep);
    kf_sink_finish(&mover.to);
    kf_mover_finish(&mover);
    kf_free(header);
    kf_tensor_names_finish(&names);
    return r;
}

const struct kf_writer kf_write_safetensors = {
    .info = &kf_info_write_safetensors,
    .takes = KF_TAKES_NAMES,
    .plan = plan,
    .write = write_safetensors,
};
