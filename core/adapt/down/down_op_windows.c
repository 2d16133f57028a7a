/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "down_ops.h"
#include <math.h>
#include <string.h>

/* Operations that move a window over images: convolutions and pools. */

#define SIDE_MAX   64
#define KERNEL_MAX 65536 /* numbers that are written out in a config */
#define NUMBER_MAX (1 << 20)

/* A number of an axis, where one number may stand for all axes. */
static json_int_t of_axis(const struct kf_down_op *op, const char *key, size_t axis)
{
    const json_t *value = json_object_get(op->kwargs, key);

    value = json_is_array(value) ? json_array_get(value, axis) : value;
    return json_is_integer(value) ? json_integer_value(value) : 1;
}

/* "same" and "valid" are written large. */
static int set_padding(struct kf_down_op *op)
{
    const char *padding = kf_json_str(op->kwargs, "padding", "valid");

    return kf_down_set(op, "padding", json_string(strcmp(padding, "same") == 0 ? "SAME" : "VALID"));
}

int kf_down_form_padded(struct kf_down_op *op)
{
    size_t rank = kf_down_rank(kf_down_argument(op, 0, "inputs"));
    bool moved;

    KF_TRY(set_padding(op));
    KF_TRY(kf_down_channels_last(op, rank, &moved));
    return moved && !op->why ? kf_down_channels_back(op, rank) : 0;
}

int kf_down_form_pool(struct kf_down_op *op)
{
    if (!json_object_get(op->kwargs, "strides"))
        KF_TRY(kf_down_set(op, "strides", json_deep_copy(json_object_get(op->kwargs, "ksize"))));
    return kf_down_form_padded(op);
}

/* A kernel for one more axis, in front. */
static int deepen(struct kf_down_op *op, const char *key)
{
    json_t *kernel = json_object_get(op->kwargs, key), *made = NULL;
    struct kf_ref ref;

    if (!kernel)
        return 0;
    if (kf_ref_get(kernel, &ref))
        KF_TRY(kf_down_function(op, "expand_dims", json_incref(kernel),
                                json_pack("{s:i}", "axis", 0), &made));
    else
        made = json_pack("[O]", kernel);
    return kf_down_set(op, key, made);
}

/* A line is an image of one row. Source: nn.py, depthwise_conv and separable_conv (3.15.1) */
int kf_down_form_depthwise(struct kf_down_op *op)
{
    size_t rank = kf_down_rank(kf_down_argument(op, 0, "inputs"));
    json_int_t y, x, down, across;
    bool moved;

    if (rank != 3 && rank != 4)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    y = of_axis(op, "strides", 0);
    x = of_axis(op, "strides", rank - 3);
    down = of_axis(op, "dilations", 0);
    across = of_axis(op, "dilations", rank - 3);
    if ((y > 1 || x > 1) && (down > 1 || across > 1))
        return kf_down_refuse(op, "TensorFlow does not stride and dilate at once");
    KF_TRY(set_padding(op));
    KF_TRY(kf_down_channels_last(op, rank, &moved));
    KF_TRY(kf_down_set(op, "strides", json_pack("[i, I, I, i]", 1, y, x, 1)));
    KF_TRY(kf_down_set(op, "dilations", json_pack("[I, I]", rank == 3 ? 1 : down, across)));
    if (rank == 3) {
        KF_TRY(deepen(op, "filter"));
        KF_TRY(deepen(op, "depthwise_filter"));
        KF_TRY(deepen(op, "pointwise_filter"));
        KF_TRY(kf_down_before(op, "expand_dims", json_pack("{s:i}", "axis", 1)));
        KF_TRY(kf_down_before(op, op->function, json_incref(op->kwargs)));
        json_decref(op->kwargs);
        op->kwargs = json_pack("{s:[i]}", "axis", 1);
        op->function = "compat.v1.squeeze";
    }
    return moved ? kf_down_channels_back(op, rank) : 0;
}

/* The curve of a size, its numbers together 1. */
static void bell(double *curve, json_int_t size, double sigma)
{
    double sum = 0, middle = (double)(size - 1) / 2;

    for (json_int_t i = 0; i < size; i++)
        sum += curve[i] = exp(-0.5 * pow(((double)i - middle) / sigma, 2));
    for (json_int_t i = 0; i < size; i++)
        curve[i] /= sum;
}

/* Both curves' products in the order in which Keras 3 has them, which takes the sizes the other way
 * round; the same for every channel. */
static int blur_kernel(struct kf_down_op *op, const json_int_t *size, const double *sigma,
                       json_int_t channels, json_t **out)
{
    double curves[2][SIDE_MAX];

    bell(curves[0], size[0], sigma[0]);
    bell(curves[1], size[1], sigma[1]);
    *out = json_array();
    for (json_int_t y = 0; y < size[0]; y++) {
        json_t *row = json_array();

        for (json_int_t x = 0; x < size[1]; x++) {
            json_int_t at = y * size[1] + x;
            double value = curves[1][at / size[0]] * curves[0][at % size[0]];
            json_t *same = json_array();

            for (json_int_t i = 0; i < channels; i++)
                KF_TRY(kf_json_append(same, json_pack("[f]", value), op->ops->adapt->rep));
            KF_TRY(kf_json_append(row, same, op->ops->adapt->rep));
        }
        KF_TRY(kf_json_append(*out, row, op->ops->adapt->rep));
    }
    return 0;
}

/* Source: backend/tensorflow/image.py, gaussian_blur (3.15.1) */
int kf_down_form_blur(struct kf_down_op *op)
{
    const json_t *own = kf_down_argument(op, 0, "images");
    json_t *sigmas = json_object_get(op->kwargs, "sigma"), *kernel = NULL;
    bool first = kf_streq(kf_json_str(op->kwargs, "data_format", NULL), "channels_first");
    json_int_t channels = kf_down_size(own, first ? 1 : 3);
    json_int_t size[] = {of_axis(op, "kernel_size", 0), of_axis(op, "kernel_size", 1)};
    double sigma[] = {1, 1};

    for (size_t i = 0; i < 2 && sigmas; i++)
        sigma[i] = json_number_value(json_array_get(sigmas, i));
    if (kf_down_rank(own) != 4 || channels < 1 || size[0] < 1 || size[1] < 1 || !(sigma[0] > 0) ||
        !(sigma[1] > 0) || size[0] > SIDE_MAX || size[1] > SIDE_MAX ||
        channels > KERNEL_MAX / (size[0] * size[1]))
        return kf_down_refuse(op, KF_DOWN_NO_SIZE);
    KF_TRY(kf_down_channels_last(op, 4, &first));
    KF_TRY(blur_kernel(op, size, sigma, channels, &kernel));
    json_object_clear(op->kwargs);
    KF_TRY(kf_down_set(op, "filter", kernel));
    KF_TRY(kf_down_set(op, "strides", json_pack("[i, i, i, i]", 1, 1, 1, 1)));
    KF_TRY(kf_down_set(op, "padding", json_string("SAME")));
    return first ? kf_down_channels_back(op, 4) : 0;
}

static bool is_small(json_int_t number, json_int_t least)
{
    return number >= least && number <= NUMBER_MAX;
}

/* Windows of images with their channels in front. Source: nn.py, unfold (3.15.1) */
int kf_down_form_unfold(struct kf_down_op *op)
{
    const json_t *own = kf_down_argument(op, 0, "x");
    json_int_t channels = kf_down_size(own, 1), size[2], n[2], pad[2];

    for (size_t i = 0; i < 2; i++) {
        json_int_t in = kf_down_size(own, (json_int_t)i + 2);
        json_int_t apart = of_axis(op, "dilation", i), stride = of_axis(op, "stride", i);

        size[i] = of_axis(op, "kernel_size", i);
        pad[i] = json_object_get(op->kwargs, "padding") ? of_axis(op, "padding", i) : 0;
        if (kf_down_rank(own) != 4 || !is_small(channels, 1) || !is_small(in, 1))
            return kf_down_refuse(op, KF_DOWN_NO_SIZE);
        if (!is_small(size[i], 1) || !is_small(pad[i], 0) || !is_small(apart, 1) ||
            !is_small(stride, 1) || in + 2 * pad[i] <= apart * (size[i] - 1))
            return kf_down_refuse(op, "its windows do not fit its images");
        n[i] = (in + 2 * pad[i] - apart * (size[i] - 1) - 1) / stride + 1;
    }
    KF_TRY(kf_down_before(op, "compat.v1.pad",
                          json_pack("{s:[[i,i],[i,i],[I,I],[I,I]]}", "paddings", 0, 0, 0, 0, pad[0],
                                    pad[0], pad[1], pad[1])));
    KF_TRY(
        kf_down_before(op, "compat.v1.transpose", json_pack("{s:[i,i,i,i]}", "perm", 0, 2, 3, 1)));
    KF_TRY(kf_down_before(
        op, "image.extract_patches",
        json_pack("{s:[i,I,I,i], s:[i,I,I,i], s:[i,I,I,i], s:s}", "sizes", 1, size[0], size[1], 1,
                  "strides", 1, of_axis(op, "stride", 0), of_axis(op, "stride", 1), 1, "rates", 1,
                  of_axis(op, "dilation", 0), of_axis(op, "dilation", 1), 1, "padding", "VALID")));
    KF_TRY(kf_down_before(
        op, "reshape",
        json_pack("{s:[i,I,I,I,I,I]}", "shape", -1, n[0], n[1], size[0], size[1], channels)));
    KF_TRY(kf_down_before(op, "compat.v1.transpose",
                          json_pack("{s:[i,i,i,i,i,i]}", "perm", 0, 5, 3, 4, 1, 2)));
    json_object_clear(op->kwargs);
    return kf_down_set(op, "shape",
                       json_pack("[i,I,I]", -1, channels * size[0] * size[1], n[0] * n[1]));
}
