/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/json.h"
#include "ops.h"
#include <string.h>

/*
 * The dtype that Keras 2 computes with at each layer's output. It is needed because TensorFlow
 * keeps the tensor's dtype where Keras 3 promotes it, and constants take it.
 */

/* Layers that leave integers as they are; floats they cast to their own dtype as all layers do. */
#define PASSES                                                                                     \
    "Activation ActivityRegularization Add Average AlphaDropout Concatenate Cropping1D "           \
    "Cropping2D Cropping3D Dropout Flatten GaussianDropout GaussianNoise GlobalMaxPooling1D "      \
    "GlobalMaxPooling2D GlobalMaxPooling3D Identity Masking MaxPooling1D MaxPooling2D "            \
    "MaxPooling3D Maximum Minimum Multiply Permute ReLU RepeatVector Reshape SpatialDropout1D "    \
    "SpatialDropout2D SpatialDropout3D Subtract ThresholdedReLU UpSampling1D UpSampling2D "        \
    "UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D"

/* Layers whose outputs may be integers, or wrap any layer. */
#define UNKNOWN                                                                                    \
    "CategoryEncoding Discretization HashedCrossing Hashing IntegerLookup Lambda StringLookup "    \
    "TextVectorization TimeDistributed Wrapper"

enum kf_dtype kf_op_dtype_named(const char *name)
{
    for (int i = KF_DTYPE_NONE + 1; name && i < KF_DTYPE_COUNT; i++)
        if (strcmp(kf_dtype_name((enum kf_dtype)i), name) == 0)
            return (enum kf_dtype)i;
    return KF_DTYPE_NONE;
}

/* "float32", "mixed_float16" or a Policy: what the layer computes in. */
static enum kf_dtype compute_dtype(const struct kf_layer *layer)
{
    const json_t *dtype = json_object_get(layer->config, "dtype");
    const char *name = json_string_value(dtype);

    if (!dtype || json_is_null(dtype) || kf_streq(name, "infer"))
        return KF_DTYPE_FLOAT32;
    if (json_is_object(dtype))
        name = kf_json_str(json_object_get(dtype, "config"), "name", NULL);
    if (name && kf_starts(name, "mixed_"))
        name += strlen("mixed_");
    return kf_op_dtype_named(name);
}

enum kf_dtype kf_op_dtype(const struct kf_layer *layer, enum kf_dtype input)
{
    enum kf_dtype dtype = compute_dtype(layer);
    bool passes = kf_in_words(PASSES, layer->class_name);

    if (strcmp(layer->class_name, "InputLayer") == 0)
        return dtype;
    if (kf_in_words(UNKNOWN, layer->class_name) ||
        (!passes && !layer->n_tensors && !kf_class_find("keras.layers", layer->class_name)))
        return KF_DTYPE_NONE;
    return passes && !(input >= KF_DTYPE_FLOAT16 && input <= KF_DTYPE_FLOAT64) ? input : dtype;
}
