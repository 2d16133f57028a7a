/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/h5/h5.h"
#include "../../io/text/json.h"
#include "detect.h"
#include <string.h>

/* Writers of other HDF5 files, by a root attribute. */
static const struct {
    const char *attribute, *writer;
} others[] = {
    {"PYTABLES_FORMAT_VERSION", "PyTables or pandas"},
    {"_NCProperties", "NetCDF"},
    {"CLASS", "PyTables or HDF5's image tools"},
};

static void take_writer(struct kf_look *look, struct kf_h5 *h5)
{
    const char *version = kf_h5_attr_short(h5, "/", "keras_version", look->arena);
    const char *backend = kf_h5_attr_short(h5, "/", "backend", look->arena);

    if (version)
        kf_report_evidence(look->rep, "root attribute keras_version is %s", version);
    if (backend)
        kf_report_evidence(look->rep, "root attribute backend is %s", backend);
    kf_report_set(&look->rep->source.keras_version, version);
    kf_report_set(&look->rep->source.backend, backend);
}

/* Keys that only one generation writes into a layer's config; 2 also for one that 1 shares. */
static int config_generation(const json_t *config, bool *weak)
{
    static const struct {
        const char *key;
        int major;
    } keys[] = {{"batch_shape", 3},      {"kernel_initializer", 2}, {"embeddings_initializer", 2},
                {"beta_initializer", 2}, {"nb_filter", 1},          {"init", 1},
                {"input_dtype", 1},      {"batch_input_shape", 2}};

    *weak = false;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (json_object_get(config, keys[i].key)) {
            *weak = i + 1 == sizeof(keys) / sizeof(keys[0]) || keys[i].major == 2;
            return keys[i].major;
        }
    return 0;
}

int kf_look_generation(const json_t *model)
{
    const char *module = kf_json_str(model, "module", "");
    const json_t *config = json_object_get(model, "config");
    const json_t *layers = json_is_array(config) ? config : json_object_get(config, "layers");
    const json_t *layer;
    size_t i;
    int major = 0;

    /* Only Keras 3 writes trainable into a Sequential. */
    if (kf_starts(module, "keras.src.models") ||
        (kf_streq(module, "keras") && json_object_get(config, "trainable")))
        return 3;
    if (kf_starts(module, "keras.src.engine") || kf_starts(module, "keras.engine") ||
        kf_starts(module, "tf_keras"))
        return 2;
    json_array_foreach((json_t *)layers, i, layer)
    {
        bool weak;
        int found = config_generation(json_object_get(layer, "config"), &weak);

        /* A 3 or a 1 is certain; Keras 3 writes kernel_initializer too. */
        if (found > 0 && (!weak || major == 0))
            major = found;
    }
    return major;
}

/* What the config says itself; a config that is no JSON is the reader's to refuse. */
static int read_generation(struct kf_look *look, struct kf_h5 *h5, int *major)
{
    struct kf_buf text = {.max = (size_t)look->limits->json_bytes};
    struct kf_report ignored;
    int status;

    kf_report_init(&ignored);
    if (kf_h5_attr_text(h5, "/", "model_config", &text, &ignored) == 0)
        look->config = kf_json_parse(text.data, text.n, look->limits, "model_config", &ignored);
    *major = kf_look_generation(look->config);
    status = kf_look_memory(look, &ignored);
    kf_buf_finish(&text);
    kf_report_finish(&ignored);
    return status;
}

static int whole_model(struct kf_look *look, struct kf_h5 *h5, enum kf_kind_id *out)
{
    int major = kf_look_major(look->rep->source.keras_version), config;

    KF_TRY(read_generation(look, h5, &config));
    kf_report_evidence(look->rep, "root attribute model_config is there");
    if (config == 3 && major != 3)
        kf_report_evidence(look->rep, "the config is of Keras 3");
    if (major == 0 && config != 3)
        kf_report_evidence(look->rep, "the config is of Keras %d", config == 2 ? 2 : 1);
    if (config == 3 || (config == 0 && major == 3))
        *out = KF_FILE_KERAS3_H5;
    else if (major == 1 || (major == 0 && config != 2))
        *out = KF_FILE_KERAS1_H5;
    else
        *out = KF_FILE_KERAS_H5;
    return 0;
}

/* A group `vars` whose members are numbered: saving_lib. */
static bool is_vars(struct kf_look *look, struct kf_h5 *h5, const char *path)
{
    const char *first = kf_arena_printf(look->arena, "%s/0", path);
    const char **names;
    size_t n;

    if (!first || !kf_ends(path, "/vars") || !kf_h5_is_group(h5, path) ||
        kf_h5_children(h5, path, look->arena, &names, &n, look->rep) < 0)
        return false;
    return n == 0 || kf_h5_has(h5, first);
}

static int find_vars(struct kf_look *look, struct kf_h5 *h5, const char *path, bool *found)
{
    const char **names;
    size_t n;

    KF_TRY(kf_h5_children(h5, path, look->arena, &names, &n, look->rep));
    for (size_t i = 0; !*found && i < n; i++) {
        const char *below = kf_arena_printf(look->arena, "%s/%s", path, names[i]);

        if (!below)
            return kf_report_add(look->rep, KF_NO_MEMORY, "", "no memory to look at the file");
        if (is_vars(look, h5, below)) {
            kf_report_evidence(look->rep, "%s is a group of numbered datasets", below);
            *found = true;
        } else if (kf_h5_is_group(h5, below)) {
            KF_TRY(find_vars(look, h5, below, found));
        }
    }
    return 0;
}

static enum kf_kind_id other_h5(struct kf_look *look, struct kf_h5 *h5)
{
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (kf_h5_has_attr(h5, "/", others[i].attribute))
            kf_report_evidence(look->rep, "root attribute %s: written by %s", others[i].attribute,
                               others[i].writer);
    if (memcmp(look->head, "MATLAB", 6) == 0)
        kf_report_evidence(look->rep, "it begins like a file of MATLAB");
    return KF_FILE_H5_OTHER;
}

/* No attribute tells; the tree must, which HDF5 may read only when it is sound. */
static int look_at_tree(struct kf_look *look, enum kf_kind_id *out)
{
    KF_AUTO(kf_h5) h5 = NULL;
    bool found = false;

    KF_TRY(kf_h5_open(&h5, look->src, look->limits, look->rep));
    KF_TRY(find_vars(look, h5, "", &found));
    if (found) {
        *out = KF_FILE_WEIGHTS_H5;
    } else if (kf_h5_is_group(h5, "/model_weights")) {
        kf_report_evidence(look->rep, "group model_weights, but no attribute model_config");
        *out = KF_FILE_H5_NO_CONFIG;
    } else {
        *out = other_h5(look, h5);
    }
    return 0;
}

/*
 * HDF5 may begin behind a block of the user's own, of 512 bytes and up: just where an archive may
 * have its first member, or any of them.
 */
static bool is_archive(const struct kf_look *look)
{
    return (look->n >= 4 && memcmp(look->head, "PK\3\4", 4) == 0) ||
           (look->n >= 262 && memcmp(look->head + 257, "ustar", 5) == 0);
}

int kf_look_h5(struct kf_look *look, enum kf_kind_id *out)
{
    KF_AUTO(kf_h5) h5 = NULL;
    uint64_t at;

    if (!kf_h5_signature(look->src, &at, look->rep) || (at > 0 && is_archive(look)))
        return kf_report_status(look->rep) == -KF_READ_FAILED ? -KF_READ_FAILED : 0;
    kf_report_set(&look->rep->source.format, "hdf5");
    kf_report_set(&look->rep->source.title, "an HDF5 file");
    KF_TRY(kf_h5_peek(&h5, look->src, look->limits, look->rep));
    take_writer(look, h5);
    if (kf_h5_has_attr(h5, "/", "model_config")) {
        return whole_model(look, h5, out);
    } else if (kf_h5_has_attr(h5, "/", "layer_names") || kf_h5_has_attr(h5, "/", "layer_names0")) {
        kf_report_evidence(look->rep, "root attribute layer_names is there");
        *out = KF_FILE_H5_WEIGHTS;
    } else if (kf_h5_has_attr(h5, "/", "nb_layers")) {
        kf_report_evidence(look->rep, "root attribute nb_layers is there");
        *out = KF_FILE_H5_WEIGHTS_OLD;
    } else {
        return look_at_tree(look, out);
    }
    return 0;
}
