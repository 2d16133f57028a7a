/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "down_ops.h"

/* What is known of the shapes of tensors: what the file says, and what flow.def tells. */

size_t kf_down_rank(const json_t *argument)
{
    const json_t *shape = json_object_get(argument, "shape");
    const json_t *array = json_object_get(json_object_get(argument, "config"), "value");
    size_t rank = 0;

    if (json_is_object(argument) && !array)
        return json_array_size(shape) <= KF_RANK_MAX ? json_array_size(shape) : 0;
    for (array = array ? array : argument; json_is_array(array) && rank < KF_RANK_MAX; rank++)
        array = json_array_get(array, 0);
    return rank;
}

json_int_t kf_down_size(const json_t *argument, json_int_t axis)
{
    const json_t *shape = json_object_get(argument, "shape"), *size;
    const json_t *array = json_object_get(json_object_get(argument, "config"), "value");
    size_t rank = kf_down_rank(argument), at = kf_down_axis(axis, rank);

    if (at == rank)
        return -1;
    size = json_array_get(shape, at);
    if (json_is_object(argument) && !array)
        return json_is_integer(size) ? json_integer_value(size) : -1;
    for (array = array ? array : argument; at; at--)
        array = json_array_get(array, 0);
    return (json_int_t)json_array_size(array);
}

bool kf_down_said_shape(const json_t *ref, struct kf_shape *out)
{
    const json_t *shape = json_object_get(ref, "shape");

    out->rank = json_array_size(shape);
    for (size_t i = 0; i < out->rank && i < KF_RANK_MAX; i++)
        out->dims[i] = json_is_integer(json_array_get(shape, i))
                           ? json_integer_value(json_array_get(shape, i))
                           : -1;
    return out->rank > 0 && out->rank <= KF_RANK_MAX;
}

struct inputs {
    const struct kf_down_ops *ops;
    struct kf_shape said[KF_FLOW_INPUTS];
    const struct kf_shape *list[KF_FLOW_INPUTS];
    size_t n;
};

static int add_input(json_t *ref, void *context)
{
    struct inputs *in = context;
    struct kf_ref at;

    if (in->n == KF_FLOW_INPUTS || !kf_ref_get(ref, &at) || at.layer >= in->ops->n_shapes)
        return 0;
    in->list[in->n] =
        kf_down_said_shape(ref, &in->said[in->n]) ? &in->said[in->n] : &in->ops->shapes[at.layer];
    in->n++;
    return 0;
}

void kf_down_note_shape(struct kf_down_ops *ops, size_t index, size_t call, struct kf_shape *first)
{
    const struct kf_layer *layer = ops->graph->layers[index];
    struct inputs in = {.ops = ops};

    if (index >= ops->n_shapes || layer->inner || layer->custom || layer->operation)
        return;
    if (ops->graph->topology == KF_SEQUENTIAL && index > 0)
        in.list[in.n++] = &ops->shapes[index - 1];
    else if (layer->n_calls > call)
        kf_refs_each(layer->calls[call].args, add_input, &in);
    if (in.n)
        *first = *in.list[0];
    if (layer->n_calls < 2)
        kf_shape_after(layer, in.list, in.n, &ops->shapes[index]);
}

static int tell_shape(json_t *ref, void *context)
{
    struct kf_down_ops *ops = context;
    const struct kf_shape *shape;
    struct kf_ref at;
    json_t *list;

    if (!kf_ref_get(ref, &at) || at.layer >= ops->n_shapes || json_object_get(ref, "shape"))
        return 0;
    shape = &ops->shapes[at.layer];
    if (!shape->rank)
        return 0;
    list = json_array();
    for (size_t i = 0; i < shape->rank; i++)
        KF_TRY(kf_json_append(list, shape->dims[i] < 0 ? json_null() : json_integer(shape->dims[i]),
                              ops->adapt->rep));
    return kf_json_set(ref, "shape", list, ops->adapt->rep);
}

int kf_down_tell_shapes(struct kf_down_ops *ops, struct kf_layer *layer)
{
    KF_TRY(kf_refs_each(layer->calls[0].args, tell_shape, ops));
    return kf_refs_each(layer->calls[0].kwargs, tell_shape, ops);
}

size_t kf_down_axis(json_int_t axis, size_t rank)
{
    json_int_t at = axis < 0 ? axis + (json_int_t)rank : axis;

    return at >= 0 && at < (json_int_t)rank ? (size_t)at : rank;
}
