/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "down_ops.h"

/* Operations on images, whose sizes the file must say. */

#define SPATIAL_MAX 3
#define WINDOWS_MAX 4096 /* places that are written out in a config */

static bool is_first(const json_t *config)
{
    return kf_streq(kf_json_str(config, "data_format", NULL), "channels_first");
}

/* The axes of `rank` with the second one last, or back, as a new list. */
static int channels_order(struct kf_down_op *op, size_t rank, bool last, json_t **out)
{
    *out = json_pack("[i]", 0);
    if (!last)
        KF_TRY(kf_json_append(*out, json_integer((json_int_t)rank - 1), op->ops->adapt->rep));
    for (size_t i = 1; i + 1 < rank; i++)
        KF_TRY(kf_json_append(*out, json_integer((json_int_t)(last ? i + 1 : i)),
                              op->ops->adapt->rep));
    return last ? kf_json_append(*out, json_integer(1), op->ops->adapt->rep) : 0;
}

int kf_down_channels_last(struct kf_down_op *op, size_t rank, bool *moved)
{
    json_t *order = NULL;

    *moved = is_first(op->kwargs);
    json_object_del(op->kwargs, "data_format");
    if (!*moved)
        return 0;
    if (rank < 3)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    KF_TRY(channels_order(op, rank, true, &order));
    return kf_down_before(op, "compat.v1.transpose", json_pack("{s:o}", "perm", order));
}

int kf_down_channels_back(struct kf_down_op *op, size_t rank)
{
    json_t *order = NULL;

    KF_TRY(kf_down_before(op, op->function, json_incref(op->kwargs)));
    KF_TRY(channels_order(op, rank, false, &order));
    json_decref(op->kwargs);
    op->kwargs = json_object();
    op->function = "compat.v1.transpose";
    return kf_down_set(op, "perm", order);
}

static int set_window(struct kf_down_op *op, const char *key)
{
    json_t *value = json_object_get(op->kwargs, key), *own = json_incref(value);
    json_t *y = json_is_array(value) ? json_array_get(value, 0) : value;
    json_t *x = json_is_array(value) ? json_array_get(value, 1) : value;
    json_t *made = json_pack("[i, O, O, i]", 1, y, x, 1);

    json_decref(own);
    return kf_down_set(op, key, made);
}

int kf_down_form_patches(struct kf_down_op *op)
{
    if (json_array_size(json_object_get(op->kwargs, "sizes")) != 2 ||
        kf_down_rank(kf_down_argument(op, 0, "images")) != 4)
        return kf_down_refuse(op, "TensorFlow takes a batch of images");
    if (!json_object_get(op->kwargs, "strides"))
        KF_TRY(kf_down_set(op, "strides", json_deep_copy(json_object_get(op->kwargs, "sizes"))));
    if (!json_object_get(op->kwargs, "rates"))
        KF_TRY(kf_down_set(op, "rates", json_integer(1)));
    KF_TRY(set_window(op, "sizes"));
    KF_TRY(set_window(op, "strides"));
    KF_TRY(set_window(op, "rates"));
    return kf_down_form_padded(op);
}

/* What is cut off the longer side, so that what is left has the shape of `to`, as Keras 3 counts.
 */
static int crop(struct kf_down_op *op, const json_int_t *from, const json_int_t *to)
{
    json_int_t height = (json_int_t)((float)(from[1] * to[0]) / (float)to[1]);
    json_int_t width = (json_int_t)((float)(from[0] * to[1]) / (float)to[0]), y, x;

    height = height < 1 ? 1 : height > from[0] ? from[0] : height;
    width = width < 1 ? 1 : width > from[1] ? from[1] : width;
    y = (from[0] - height) / 2;
    x = (from[1] - width) / 2;
    return kf_down_before(op, "strided_slice",
                          json_pack("{s:[i,I,I,i], s:[i,I,I,i], s:[i,i,i,i], s:i, s:i}", "begin", 0,
                                    y, x, 0, "end", 0, y + height, x + width, 0, "strides", 1, 1, 1,
                                    1, "begin_mask", 9, "end_mask", 9));
}

/* As much on both sides of the shorter one, one less where that is odd. */
static int pad(struct kf_down_op *op, const json_int_t *from, const json_int_t *to, double value)
{
    json_int_t height = (json_int_t)((float)(from[1] * to[0]) / (float)to[1]);
    json_int_t width = (json_int_t)((float)(from[0] * to[1]) / (float)to[0]), y, x;

    y = height > from[0] ? (height - from[0]) / 2 : 0;
    x = width > from[1] ? (width - from[1]) / 2 : 0;
    return kf_down_before(op, "compat.v1.pad",
                          json_pack("{s:[[i,i],[I,I],[I,I],[i,i]], s:f}", "paddings", 0, 0, y, y, x,
                                    x, 0, 0, "constant_values", value));
}

/* What is done to the images before they are resized; `from` and `to` are heights and widths. */
static int keep_ratio(struct kf_down_op *op, const json_int_t *from, const json_int_t *to)
{
    const json_t *value = json_object_get(op->kwargs, "fill_value");

    if (!kf_json_bool(op->kwargs, "crop_to_aspect_ratio", false) &&
        !kf_json_bool(op->kwargs, "pad_to_aspect_ratio", false))
        return 0;
    if (from[0] < 1 || from[1] < 1 || to[0] < 1 || to[1] < 1 || from[0] > INT32_MAX ||
        from[1] > INT32_MAX || to[0] > INT32_MAX || to[1] > INT32_MAX)
        return kf_down_refuse(op, KF_DOWN_NO_SIZE);
    return kf_json_bool(op->kwargs, "crop_to_aspect_ratio", false)
               ? crop(op, from, to)
               : pad(op, from, to, json_number_value(value));
}

int kf_down_form_resize(struct kf_down_op *op)
{
    const json_t *images = kf_down_argument(op, 0, "images"), *size;
    bool first = is_first(op->kwargs);
    json_int_t from[] = {kf_down_size(images, first ? -2 : -3),
                         kf_down_size(images, first ? -1 : -2)};

    size = json_object_get(op->kwargs, "size");
    if (json_array_size(size) != 2)
        return kf_down_refuse(op, "its size is no pair");
    if (kf_down_rank(images) != 4 && (first || from[0] > 0))
        return kf_down_refuse(op, "TensorFlow takes a batch of images");
    KF_TRY(kf_down_channels_last(op, 4, &first));
    KF_TRY(keep_ratio(op, from,
                      (const json_int_t[]){json_integer_value(json_array_get(size, 0)),
                                           json_integer_value(json_array_get(size, 1))}));
    for (const char *const *key =
             (const char *const[]){"crop_to_aspect_ratio", "pad_to_aspect_ratio", "fill_mode",
                                   "fill_value", NULL};
         *key; key++)
        json_object_del(op->kwargs, *key);
    return first && !op->why ? kf_down_channels_back(op, 4) : 0;
}

/* Windows of a size along one axis, and where they begin; Keras 3 takes two sizes at most. */
struct windows {
    const char *kind;
    size_t n_axes, axis; /* spatial ones; the one in hand */
    json_int_t in, out, small;
};

static json_int_t begin_of(const struct windows *at, json_int_t i)
{
    return i * at->in / at->out;
}

static json_int_t length_of(const struct windows *at, json_int_t i)
{
    return ((i + 1) * at->in + at->out - 1) / at->out - begin_of(at, i);
}

/* All windows of one size, as a new ref. */
static int pool_all(struct kf_down_op *op, const struct windows *at, json_int_t size, json_t **out)
{
    static const char *const formats[] = {"NWC", "NHWC", "NDHWC"};
    json_t *window = json_array(), *strides = json_array();

    for (size_t i = 0; i < at->n_axes; i++) {
        KF_TRY(kf_json_append(window, json_integer(i == at->axis ? size : 1), op->ops->adapt->rep));
        KF_TRY(kf_json_append(strides, json_integer(1), op->ops->adapt->rep));
    }
    return kf_down_function(op, "nn.pool", json_deep_copy(op->first),
                            json_pack("{s:o, s:s, s:o, s:s, s:s}", "window_shape", window,
                                      "pooling_type", at->kind, "strides", strides, "padding",
                                      "VALID", "data_format", formats[at->n_axes - 1]),
                            out);
}

/* The windows of both sizes side by side, out of which those that are meant are taken. */
static int pool_axis(struct kf_down_op *op, struct windows *at)
{
    json_int_t axis = (json_int_t)at->axis + 1;
    json_t *places = json_array(), *small = NULL, *big = NULL;
    bool any_big = false;

    at->small = (at->in + at->out - 1) / at->out;
    for (json_int_t i = 0; i < at->out; i++) {
        bool is_big = length_of(at, i) > at->small;

        any_big |= is_big;
        KF_TRY(kf_json_append(places,
                              json_integer(begin_of(at, i) + (is_big ? at->in - at->small + 1 : 0)),
                              op->ops->adapt->rep));
    }
    KF_TRY(pool_all(op, at, at->small, &small));
    if (any_big) {
        KF_TRY(pool_all(op, at, at->small + 1, &big));
        KF_TRY(kf_down_function(op, "concat", json_pack("[o, o]", small, big),
                                json_pack("{s:I}", "axis", axis), &small));
    }
    KF_TRY(kf_down_set_first(op, small));
    return kf_down_before(op, "compat.v1.gather",
                          json_pack("{s:o, s:I}", "indices", places, "axis", axis));
}

/* Source: keras/src/backend/tensorflow/nn.py, _adaptive_average_pool2d (3.15.1) */
int kf_down_form_adaptive(struct kf_down_op *op)
{
    const json_t *own = kf_down_argument(op, 0, "inputs"), *one;
    json_t *sizes = json_object_get(op->kwargs, "output_size");
    size_t rank = kf_down_rank(own), n = rank - 2;
    bool first = is_first(op->kwargs);
    json_int_t in[SPATIAL_MAX], out[SPATIAL_MAX];

    if (rank < 3 || n > SPATIAL_MAX || (json_is_array(sizes) && json_array_size(sizes) != n))
        return kf_down_refuse(op, KF_DOWN_NO_SIZE);
    for (size_t i = 0; i < n; i++) {
        one = json_is_array(sizes) ? json_array_get(sizes, i) : sizes;
        in[i] = kf_down_size(own, (json_int_t)i + (first ? 2 : 1));
        out[i] = json_integer_value(one);
        if (in[i] < 1 || in[i] > INT32_MAX || out[i] < 1 || out[i] > WINDOWS_MAX)
            return kf_down_refuse(op, KF_DOWN_NO_SIZE);
    }
    KF_TRY(kf_down_channels_last(op, rank, &first));
    for (size_t i = 0; i < n; i++)
        KF_TRY(
            pool_axis(op, &(struct windows){.kind = kf_json_str(op->kwargs, "pooling_type", NULL),
                                            .n_axes = n,
                                            .axis = i,
                                            .in = in[i],
                                            .out = out[i]}));
    json_object_clear(op->kwargs);
    return first ? kf_down_channels_back(op, rank) : 0;
}

/* Source: keras/src/layers/preprocessing/image_preprocessing/auto_contrast.py (3.15.1) */
int kf_down_form_contrast(struct kf_down_op *op)
{
    const json_t *range = json_object_get(op->kwargs, "value_range");
    double low = json_number_value(json_array_get(range, 0));
    double high = json_number_value(json_array_get(range, 1));

    if (kf_down_rank(kf_down_argument(op, 0, "images")) != 4 || !(high > low))
        return kf_down_refuse(op, "TensorFlow takes a batch of images");
    KF_TRY(kf_down_set(op, "low", json_real(low)));
    KF_TRY(kf_down_set(op, "width", json_real(high - low)));
    return kf_down_form_recipe(op);
}
