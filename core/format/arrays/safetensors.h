/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_ARRAYS_SAFETENSORS_H
#define KF_FORMAT_ARRAYS_SAFETENSORS_H

#include "../../model/dtype.h"

/*
 * A safetensors file:
 *
 *   8 bytes     length of the header, little-endian
 *   header      JSON {"__metadata__": {key: text}, name: {"dtype": "F32", "shape": [2, 3],
 *               "data_offsets": [begin, end]}, ...}; blanks may follow it
 *   the rest    the tensors' bytes, row-major and little-endian, without holes or overlaps
 *
 * A whole model has its config in the metadata, as model.to_json() of the Keras of that version
 * gives it.
 *
 * Source: safetensors/src/tensor.rs (0.4.5), SafeTensors::read_metadata, Metadata::validate
 */
#define KF_SAFETENSORS_METADATA   "__metadata__"
#define KF_SAFETENSORS_CONFIG     "keras_config"
#define KF_SAFETENSORS_VERSION    "keras_version"
#define KF_SAFETENSORS_HEADER_MAX ((uint64_t)100000000)

/** "F32" of a dtype; never NULL. */
const char *kf_safetensors_dtype_name(enum kf_dtype dtype);
/** The dtype called so, KF_DTYPE_NONE when no tensor of Keras is of it. */
enum kf_dtype kf_safetensors_dtype(const char *name);

#endif
