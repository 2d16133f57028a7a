/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"
#include "../base/str.h"

/* Every format, one line each. */
extern const struct kf_reader kf_read_keras_h5;
extern const struct kf_reader kf_read_keras3_h5;
extern const struct kf_reader kf_read_keras_zip2;
extern const struct kf_reader kf_read_keras_zip_211;
extern const struct kf_reader kf_read_keras_zip3;
extern const struct kf_reader kf_read_json;
extern const struct kf_reader kf_read_yaml;
extern const struct kf_reader kf_read_h5_weights;
extern const struct kf_reader kf_read_h5_weights_old;
extern const struct kf_reader kf_read_h5_no_config;
extern const struct kf_reader kf_read_weights_h5;
extern const struct kf_reader kf_read_shards;
extern const struct kf_reader kf_read_npz;
extern const struct kf_reader kf_read_safetensors;
extern const struct kf_reader kf_read_keras1_h5;
extern const struct kf_reader kf_read_saved_model;
extern const struct kf_reader kf_read_checkpoint;
extern const struct kf_reader kf_read_checkpoint_index;
extern const struct kf_reader kf_read_tfjs;

/* clang-format off */
static const struct kf_reader *const readers[] = {
    &kf_read_keras_h5,
    &kf_read_keras3_h5,
    &kf_read_json,
    &kf_read_keras_zip2,
    &kf_read_keras_zip_211,
    &kf_read_keras_zip3,
    &kf_read_h5_weights,
    &kf_read_h5_weights_old,
    &kf_read_h5_no_config,
    &kf_read_yaml,
    &kf_read_weights_h5,
    &kf_read_shards,
    &kf_read_npz,
    &kf_read_safetensors,
    &kf_read_keras1_h5,
    &kf_read_saved_model,
    &kf_read_checkpoint,
    &kf_read_checkpoint_index,
    &kf_read_tfjs,
};
/* clang-format on */

extern const struct kf_writer kf_write_keras;
extern const struct kf_writer kf_write_weights_h5;
extern const struct kf_writer kf_write_json;
extern const struct kf_writer kf_write_h5;
extern const struct kf_writer kf_write_h5_weights;
extern const struct kf_writer kf_write_savedmodel;
extern const struct kf_writer kf_write_savedmodel_repaired;
extern const struct kf_writer kf_write_onnx;
extern const struct kf_writer kf_write_onnx_data;
extern const struct kf_writer kf_write_npz;
extern const struct kf_writer kf_write_safetensors;
extern const struct kf_writer kf_write_tfjs;

/* clang-format off */
static const struct kf_writer *const writers[] = {
    &kf_write_keras,
    &kf_write_weights_h5,
    &kf_write_json,
    &kf_write_h5,
    &kf_write_h5_weights,
    &kf_write_savedmodel,
    &kf_write_savedmodel_repaired,
    &kf_write_onnx,
    &kf_write_onnx_data,
    &kf_write_npz,
    &kf_write_safetensors,
    &kf_write_tfjs,
};
/* clang-format on */

int kf_registry_writer(const struct kf_writer **out, const char *name, struct kf_report *rep)
{
    if (!name)
        return kf_report_add(rep, KF_BAD_OPTION, "", "the parameter to is missing");
    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
        if (kf_streq(writers[i]->info->name, name)) {
            *out = writers[i];
            return 0;
        }
    return kf_report_add(rep, KF_UNSUPPORTED_PAIR, "", "nothing here writes %s", name);
}

int kf_registry_reader(const struct kf_reader **out, enum kf_kind_id kind, const char *from,
                       struct kf_report *rep)
{
    const struct kf_kind_info *info = kf_kind_info(kind);

    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (readers[i]->kind != kind)
            continue;
        if (from && !kf_streq(from, "auto") && !kf_streq(from, readers[i]->info->name))
            return kf_report_add(rep, KF_BAD_OPTION, "", "from=%s, but the file is of the kind %s",
                                 from, readers[i]->info->name);
        *out = readers[i];
        return 0;
    }
    return kf_report_add(rep, kf_kind_holds_model(kind) ? KF_UNSUPPORTED_PAIR : KF_NOT_A_MODEL, "",
                         "the file is %s%s%s", info->title, info->way_out ? ": " : "",
                         info->way_out ? info->way_out : "");
}
