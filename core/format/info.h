/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_INFO_H
#define KF_FORMAT_INFO_H

#include <kf/format.h>

/* What each format is, apart from the code that reads or writes it, so that a program that only
 * talks about formats needs no HDF5. */
extern const struct kf_format_info kf_info_read_keras_h5;
extern const struct kf_format_info kf_info_read_keras_zip2;
extern const struct kf_format_info kf_info_read_keras_zip_211;
extern const struct kf_format_info kf_info_read_keras_zip3;
extern const struct kf_format_info kf_info_read_json;
extern const struct kf_format_info kf_info_read_yaml;
extern const struct kf_format_info kf_info_read_h5_weights;
extern const struct kf_format_info kf_info_read_h5_weights_old;
extern const struct kf_format_info kf_info_read_h5_no_config;
extern const struct kf_format_info kf_info_read_keras3_h5;
extern const struct kf_format_info kf_info_read_weights_h5;
extern const struct kf_format_info kf_info_read_shards;
extern const struct kf_format_info kf_info_read_npz;
extern const struct kf_format_info kf_info_read_safetensors;
extern const struct kf_format_info kf_info_read_keras1_h5;
extern const struct kf_format_info kf_info_read_saved_model;
extern const struct kf_format_info kf_info_read_checkpoint;
extern const struct kf_format_info kf_info_read_tfjs;
extern const struct kf_format_info kf_info_write_keras;
extern const struct kf_format_info kf_info_write_weights_h5;
extern const struct kf_format_info kf_info_write_json;
extern const struct kf_format_info kf_info_write_h5;
extern const struct kf_format_info kf_info_write_h5_weights;
extern const struct kf_format_info kf_info_write_savedmodel;
extern const struct kf_format_info kf_info_write_savedmodel_repaired;
extern const struct kf_format_info kf_info_write_onnx;
extern const struct kf_format_info kf_info_write_onnx_data;
extern const struct kf_format_info kf_info_write_npz;
extern const struct kf_format_info kf_info_write_safetensors;
extern const struct kf_format_info kf_info_write_tfjs;

#endif
