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
    .wrote = "Keras 1.0-1.2, 2.0-2.15, tf_keras 2.16-2.21, Keras 3",
};

const struct kf_format_info kf_info_read_yaml = {
    .name = "keras-yaml",
    .title = "architecture in YAML, from to_yaml()",
    .wrote = "Keras 1.0-2.5",
};

const struct kf_format_info kf_info_read_h5_weights = {
    .name = "h5-weights",
    .title = "legacy weights in HDF5 (.h5)",
    .wrote = "Keras 1.0-1.2, 2.0-2.15, tf_keras 2.16-2.21",
};

const struct kf_format_info kf_info_read_h5_weights_old = {
    .name = "h5-weights-old",
    .title = "weights without names in HDF5, with an architecture of Keras 1",
    .wrote = "Keras before 1.0",
};

const struct kf_format_info kf_info_read_h5_no_config = {
    .name = "h5-no-config",
    .title = "legacy whole model in HDF5 without its config, with an architecture",
    .wrote = "Keras 2.0-2.15, tf_keras 2.16-2.21",
};

const struct kf_format_info kf_info_read_weights_h5 = {
    .name = "weights-h5",
    .title = "weights of saving_lib (.weights.h5)",
    .wrote = "Keras 2.12-2.15, tf_keras 2.16-2.21, Keras 3",
};

const struct kf_format_info kf_info_read_shards = {
    .name = "weights-json",
    .title = "weights in shards (.weights.json)",
    .wrote = "Keras 3.10-3.15",
};

const struct kf_format_info kf_info_read_npz = {
    .name = "npz",
    .title = "arrays of NumPy (.npz) in the order of get_weights(), with an architecture",
    .wrote = "numpy.savez",
};

const struct kf_format_info kf_info_read_safetensors = {
    .name = "safetensors",
    .title = "tensors of a Keras model (.safetensors), with its config in them or beside them",
    .wrote = "kferry, safetensors.numpy.save_file",
};

const struct kf_format_info kf_info_read_saved_model = {
    .name = "saved-model-folder",
    .title = "SavedModel of a Keras model (folder)",
    .wrote = "TensorFlow 2.0-2.15, tf_keras 2.16-2.21",
};

const struct kf_format_info kf_info_read_checkpoint = {
    .name = "checkpoint",
    .title = "TensorFlow checkpoint (.index and its .data files), with an architecture",
    .wrote = "TensorFlow 1 and 2, tf_keras 2.16-2.21, Keras 3 in tf.train.Checkpoint",
};

const struct kf_format_info kf_info_read_tfjs = {
    .name = "tfjs",
    .title = "layers model of TensorFlow.js (model.json and its shards)",
    .wrote = "tensorflowjs_converter from Keras 2, TensorFlow.js 1.0-4.22, kferry",
};

/* The releases that a config or weights are written for. */
#define KERAS3                                                                                     \
    {                                                                                              \
        "keras", KF_KERAS(3, 0, 0), KF_KERAS(3, 15, 1),                                            \
        {                                                                                          \
            KF_KERAS(3, 0, 5), KF_KERAS(3, 15, 1)                                                  \
        }                                                                                          \
    }
#define KERAS2                                                                                     \
    {                                                                                              \
        "keras", KF_KERAS(2, 4, 0), KF_KERAS(2, 15, 0),                                            \
        {                                                                                          \
            KF_KERAS(2, 4, 0), KF_KERAS(2, 13, 1), KF_KERAS(2, 15, 0)                              \
        }                                                                                          \
    }
#define KERAS2_ZIP                                                                                 \
    {                                                                                              \
        "keras", KF_KERAS(2, 13, 0), KF_KERAS(2, 15, 0),                                           \
        {                                                                                          \
            KF_KERAS(2, 13, 1), KF_KERAS(2, 15, 0)                                                 \
        }                                                                                          \
    }
#define TF_KERAS                                                                                   \
    {                                                                                              \
        "tf_keras", KF_KERAS(2, 16, 0), KF_KERAS(2, 21, 0),                                        \
        {                                                                                          \
            KF_KERAS(2, 21, 0)                                                                     \
        }                                                                                          \
    }

#define END                                                                                        \
    {                                                                                              \
        NULL, 0, 0,                                                                                \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

const struct kf_format_info kf_info_read_keras1_h5 = {
    .name = "keras1-h5",
    .title = "legacy whole model in HDF5 (.h5) of Keras 1",
    .wrote = "Keras 1.0.7-1.2.2",
};

const struct kf_format_info kf_info_write_keras = {
    .name = "keras",
    .title = "Keras model (.keras)",
    .media_type = "application/vnd.keras",
    .suffix = ".keras",
    .releases = (const struct kf_release_range[]){KERAS2_ZIP, TF_KERAS, KERAS3, END},
    .keras_default = KF_KERAS(3, 15, 1),
};

const struct kf_format_info kf_info_write_weights_h5 = {
    .name = "weights.h5",
    .title = "weights of a Keras model (.weights.h5)",
    .media_type = "application/x-hdf5",
    .suffix = ".weights.h5",
    .releases = (const struct kf_release_range[]){KERAS2_ZIP, TF_KERAS, KERAS3, END},
    .keras_default = KF_KERAS(3, 15, 1),
};

const struct kf_format_info kf_info_write_json = {
    .name = "json",
    .title = "architecture in JSON, as model.to_json() gives it",
    .media_type = "application/json",
    .suffix = ".json",
    .releases = (const struct kf_release_range[]){KERAS2, TF_KERAS, KERAS3, END},
    .keras_default = KF_KERAS(2, 15, 0),
};

const struct kf_format_info kf_info_write_h5 = {
    .name = "h5",
    .title = "legacy whole model in HDF5 (.h5)",
    .media_type = "application/x-hdf5",
    .suffix = ".h5",
    .releases = (const struct kf_release_range[]){KERAS2, TF_KERAS, KERAS3, END},
    .keras_default = KF_KERAS(2, 15, 0),
};

const struct kf_format_info kf_info_write_h5_weights = {
    .name = "h5-weights",
    .title = "legacy weights in HDF5 (.h5)",
    .media_type = "application/x-hdf5",
    .suffix = ".h5",
    .releases = (const struct kf_release_range[]){KERAS2, TF_KERAS, KERAS3, END},
    .keras_default = KF_KERAS(2, 15, 0),
};

const struct kf_format_info kf_info_write_savedmodel = {
    .name = "savedmodel",
    .title = "SavedModel that serves (folder, .tar or .zip)",
    .media_type = "application/x-tar",
    .suffix = ".tar",
    .folder = true,
    .releases = (const struct kf_release_range[]){END},
};

const struct kf_format_info kf_info_write_savedmodel_repaired = {
    .name = "savedmodel-repaired",
    .title = "the same SavedModel, mended for TensorFlow 2.16 and later (folder, .tar or .zip)",
    .only = "saved-model-folder",
    .media_type = "application/x-tar",
    .suffix = ".tar",
    .folder = true,
    .releases = (const struct kf_release_range[]){END},
};

const struct kf_format_info kf_info_write_onnx = {
    .name = "onnx",
    .title = "ONNX model, opset 13 to 21 (.onnx)",
    .media_type = "application/onnx",
    .suffix = ".onnx",
};

const struct kf_format_info kf_info_write_onnx_data = {
    .name = "onnx-data",
    .title = "ONNX model with its weights in a file beside it (folder, .tar or .zip)",
    .media_type = "application/x-tar",
    .suffix = ".tar",
    .folder = true,
    .releases = (const struct kf_release_range[]){END},
};

const struct kf_format_info kf_info_write_npz = {
    .name = "npz",
    .title = "arrays of NumPy in the order of get_weights() (.npz)",
    .media_type = "application/octet-stream",
    .suffix = ".npz",
    .releases = (const struct kf_release_range[]){KERAS2, TF_KERAS, KERAS3, END},
};

const struct kf_format_info kf_info_write_safetensors = {
    .name = "safetensors",
    .title = "tensors of a model with its config (.safetensors)",
    .media_type = "application/octet-stream",
    .suffix = ".safetensors",
    .releases = (const struct kf_release_range[]){KERAS2, TF_KERAS, KERAS3, END},
};

const struct kf_format_info kf_info_write_tfjs = {
    .name = "tfjs",
    .title = "layers model of TensorFlow.js, a zip of its folder (.tfjs.zip)",
    .media_type = "application/zip",
    .suffix = ".tfjs.zip",
    .quantizes = true,
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
    &kf_info_read_h5_weights_old,
    &kf_info_read_h5_no_config,
    &kf_info_read_yaml,
    &kf_info_read_saved_model,
    &kf_info_read_checkpoint,
    &kf_info_read_weights_h5,
    &kf_info_read_shards,
    &kf_info_read_npz,
    &kf_info_read_safetensors,
    &kf_info_read_tfjs,
};
/* clang-format on */
/* clang-format off */
static const struct kf_format_info *const writers[] = {
    &kf_info_write_keras,
    &kf_info_write_h5,
    &kf_info_write_h5_weights,
    &kf_info_write_savedmodel,
    &kf_info_write_savedmodel_repaired,
    &kf_info_write_weights_h5,
    &kf_info_write_json,
    &kf_info_write_onnx,
    &kf_info_write_onnx_data,
    &kf_info_write_npz,
    &kf_info_write_safetensors,
    &kf_info_write_tfjs,
};
/* clang-format on */

/* What stands in front of a release of tf_keras. */
#define TF_KERAS_PREFIX "tf_keras-"

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
    KF_KERAS(2, 4, 0),  KF_KERAS(2, 5, 0),  KF_KERAS(2, 6, 0),  KF_KERAS(2, 7, 0),
    KF_KERAS(2, 8, 0),  KF_KERAS(2, 9, 0),  KF_KERAS(2, 10, 0), KF_KERAS(2, 11, 0),
    KF_KERAS(2, 12, 0), KF_KERAS(2, 13, 1), KF_KERAS(2, 14, 0), KF_KERAS(2, 15, 0),
    KF_KERAS(2, 16, 0), KF_KERAS(2, 17, 0), KF_KERAS(2, 18, 0), KF_KERAS(2, 19, 0),
    KF_KERAS(2, 20, 1), KF_KERAS(2, 21, 0), KF_KERAS(3, 0, 5),  KF_KERAS(3, 1, 1),
    KF_KERAS(3, 2, 1),  KF_KERAS(3, 3, 3),  KF_KERAS(3, 4, 1),  KF_KERAS(3, 5, 0),
    KF_KERAS(3, 6, 0),  KF_KERAS(3, 7, 0),  KF_KERAS(3, 8, 0),  KF_KERAS(3, 9, 2),
    KF_KERAS(3, 10, 0), KF_KERAS(3, 11, 3), KF_KERAS(3, 12, 4), KF_KERAS(3, 13, 2),
    KF_KERAS(3, 14, 1), KF_KERAS(3, 15, 1),
};

/* The family that `text` names and what follows: "keras" and all of it, or "tf_keras" of
 * "tf_keras-2.16". */
static const char *family_of(const char *text, const char **version_out)
{
    bool other = strncmp(text, TF_KERAS_PREFIX, strlen(TF_KERAS_PREFIX)) == 0;

    *version_out = other ? text + strlen(TF_KERAS_PREFIX) : text;
    return other ? "tf_keras" : "keras";
}

int kf_writer_release(const struct kf_format_info *writer, const char *text)
{
    int major, minor, patch = -1, used = 0, release = 0;
    const char *version, *family = family_of(text, &version);

    if (sscanf(version, "%1d.%2d%n.%2d%n", &major, &minor, &used, &patch, &used) < 2 ||
        version[used])
        return 0;
    for (size_t i = 0; i < N_OF(last_patches); i++)
        if (last_patches[i] / 100 == KF_KERAS(major, minor, 0) / 100 &&
            patch <= last_patches[i] % 100)
            release = patch < 0 ? last_patches[i] : KF_KERAS(major, minor, patch);
    for (const struct kf_release_range *range = writer->releases; range && range->family; range++)
        if (release >= range->first && release <= range->last && strcmp(range->family, family) == 0)
            return release;
    return 0;
}
