/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include "resize.h"
#include "window.h"
#include <string.h>

/* Layers that prepare numbers and images, and that make images larger. */

/* What does something in training alone, but gives what it computes in. */
void kf_onnx_form_image_same(struct kf_onnx_call *call)
{
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_either(call->in[0], &moved);

    kf_onnx_give_as(call, kf_onnx_cast(call->onnx, x, call->dtype), moved);
}

void kf_onnx_form_rescaling(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_input(call), call->dtype);
    json_t *scale = json_object_get(call->layer->config, "scale");
    json_t *offset = json_object_get(call->layer->config, "offset");
    struct kf_onnx_tensor *by = scale ? kf_onnx_operand(call, scale, call->dtype) : NULL;
    struct kf_onnx_tensor *plus = offset ? kf_onnx_operand(call, offset, call->dtype) : NULL;

    if (!by || !plus)
        return;
    if ((by->rank || plus->rank) && kf_onnx_channels_first(call)) {
        kf_onnx_refuse(call, "a scale for each channel with channels_first");
        return;
    }
    x = kf_onnx_binary(onnx, "Mul", x, kf_onnx_cast(onnx, by, call->dtype));
    kf_onnx_give(call, kf_onnx_binary(onnx, "Add", x, kf_onnx_cast(onnx, plus, call->dtype)));
}

/* How images are resized: in whole pixels, by their middles, or by products with matrices. */
struct how {
    const char *mode; /* as Keras calls it */
    bool whole, linear, smooth;
};

/* Resize; `scales` or `sizes` is absent. */
static struct kf_onnx_tensor *resize(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                     struct kf_onnx_tensor *scales, struct kf_onnx_tensor *sizes,
                                     const int64_t *dims, const struct how *how)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *in[4] = {x, onnx->absent, scales, sizes};
    struct kf_onnx_node *node = kf_onnx_node_new(onnx, "Resize", in, sizes == onnx->absent ? 3 : 4);
    bool nearest = strcmp(how->mode, "nearest") == 0;

    kf_onnx_set_text(onnx, node, "mode", strcmp(how->mode, "bilinear") == 0 ? "linear" : how->mode);
    kf_onnx_set_text(onnx, node, "coordinate_transformation_mode",
                     how->whole ? "asymmetric" : "half_pixel");
    if (nearest)
        kf_onnx_set_text(onnx, node, "nearest_mode", how->whole ? "floor" : "round_prefer_ceil");
    return node ? kf_onnx_output(onnx, node, x->dtype, x->rank, dims) : NULL;
}

/* The mode of a layer, and whether the runtime has an operator for it. */
static bool interpolation(struct kf_onnx_call *call, const struct kf_onnx_tensor *x,
                          const char *fallback, struct how *how)
{
    /* Resize of ONNX Runtime 1.32 takes no float64, products do. */
    bool wide = x->dtype == KF_DTYPE_FLOAT64 && !call->onnx->runtime->beyond, known;

    how->mode = kf_onnx_text(call, "interpolation", fallback);
    how->whole = false;
    known = !wide && kf_in_words(call->onnx->runtime->interpolations, how->mode);
    how->smooth = kf_onnx_flag(call, "antialias", false) && !kf_in_words("nearest area", how->mode);
    how->linear = x->rank == 4 && (how->smooth || !known) && kf_onnx_resizes_linear(how->mode);
    if (known || how->linear)
        return true;
    kf_onnx_refuse(call, "the interpolation %.40s%s has no equal in %s", how->mode,
                   wide ? " of float64" : "", call->onnx->runtime->name);
    return false;
}

/* Source: keras/src/layers/reshaping/up_sampling2d.py; each pixel becomes a block of them. */
void kf_onnx_form_up_sampling(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_take(call);
    int64_t size[KF_ONNX_RANK_MAX], dims[KF_ONNX_RANK_MAX], rank[1] = {x ? (int64_t)x->rank : 0};
    float scales[KF_ONNX_RANK_MAX] = {1, 1};
    struct how how;

    if (!x || x->rank < 3 || !interpolation(call, x, "nearest", &how) ||
        !kf_onnx_sizes(call, "size", 2, size, x->rank - 2))
        return;
    memcpy(dims, x->dims, sizeof(dims));
    for (unsigned i = 2; i < x->rank; i++) {
        scales[i] = (float)size[i - 2];
        dims[i] = dims[i] == KF_ONNX_FREE ? KF_ONNX_FREE : dims[i] * size[i - 2];
    }
    how.whole = strcmp(how.mode, "nearest") == 0;
    x = how.linear ? kf_onnx_resize_linear(call, x, dims + 2, how.mode, false)
                   : resize(call, x, kf_onnx_constant(onnx, KF_DTYPE_FLOAT32, 1, rank, scales),
                            onnx->absent, dims, &how);
    kf_onnx_give_as(call, x, !kf_onnx_channels_first(call));
}

/* To a height and width, as the config says what is done on the way. */
static void resize_to(struct kf_onnx_call *call, const int64_t *size)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_take(call), call->dtype), *sizes[3];
    int64_t dims[KF_ONNX_RANK_MAX];
    struct how how;

    if (!x || x->rank != 4 || !interpolation(call, x, "bilinear", &how) ||
        !(x = kf_onnx_resize_frame(call, x, size)))
        return;
    if (how.linear) {
        kf_onnx_give_as(call, kf_onnx_resize_linear(call, x, size, how.mode, how.smooth),
                        !kf_onnx_channels_first(call));
        return;
    }
    memcpy(dims, x->dims, sizeof(dims));
    dims[2] = size[0];
    dims[3] = size[1];
    sizes[0] = kf_onnx_size(onnx, x, 0);
    sizes[1] = kf_onnx_size(onnx, x, 1);
    sizes[2] = kf_onnx_list(onnx, dims + 2, 2);
    x = resize(call, x, onnx->absent, kf_onnx_concat(onnx, sizes, 3, 0), dims, &how);
    kf_onnx_give_as(call, x, !kf_onnx_channels_first(call));
}

void kf_onnx_form_resizing(struct kf_onnx_call *call)
{
    int64_t size[2] = {kf_onnx_number(call, "height", 0), kf_onnx_number(call, "width", 0)};

    resize_to(call, size);
}

/* The operation computes in what it is given. */
void kf_onnx_form_op_resize(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_input(call);
    int64_t size[2];

    if (!x || !kf_onnx_sizes(call, "size", 0, size, 2))
        return;
    call->dtype = kf_number_is_float(x->dtype) ? x->dtype : KF_DTYPE_FLOAT32;
    resize_to(call, size);
}

/* Cut out of the middle; an image that is smaller would be made larger. */
void kf_onnx_form_center_crop(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_input(call), call->dtype);
    int64_t want[2] = {kf_onnx_number(call, "height", 0), kf_onnx_number(call, "width", 0)};
    int first = kf_onnx_channels_first(call) ? 2 : 1;

    if (!x || x->rank != 4)
        return;
    for (int i = 0; i < 2; i++)
        if (x->dims[first + i] == KF_ONNX_FREE || x->dims[first + i] < want[i]) {
            kf_onnx_refuse(call, "the size of its input is not known, or smaller than its own");
            return;
        }
    for (int i = 0; i < 2 && x; i++) {
        int64_t from = (x->dims[first + i] - want[i]) / 2;

        x = kf_onnx_slice(onnx, x, first + i, from, from + want[i], 1);
    }
    kf_onnx_give(call, x);
}

struct range {
    double low, high;
};

/* Colours of one range in another. */
static struct kf_onnx_tensor *in_range(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                       struct range from, struct range to)
{
    if (from.low == to.low && from.high == to.high)
        return x;
    x = kf_onnx_binary_with(onnx, "Sub", x, from.low);
    x = kf_onnx_binary_with(onnx, "Div", x, from.high - from.low);
    x = kf_onnx_binary_with(onnx, "Mul", x, to.high - to.low);
    return kf_onnx_binary_with(onnx, "Add", x, to.low);
}

/*
 * Each channel of an image from its darkest to its brightest; one that is of one colour stays.
 *
 * Source: keras/src/layers/preprocessing/image_preprocessing/auto_contrast.py, transform_images
 * (3.15.1)
 */
void kf_onnx_form_auto_contrast(struct kf_onnx_call *call)
{
    static const int64_t middle[2] = {1, 2};
    static const struct range whole = {0, 255};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *given = kf_onnx_cast(onnx, kf_onnx_input(call), call->dtype);
    const json_t *list = json_object_get(call->layer->config, "value_range");
    struct range own = {json_number_value(json_array_get(list, 0)),
                        json_number_value(json_array_get(list, 1))};
    struct kf_onnx_tensor *x, *low, *high, *scale;

    if (!given || given->rank != 4 || own.high <= own.low)
        return;
    x = in_range(onnx, given, own, whole);
    low = kf_onnx_reduce(onnx, "ReduceMin", x, middle, 2, true);
    high = kf_onnx_reduce(onnx, "ReduceMax", x, middle, 2, true);
    scale = kf_onnx_binary(onnx, "Div", kf_onnx_scalar(onnx, given->dtype, 255),
                           kf_onnx_binary(onnx, "Sub", high, low));
    low = kf_onnx_binary(onnx, "Mul", kf_onnx_unary(onnx, "Neg", low), scale);
    x = kf_onnx_binary(onnx, "Add", kf_onnx_binary(onnx, "Mul", x, scale), low);
    x = in_range(onnx, kf_onnx_clip(onnx, x, 0, 255), whole, own);
    kf_onnx_give(call, kf_onnx_where(onnx, kf_onnx_test(onnx, "IsNaN", x), given, x));
}
