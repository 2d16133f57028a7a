/* SPDX-License-Identifier: Apache-2.0 */
#include "info.h"
#include <kf/options.h>
#include <stdio.h>
#include <string.h>

const struct kf_format_info kf_info_read_keras_h5 = {
    .name = "keras-h5",
    .title = "legacy whole model in HDF5 (.h5)",
    .wrote = "Keras 2.0-2.15, tf_keras 2.16-2.21",
};

const struct kf_format_info kf_info_read_keras3_h5 = {
    .name = "keras3-h5",
    .title = "legacy whole model in HDF5 (.h5) of Keras 3",
    .wrote = "Keras 3.0-3.15",
};

const struct kf_format_info kf_info_read_keras_zip2 = {
    .name = "keras-zip2",
    .title = "Keras 2 model (.keras)",
    .wrote = "Keras 2.12-2.15, tf_keras 2.16-2.21",
};

const struct kf_format_info kf_info_read_keras_zip_211 = {
    .name = "keras-zip-211",
    .title = "archive of Keras 2.11's experimental format (.keras)",
    .wrote = "Keras 2.11",
};

const struct kf_format_info kf_info_read_keras_zip3 = {
    .name = "keras-zip3",
    .title = "Keras 3 model (.keras)",
    .wrote = "Keras 3.0-3.15",
};

const struct kf_format_info kf_info_read_json = {
    .name = "keras-json",
    .title = "architecture in JSON, from to_json()",
    .wrote = "Keras 2.0-2.15, tf_keras 2.16-2.21, Keras 3",
};

const struct kf_format_info kf_info_read_yaml = {
    .name = "keras-yaml",
    .title = "architecture in YAML, from to_yaml()",
    .wrote = "Keras 2.0-2.5",
};

const struct kf_format_info kf_info_read_h5_weights = {
    .name = "h5-weights",
    .title = "legacy weights in HDF5 (.h5), with an architecture",
    .wrote = "Keras 2.0-2.15, tf_keras 2.16-2.21",
};

const struct kf_format_info kf_info_read_h5_no_config = {
    .name = "h5-no-config",
    .title = "legacy whole model in HDF5 without its config, with an architecture",
    .wrote = "Keras 2.0-2.15, tf_keras 2.16-2.21",
};

const struct kf_format_info kf_info_read_weights_h5 = {
    .name = "weights-h5",
    .title = "weights of saving_lib (.weights.h5), with an architecture",
    .wrote = "Keras 2.12-2.15, tf_keras 2.16-2.21, Keras 3",
};

const struct kf_format_info kf_info_read_shards = {
    .name = "weights-json",
    .title = "weights in shards (.weights.json), with an architecture",
    .wrote = "Keras 3.10-3.15",
};

/* The releases of Keras 3 that a config or weights are written for. */
#define KERAS3                                                                                     \
    (const struct kf_release_range[])                                                              \
    {                                                                                              \
        {"keras", KF_KERAS(3, 0, 0), KF_KERAS(3, 15, 1), {KF_KERAS(3, 0, 5), KF_KERAS(3, 15, 1)}}, \
        {                                                                                          \
            NULL, 0, 0,                                                                            \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

const struct kf_format_info kf_info_read_keras1_h5 = {
    .name = "keras1-h5",
    .title = "legacy whole model in HDF5 (.h5) of Keras 1",
    .wrote = "Keras 1.0.7-1.2.2",
};

const struct kf_format_info kf_info_write_keras = {
    .name = "keras",
    .title = "Keras 3 model (.keras)",
    .media_type = "application/vnd.keras",
    .suffix = ".keras",
    .releases = KERAS3,
    .keras_default = KF_KERAS(3, 15, 1),
};

const struct kf_format_info kf_info_write_weights_h5 = {
    .name = "weights.h5",
    .title = "weights of a Keras 3 model (.weights.h5)",
    .media_type = "application/x-hdf5",
    .suffix = ".weights.h5",
    .releases = KERAS3,
    .keras_default = KF_KERAS(3, 15, 1),
};

const struct kf_format_info kf_info_write_json = {
    .name = "json",
    .title = "architecture in JSON, as model.to_json() gives it",
    .media_type = "application/json",
    .suffix = ".json",
    .releases = KERAS3,
    .keras_default = KF_KERAS(3, 15, 1),
};

/* clang-format off */
static const struct kf_format_info *const readers[] = {
    &kf_info_read_keras_h5,
    &kf_info_read_keras1_h5,
    &kf_info_read_keras3_h5,
    &kf_info_read_json,
    &kf_info_read_keras_zip2,
    &kf_info_read_keras_zip_211,
    &kf_info_read_keras_zip3,
    &kf_info_read_h5_weights,
    &kf_info_read_h5_no_config,
    &kf_info_read_yaml,
    &kf_info_read_weights_h5,
    &kf_info_read_shards,
};
/* clang-format on */
/* clang-format off */
static const struct kf_format_info *const writers[] = {
    &kf_info_write_keras,
    &kf_info_write_weights_h5,
    &kf_info_write_json,
};
/* clang-format on */

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

const struct kf_format_info *kf_reader_info(size_t index)
{
    return index < N_OF(readers) ? readers[index] : NULL;
}

const struct kf_format_info *kf_writer_info(size_t index)
{
    return index < N_OF(writers) ? writers[index] : NULL;
}

const struct kf_format_info *kf_writer_find(const char *name)
{
    for (size_t i = 0; i < N_OF(writers); i++)
        if (strcmp(writers[i]->name, name) == 0)
            return writers[i];
    return NULL;
}

/* The last patch of each minor release that there is. */
static const int last_patches[] = {
    KF_KERAS(3, 0, 5),  KF_KERAS(3, 1, 1),  KF_KERAS(3, 2, 1),  KF_KERAS(3, 3, 3),
    KF_KERAS(3, 4, 1),  KF_KERAS(3, 5, 0),  KF_KERAS(3, 6, 0),  KF_KERAS(3, 7, 0),
    KF_KERAS(3, 8, 0),  KF_KERAS(3, 9, 2),  KF_KERAS(3, 10, 0), KF_KERAS(3, 11, 3),
    KF_KERAS(3, 12, 4), KF_KERAS(3, 13, 2), KF_KERAS(3, 14, 1), KF_KERAS(3, 15, 1),
};

int kf_writer_release(const struct kf_format_info *writer, const char *text)
{
    int major, minor, patch = -1, used = 0, release = 0;

    if (sscanf(text, "%1d.%2d%n.%2d%n", &major, &minor, &used, &patch, &used) < 2 || text[used])
        return 0;
    for (size_t i = 0; i < N_OF(last_patches); i++)
        if (last_patches[i] / 100 == KF_KERAS(major, minor, 0) / 100 &&
            patch <= last_patches[i] % 100)
            release = patch < 0 ? last_patches[i] : KF_KERAS(major, minor, patch);
    for (const struct kf_release_range *range = writer->releases; range && range->family; range++)
        if (release >= range->first && release <= range->last)
            return release;
    return 0;
}
