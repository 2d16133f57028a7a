/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "ops.h"

/* Functions on images, channels last. */

static int set_key(struct kf_op *op, const char *key, json_t *value)
{
    return kf_json_set(op->config, key, value, op->ops->adapt->rep);
}

/* [1, a, b, 1], [a, b], [a] or a, as [a, b]. */
static int window(struct kf_op *op, const char *key)
{
    json_t *value = json_object_get(op->config, key), *pair = NULL;
    size_t n = json_array_size(value);

    if (json_is_integer(value))
        pair = json_pack("[O, O]", value, value);
    else if (n == 1)
        pair = json_pack("[O, O]", json_array_get(value, 0), json_array_get(value, 0));
    else if (n == 2)
        return 0;
    else if (n == 4 && json_integer_value(json_array_get(value, 0)) == 1 &&
             json_integer_value(json_array_get(value, 3)) == 1)
        pair = json_pack("[O, O]", json_array_get(value, 1), json_array_get(value, 2));
    else
        return kf_op_refuse(op, "its window is not along two axes");
    return set_key(op, key, pair);
}

int kf_op_form_pool(struct kf_op *op)
{
    if (!kf_in_words("same valid", kf_json_str(op->config, "padding", "")))
        return kf_op_refuse(op, "Keras 3 does not know its padding");
    KF_TRY(window(op, "pool_size"));
    KF_TRY(window(op, "strides"));
    return set_key(op, "data_format", json_string("channels_last"));
}

int kf_op_form_conv(struct kf_op *op)
{
    if (!kf_in_words("same valid", kf_json_str(op->config, "padding", "")))
        return kf_op_refuse(op, "Keras 3 does not know its padding");
    KF_TRY(window(op, "strides"));
    KF_TRY(window(op, "dilation_rate"));
    return set_key(op, "data_format", json_string("channels_last"));
}

/* TensorFlow gives float32 where it computes; Keras rounds to the image's dtype. */
static int resize_dtype(struct kf_op *op)
{
    json_t *config, *cast = NULL;

    if (op->dtype == KF_DTYPE_NONE)
        return kf_op_refuse(op, "the dtype of its input cannot be told");
    if (op->dtype == KF_DTYPE_FLOAT32 ||
        kf_streq(kf_json_str(op->config, "interpolation", NULL), "nearest"))
        return 0;
    config = json_pack("{s:s}", "dtype", "float32");
    KF_TRY(kf_op_node(op, "core.Cast", config, json_incref(op->args), &cast));
    json_decref(op->args);
    op->args = json_pack("[o]", cast);
    op->dtype = KF_DTYPE_FLOAT32;
    return op->args ? 0 : kf_adapt_no_memory(op->ops->adapt, op->layer->path);
}

int kf_op_form_resize(struct kf_op *op)
{
    if (!kf_in_words("bilinear nearest bicubic lanczos3 lanczos5",
                     kf_json_str(op->config, "interpolation", "")))
        return kf_op_refuse(op, "Keras 3 does not know its method");
    if (json_array_size(json_object_get(op->config, "size")) != 2)
        return kf_op_refuse(op, "its size is no pair of whole numbers");
    KF_TRY(resize_dtype(op));
    return set_key(op, "data_format", json_string("channels_last"));
}
