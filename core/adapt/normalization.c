/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "adapt.h"

/* One axis that Normalization keeps: its size, unknown in the input's shape, is the mean's. */
static int know_axis(struct kf_adapt *adapt, json_t *shape, json_int_t axis, uint64_t size)
{
    json_int_t n = (json_int_t)json_array_size(shape), at = axis < 0 ? n + axis : axis;

    if (at <= 0 || at >= n || !json_is_null(json_array_get(shape, (size_t)at)))
        return 0;
    return kf_json_set_at(shape, (size_t)at, json_integer((json_int_t)size), adapt->rep);
}

/* Whether a shape leaves out the size of an axis. */
static bool is_free(const json_t *shape, json_int_t axis)
{
    json_int_t n = (json_int_t)json_array_size(shape), at = axis < 0 ? n + axis : axis;

    return at > 0 && at < n && json_is_null(json_array_get(shape, (size_t)at));
}

/* An architecture alone: nothing tells a size that the input's shape leaves out. */
static int need_kept_axes(struct kf_adapt *adapt, const struct kf_at *at,
                          const struct kf_layer *input, const json_t *shape)
{
    json_t *axis = json_object_get(at->layer->config, "axis"), *one;
    bool free = json_is_integer(axis) && is_free(shape, json_integer_value(axis));
    size_t i;

    json_array_foreach(axis, i, one) free = free || is_free(shape, json_integer_value(one));
    if (!free)
        return 0;
    kf_report_rule(adapt->rep, "shape:normalization_input");
    return kf_report_add(adapt->rep, KF_INPUT_SHAPE_MISSING, input->path,
                         "%s keeps an axis whose size the architecture does not say",
                         at->layer->name);
}

int kf_adapt_normalization(struct kf_adapt *adapt, const struct kf_at *at)
{
    struct kf_layer *input = kf_adapt_input_of(at);
    json_t *shape = input ? json_object_get(input->config, "batch_input_shape") : NULL;
    json_t *axis = json_object_get(at->layer->config, "axis"), *before, *one;
    const struct kf_payload *mean = at->layer->n_tensors ? at->layer->tensors[0].payload : NULL;
    size_t i;

    if (shape && !mean && at->layer->n_tensors)
        return need_kept_axes(adapt, at, input, shape);
    if (!mean || !json_is_array(shape) || !(before = json_deep_copy(shape)))
        return 0;
    if (json_is_integer(axis) && mean->rank == 1)
        KF_TRY(know_axis(adapt, shape, json_integer_value(axis), mean->dims[0]));
    json_array_foreach(axis, i, one) if (i < mean->rank)
        KF_TRY(know_axis(adapt, shape, json_integer_value(one), mean->dims[i]));
    if (!json_equal(before, shape)) {
        kf_report_rule(adapt->rep, "shape:normalization_input");
        kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, input->path, "batch_input_shape", before,
                         shape, "the size is that of the mean of %s", at->layer->name);
    }
    json_decref(before);
    return 0;
}
