/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/policy.h"
#include "ops.h"
#include <string.h>

/*
 * What is known of the tensors. The dtype, because TensorFlow keeps it where Keras 3 promotes it,
 * and because constants take it; and whether a tensor begins with the batch, because a reshape
 * that names the size of the batch is then a layer of Keras.
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
    "Discretization HashedCrossing Hashing IntegerLookup Lambda StringLookup TextVectorization "   \
    "TimeDistributed Wrapper"

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
    const char *name = kf_policy_name(layer->config, NULL);

    if (!dtype || json_is_null(dtype) || kf_streq(name, "infer"))
        return KF_DTYPE_FLOAT32;
    if (name && kf_starts(name, "mixed_"))
        name += strlen("mixed_");
    return kf_op_dtype_named(name);
}

enum kf_dtype kf_op_dtype(const struct kf_layer *layer, enum kf_dtype input)
{
    enum kf_dtype dtype = compute_dtype(layer);
    bool passes = kf_in_words(PASSES, layer->class_name);

    if (kf_layer_is_input(layer))
        return dtype;
    if (kf_in_words(UNKNOWN, layer->class_name) ||
        (!passes && !layer->n_tensors && !kf_class_find("keras.layers", layer->class_name)))
        return KF_DTYPE_NONE;
    return passes && !(input >= KF_DTYPE_FLOAT16 && input <= KF_DTYPE_FLOAT64) ? input : dtype;
}

bool kf_op_keeps_batch(const struct kf_layer *layer)
{
    return !layer->inner && !kf_in_words("Lambda Wrapper", layer->class_name) &&
           (layer->n_tensors || kf_class_find("keras.layers", layer->class_name) ||
            kf_in_words(PASSES, layer->class_name));
}

static enum kf_dtype dtype_given(const struct kf_op *op)
{
    switch (op->row->gives) {
    case KF_GIVES_BOOL:
        return KF_DTYPE_BOOL;
    case KF_GIVES_INT:
        return KF_DTYPE_INT32;
    case KF_GIVES_REAL:
        return op->dtype > KF_DTYPE_FLOAT64 ? KF_DTYPE_FLOAT32 : op->dtype;
    case KF_GIVES_NAMED:
        if (json_object_get(op->config, "dtype"))
            return kf_op_dtype_named(kf_json_str(op->config, "dtype", NULL));
        return op->dtype;
    case KF_GIVES_MIXED:
        return KF_DTYPE_NONE;
    default:
        return op->dtype;
    }
}

/* Operations whose result begins with the batch when all their tensors do. */
#define ALONG_THE_BATCH                                                                            \
    "core.Cast core.StopGradient nn.Elu nn.Gelu nn.LeakyRelu nn.LogSoftmax nn.Relu nn.Relu6 "      \
    "nn.Selu nn.Sigmoid nn.Silu nn.Softmax nn.Softplus nn.Softsign numpy.Absolute numpy.Add "      \
    "numpy.Clip numpy.Copy numpy.Divide numpy.Exp numpy.Matmul numpy.Maximum numpy.Minimum "       \
    "numpy.Multiply numpy.Negative numpy.Sqrt numpy.Square numpy.Subtract numpy.Tanh "             \
    "numpy.TrueDivide numpy.Where"

/* Refs whose tensor begins with the batch and plain numbers; arrays may have more axes. */
static bool all_batched(const struct kf_op *op)
{
    const json_t *one;
    struct kf_ref ref;
    size_t i;

    json_array_foreach(op->args, i, one)
    {
        if (kf_ref_get(one, &ref)) {
            if (ref.layer >= op->ops->n_states || !op->ops->states[ref.layer].batched)
                return false;
        } else if (!json_is_number(one)) {
            return false;
        }
    }
    return true;
}

static bool batch_given(const struct kf_op *op)
{
    const json_t *axes = json_object_get(op->config, "axes");

    if (strcmp(op->target, "numpy.Reshape") == 0 || strcmp(op->target, "layers.Reshape") == 0) {
        struct kf_ref ref;

        return kf_ref_get(json_array_get(json_object_get(op->call->kwargs, "shape"), 0), &ref) &&
               ref.layer < op->ops->n_states && op->ops->states[ref.layer].is_batch;
    }
    if (strcmp(op->target, "numpy.Transpose") == 0 &&
        !(json_is_integer(json_array_get(axes, 0)) &&
          json_integer_value(json_array_get(axes, 0)) == 0))
        return false;
    return kf_in_words(ALONG_THE_BATCH " numpy.Transpose", op->target) && all_batched(op);
}

/* tf.shape(x)[0] */
static bool is_batch_size(const struct kf_op *op)
{
    const json_t *key = json_array_get(op->args, 1);
    struct kf_ref ref;

    return strcmp(op->target, "numpy.GetItem") == 0 && json_is_integer(key) &&
           json_integer_value(key) == 0 && kf_ref_get(json_array_get(op->args, 0), &ref) &&
           ref.layer < op->ops->n_states && op->ops->states[ref.layer].is_shape;
}

void kf_op_note(const struct kf_op *op, struct kf_op_state *state)
{
    state->dtype = dtype_given(op);
    state->batched = batch_given(op);
    state->is_batch = is_batch_size(op);
}

void kf_op_note_shape(const struct kf_ops *ops, const struct kf_layer *layer,
                      struct kf_op_state *state)
{
    struct kf_ref ref;

    state->is_shape =
        layer->n_calls == 1 &&
        kf_in_words("shape compat.v1.shape", kf_json_str(layer->config, "function", "")) &&
        kf_ref_get(json_array_get(layer->calls[0].args, 0), &ref) && ref.layer < ops->n_states &&
        ops->states[ref.layer].batched;
}
