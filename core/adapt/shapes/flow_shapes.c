/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_shapes.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include <string.h>

/* What a row makes of the first input, which is known, in `out`, which begins as that input. */
struct step {
    const struct kf_layer *layer;
    const struct kf_shape *const *inputs;
    size_t n;
    const char *key;
    struct kf_shape *out;
};

json_int_t kf_shape_axis(const struct kf_shape *shape, json_int_t axis)
{
    if (axis < 0)
        axis += (json_int_t)shape->rank;
    return axis < 0 || axis >= (json_int_t)shape->rank ? -1 : shape->dims[axis];
}

json_int_t kf_shape_number(const json_t *config, const char *key, size_t index)
{
    const json_t *value = key ? json_object_get(config, key) : NULL;

    if (json_is_array(value))
        value = json_array_get(value, index);
    return json_is_integer(value) ? json_integer_value(value) : 0;
}

bool kf_shape_first(const struct kf_layer *layer)
{
    return kf_streq(kf_json_str(layer->config, "data_format", NULL), "channels_first");
}

static void forget(struct step *step)
{
    step->out->rank = 0;
}

/* The axes of a list, put behind the batch. */
static void take_list(struct step *step, const json_t *list)
{
    size_t n = json_array_size(list);

    if (!json_is_array(list) || n + 1 > KF_RANK_MAX) {
        forget(step);
        return;
    }
    step->out->rank = n + 1;
    for (size_t i = 0; i < n; i++)
        step->out->dims[i + 1] = json_is_integer(json_array_get(list, i))
                                     ? json_integer_value(json_array_get(list, i))
                                     : -1;
}

/* All axes but the batch; -1 when one of them is not known. */
static json_int_t product(const struct kf_shape *shape)
{
    json_int_t all = 1;

    for (size_t i = 1; i < shape->rank; i++)
        if (shape->dims[i] < 0 || __builtin_mul_overflow(all, shape->dims[i], &all))
            return -1;
    return all;
}

static void step_SAME(struct step *step)
{
    (void)step;
}

static void step_LAST(struct step *step)
{
    step->out->dims[step->out->rank - 1] = kf_json_int(step->layer->config, step->key, -1);
}

static void step_MORE(struct step *step)
{
    if (step->out->rank == KF_RANK_MAX) {
        forget(step);
        return;
    }
    step->out->rank++;
    step_LAST(step);
}

static void step_FLAT(struct step *step)
{
    step->out->dims[1] = step->out->rank < 2 ? 1 : product(step->inputs[0]);
    step->out->rank = 2;
}

/* One axis may be what is left. */
static void step_RESHAPE(struct step *step)
{
    json_int_t all = product(step->inputs[0]), rest = 1;
    size_t left = 0;

    take_list(step, json_object_get(step->layer->config, step->key));
    for (size_t i = 1; i < step->out->rank; i++)
        if (step->out->dims[i] < 0)
            left = left ? KF_RANK_MAX : i;
        else if (__builtin_mul_overflow(rest, step->out->dims[i], &rest))
            left = KF_RANK_MAX;
    if (left && left < KF_RANK_MAX && all >= 0 && rest > 0)
        step->out->dims[left] = all / rest;
}

static void step_PERMUTE(struct step *step)
{
    const json_t *dims = json_object_get(step->layer->config, step->key);

    take_list(step, dims);
    for (size_t i = 1; i < step->out->rank; i++)
        step->out->dims[i] =
            kf_shape_axis(step->inputs[0], kf_shape_number(step->layer->config, step->key, i - 1));
}

static void step_REPEAT(struct step *step)
{
    step->out->rank = 3;
    step->out->dims[2] = kf_shape_axis(step->inputs[0], 1);
    step->out->dims[1] = kf_json_int(step->layer->config, step->key, -1);
}

static void step_GLOBAL(struct step *step)
{
    size_t rank = step->out->rank, channel = kf_shape_first(step->layer) ? 1 : rank - 1;

    if (kf_json_bool(step->layer->config, "keepdims", false)) {
        for (size_t i = 1; i < rank; i++)
            step->out->dims[i] = i == channel ? step->out->dims[i] : 1;
        return;
    }
    step->out->rank = 2;
    step->out->dims[1] = kf_shape_axis(step->inputs[0], (json_int_t)channel);
}

/* An axis behind a window that slides over it. */
static json_int_t behind_window(const struct kf_layer *layer, json_int_t size, size_t index)
{
    const char *key = json_object_get(layer->config, "pool_size") ? "pool_size" : "kernel_size";
    json_int_t window = kf_shape_number(layer->config, key, index);
    json_int_t stride = kf_shape_number(layer->config, "strides", index);
    json_int_t dilation = kf_shape_number(layer->config, "dilation_rate", index);

    stride = stride > 0 ? stride : *key == 'p' ? window : 1;
    if (size < 0 || window < 1 || window > 1 << 20 || stride < 1 || dilation > 1 << 20)
        return -1;
    if (!kf_streq(kf_json_str(layer->config, "padding", "valid"), "valid"))
        return (size + stride - 1) / stride;
    size -= (window - 1) * (dilation > 0 ? dilation : 1) + 1;
    return size < 0 ? -1 : size / stride + 1;
}

static void step_WIDER(struct step *step)
{
    size_t channel = kf_shape_first(step->layer) ? 1 : step->out->rank - 1;

    for (size_t i = 1; i < step->out->rank; i++)
        if (i != channel)
            step->out->dims[i] = -1;
    if (step->key && channel < step->out->rank)
        step->out->dims[channel] = kf_json_int(step->layer->config, step->key, -1);
}

/* The first spatial axis, and how many there are. */
static size_t spatial(const struct step *step, size_t *n)
{
    *n = step->out->rank > 2 ? step->out->rank - 2 : 0;
    return kf_shape_first(step->layer) ? 2 : 1;
}

/* [[1, 2], [0, 0]] as well as 1 and [1, 0]; of one axis [1, 2] is what is at its two ends. */
static json_int_t at_ends(const struct step *step, size_t axis, size_t n)
{
    const json_t *value = json_object_get(step->layer->config, step->key), *one;

    if (!json_is_array(value))
        return json_is_integer(value) ? 2 * json_integer_value(value) : -1;
    if (n == 1 && json_array_size(value) == 2)
        return json_integer_value(json_array_get(value, 0)) +
               json_integer_value(json_array_get(value, 1));
    one = json_array_get(value, n == 1 ? 0 : axis);
    if (json_is_integer(one))
        return 2 * json_integer_value(one);
    return json_integer_value(json_array_get(one, 0)) + json_integer_value(json_array_get(one, 1));
}

/* Axes that get longer or shorter at their ends; what is not known stays so. */
static void lengthen(struct step *step, int sign)
{
    size_t n, first = spatial(step, &n);

    for (size_t i = 0; i < n; i++) {
        json_int_t size = step->out->dims[first + i], more = at_ends(step, i, n);

        if (size < 0 || more < 0 || more > 1 << 20 || (sign < 0 && more >= size))
            step->out->dims[first + i] = -1;
        else
            step->out->dims[first + i] = size + sign * more;
    }
}

static void step_PADDED(struct step *step)
{
    lengthen(step, 1);
}

static void step_CROPPED(struct step *step)
{
    lengthen(step, -1);
}

static void step_TIMES(struct step *step)
{
    size_t n, first = spatial(step, &n);

    for (size_t i = 0; i < n; i++) {
        json_int_t times = kf_shape_number(step->layer->config, step->key, i);
        json_int_t *size = &step->out->dims[first + i];

        if (*size < 0 || times < 1 || __builtin_mul_overflow(*size, times, size))
            *size = -1;
    }
}

static void step_DEPTHWISE(struct step *step)
{
    size_t n, first = spatial(step, &n), channel = kf_shape_first(step->layer) ? 1 : n + 1;
    json_int_t times = kf_json_int(step->layer->config, step->key, 1);
    json_int_t *channels = &step->out->dims[channel];

    for (size_t i = 0; i < n; i++)
        step->out->dims[first + i] =
            behind_window(step->layer, step->inputs[0]->dims[first + i], i);
    if (*channels < 0 || times < 1 || __builtin_mul_overflow(*channels, times, channels))
        *channels = -1;
}

static void step_CHANNELS(struct step *step)
{
    size_t first = kf_shape_first(step->layer) ? 2 : 1, rank = step->out->rank;

    step_WIDER(step);
    for (size_t i = 0; rank > 2 && i < rank - 2; i++)
        step->out->dims[first + i] =
            behind_window(step->layer, step->inputs[0]->dims[first + i], i);
}

static void step_SEQUENCE(struct step *step)
{
    const json_t *config = step->layer->config;

    if (step->out->rank != 3 || kf_json_bool(config, "time_major", false)) {
        forget(step);
        return;
    }
    step->out->rank = kf_json_bool(config, "return_sequences", false) ? 3 : 2;
    step_LAST(step);
}

/* Axes of 1 are as long as the other's. */
static json_int_t merged(json_int_t a, json_int_t b)
{
    if (a == b || b == 1)
        return a;
    return a == 1 ? b : -1;
}

static void step_MERGE(struct step *step)
{
    for (size_t i = 1; i < step->n; i++) {
        const struct kf_shape *one = step->inputs[i];

        if (one->rank != step->out->rank) {
            forget(step);
            return;
        }
        for (size_t k = 0; k < one->rank; k++)
            step->out->dims[k] = merged(step->out->dims[k], one->dims[k]);
    }
    if (step->n >= KF_FLOW_INPUTS)
        forget(step);
}

static void step_CONCAT(struct step *step)
{
    json_int_t axis = kf_shape_number(step->layer->config, "axis", 0), sum = 0;
    size_t rank = step->out->rank;

    axis = json_object_get(step->layer->config, "axis") ? axis : -1;
    axis += axis < 0 ? (json_int_t)rank : 0;
    for (size_t i = 0; i < step->n; i++) {
        json_int_t one = kf_shape_axis(step->inputs[i], axis);

        sum = sum < 0 || one < 0 || step->inputs[i]->rank != rank ? -1 : sum + one;
    }
    if (axis < 0 || axis >= (json_int_t)rank || step->n >= KF_FLOW_INPUTS)
        forget(step);
    else
        step->out->dims[axis] = sum;
}

/* What the layer in it gives, each step of time alone. */
static void step_EACH(struct step *step)
{
    const struct kf_layer *part = step->layer->n_parts == 1 ? step->layer->parts[0] : NULL;
    struct kf_shape one = *step->inputs[0], gives;
    const struct kf_shape *inputs[] = {&one};
    json_int_t times = one.dims[1];

    forget(step);
    if (!part || one.rank < 3 || part->n_parts)
        return;
    memmove(one.dims + 1, one.dims + 2, (--one.rank - 1) * sizeof(*one.dims));
    kf_shape_after(part, inputs, 1, &gives);
    if (!gives.rank || gives.rank == KF_RANK_MAX)
        return;
    step->out->rank = gives.rank + 1;
    step->out->dims[1] = times;
    memcpy(step->out->dims + 2, gives.dims + 1, (gives.rank - 1) * sizeof(*gives.dims));
}

/* What the layer that goes forward gives, twice as wide where both are put side by side. */
static void step_BOTH(struct step *step)
{
    const struct kf_layer *part = step->layer->n_parts ? step->layer->parts[0] : NULL;
    const struct kf_shape *input = step->inputs[0];
    bool wide = kf_streq(kf_json_str(step->layer->config, step->key, NULL), "concat");
    json_int_t *last;

    forget(step);
    if (!part || part->n_parts)
        return;
    kf_shape_after(part, &input, 1, step->out);
    last = &step->out->dims[step->out->rank ? step->out->rank - 1 : 0];
    if (step->out->rank && wide && (*last < 0 || __builtin_mul_overflow(*last, 2, last)))
        *last = -1;
}

static const struct {
    const char *classes, *key;
    void (*go)(struct step *step);
} flows[] = {
#define KF_FLOW(classes, how, key) {classes, key, step_##how},
#include "flow.def"
};

static void input_shape(struct step *step)
{
    const json_t *shape = json_object_get(step->layer->config, "batch_shape"), *one;
    size_t i;

    if (!shape)
        shape = json_object_get(step->layer->config, "batch_input_shape");
    if (!json_is_array(shape) || json_array_size(shape) > KF_RANK_MAX)
        return;
    step->out->rank = json_array_size(shape);
    json_array_foreach(shape, i, one) step->out->dims[i] =
        json_is_integer(one) ? json_integer_value(one) : -1;
}

void kf_shape_after(const struct kf_layer *layer, const struct kf_shape *const *inputs, size_t n,
                    struct kf_shape *out)
{
    struct step step = {.layer = layer, .inputs = inputs, .n = n, .out = out};

    memset(out, 0, sizeof(*out));
    if (kf_layer_is_input(layer)) {
        input_shape(&step);
        return;
    }
    for (size_t i = 0; n && inputs[0]->rank > 1 && !layer->custom && !layer->operation &&
                       !layer->inner && i < sizeof(flows) / sizeof(flows[0]);
         i++)
        if (kf_in_words(flows[i].classes, layer->class_name)) {
            *out = *inputs[0];
            step.key = flows[i].key;
            flows[i].go(&step);
            return;
        }
}
