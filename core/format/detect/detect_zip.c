/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../io/zip/zip.h"
#include "detect.h"
#include <string.h>

/* Zips that a member's name tells, in this order. */
static const struct hint {
    const char *suffix;
    enum kf_kind_id kind;
} hints[] = {
    {"/data.pkl", KF_FILE_PYTORCH},
    {"saved_model.pb", KF_FILE_SAVED_MODEL_ZIP},
    {"saved_model.pbtxt", KF_FILE_SAVED_MODEL_ZIP},
    {"[Content_Types].xml", KF_FILE_OFFICE},
    {".keras", KF_FILE_MODELS_ZIP},
    {".h5", KF_FILE_MODELS_ZIP},
    {".hdf5", KF_FILE_MODELS_ZIP},
    {"/config.json", KF_FILE_MODELS_ZIP},
    {".index", KF_FILE_MODELS_ZIP},
};

/* A member as JSON, or NULL: that it is damaged is the reader's to say. */
static int read_json(struct kf_look *look, struct kf_zip *zip, const char *name, json_t **out)
{
    struct kf_buf text = {.max = (size_t)look->limits->json_bytes};
    struct kf_report ignored;
    int status;

    kf_report_init(&ignored);
    *out = NULL;
    if (kf_zip_read(zip, name, &text, &ignored) == 0)
        *out = kf_json_parse(text.data, text.n, look->limits, name, &ignored);
    status = kf_look_memory(look, &ignored);
    kf_buf_finish(&text);
    kf_report_finish(&ignored);
    return status;
}

static int take_version(struct kf_look *look, struct kf_zip *zip)
{
    json_t *metadata;
    const char *version;

    KF_TRY(read_json(look, zip, "metadata.json", &metadata));
    version = kf_json_str(metadata, "keras_version", NULL);
    if (version)
        kf_report_evidence(look->rep, "metadata.json says keras_version %s", version);
    kf_report_set(&look->rep->source.keras_version, version);
    json_decref(metadata);
    return 0;
}

/* By the config's own words first: whoever packs a zip again may write any version. */
static enum kf_kind_id keras_zip(struct kf_look *look, const json_t *config)
{
    int major = kf_look_major(look->rep->source.keras_version);
    int generation = kf_look_generation(config);

    if (generation > 0 && generation != major)
        kf_report_evidence(look->rep, "config.json is of Keras %d", generation);
    if (generation == 0)
        generation = major;
    return generation == 2 ? KF_FILE_KERAS_ZIP2 : KF_FILE_KERAS_ZIP3;
}

static enum kf_kind_id with_config(struct kf_look *look, struct kf_zip *zip, const json_t *config)
{
    enum kf_kind_id kind = KF_FILE_UNKNOWN;
    const char *weights = "no weights";

    if (kf_zip_has(zip, "model.weights.npz")) {
        kind = KF_FILE_KERAS_ZIP_NPZ;
        weights = "model.weights.npz";
    } else if (kf_zip_has(zip, "variables.h5")) {
        kind = KF_FILE_KERAS_ZIP_211;
        weights = "variables.h5";
    } else if (kf_zip_has(zip, "model.weights.h5")) {
        kind = keras_zip(look, config);
        weights = "model.weights.h5";
    } else if (kf_zip_has(zip, "metadata.json") || kf_json_is_object_of_class(config)) {
        kind = keras_zip(look, config);
    }
    if (kind != KF_FILE_UNKNOWN)
        kf_report_evidence(look->rep, "a zip with config.json and %s", weights);
    return kind;
}

static int look_at_config(struct kf_look *look, struct kf_zip *zip, enum kf_kind_id *out)
{
    KF_TRY(take_version(look, zip));
    KF_TRY(read_json(look, zip, "config.json", &look->config));
    *out = with_config(look, zip, look->config);
    return 0;
}

/* Where there is no member at all, its name says what the archive would hold. */
static bool all_arrays(const struct kf_look *look, const struct kf_zip *zip)
{
    size_t n = kf_zip_count(zip);

    for (size_t i = 0; i < n; i++)
        if (!kf_ends(kf_zip_name(zip, i), ".npy"))
            return false;
    return n > 0 || (look->src->name && kf_ends(look->src->name, ".npz"));
}

static enum kf_kind_id by_names(struct kf_look *look, const struct kf_zip *zip)
{
    if (all_arrays(look, zip)) {
        kf_report_evidence(look->rep, "a zip of .npy members");
        return KF_FILE_NPZ;
    }
    for (size_t h = 0; h < sizeof(hints) / sizeof(hints[0]); h++)
        for (size_t i = 0; i < kf_zip_count(zip); i++)
            if (kf_ends(kf_zip_name(zip, i), hints[h].suffix)) {
                kf_report_evidence(look->rep, "a zip with the member %s", kf_zip_name(zip, i));
                return hints[h].kind;
            }
    kf_report_evidence(look->rep, "a zip of %zu members", kf_zip_count(zip));
    return KF_FILE_ZIP_OTHER;
}

int kf_look_zip(struct kf_look *look, enum kf_kind_id *out)
{
    KF_AUTO(kf_zip) zip = NULL;

    if (look->n < 4 ||
        (memcmp(look->head, "PK\3\4", 4) != 0 && memcmp(look->head, "PK\5\6", 4) != 0))
        return 0;
    kf_report_set(&look->rep->source.format, "zip");
    kf_report_set(&look->rep->source.title, "a zip");
    KF_TRY(kf_zip_open(&zip, look->src, look->limits, look->rep));
    if (kf_zip_has(zip, "config.json"))
        KF_TRY(look_at_config(look, zip, out));
    if (*out == KF_FILE_UNKNOWN)
        *out = by_names(look, zip);
    return 0;
}
