/* SPDX-License-Identifier: Apache-2.0 */
#include "translate.h"
#include "../base/str.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct kf_tf_row rows[] = {
#define KF_TF_OPERATOR(from, form, op) {#from, kf_tf_form_##form, op, "tensorflow:" #from},
#include "operators.def"
#undef KF_TF_OPERATOR
};

static const struct kf_tf_row *find_row(const char *op)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].from, op) == 0)
            return &rows[i];
    return NULL;
}

void kf_tf_refuse(struct kf_tf_call *call, const char *fmt, ...)
{
    char why[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    kf_report_add(call->tf->rep, KF_NO_EQUAL, call->tf->path, "TensorFlow has no %s %s",
                  call->node->op, why);
}

static struct kf_tf_place *place_of(struct kf_tf *tf, struct kf_onnx_tensor *tensor)
{
    if (!tensor->place) {
        tensor->place = kf_arena_alloc(tf->arena, sizeof(struct kf_tf_place));
        if (!tensor->place)
            return kf_tf_no_memory(tf);
    }
    return tensor->place;
}

static const char *add_variable(struct kf_tf *tf, struct kf_onnx_tensor *tensor,
                                const struct kf_payload *payload)
{
    struct kf_tf_place *place = tensor->place;

    place->variable = tf->n_variables + 1;
    return kf_tf_variable(tf, tensor->name, payload);
}

/* Weights are read where they are used first. */
static const char *read_weight(struct kf_tf *tf, struct kf_onnx_tensor *tensor)
{
    size_t n = (size_t)kf_payload_bytes(tensor->payload);

    if (tensor->bytes && n <= KF_TF_CONSTANT_MAX)
        return kf_tf_constant(tf, tensor->dtype, tensor->rank, tensor->dims, tensor->bytes, n);
    return add_variable(tf, tensor, tensor->payload);
}

const char *kf_tf_plain(struct kf_tf *tf, struct kf_onnx_tensor *tensor)
{
    struct kf_tf_place *place = tensor ? place_of(tf, tensor) : NULL;
    int64_t axes[KF_ONNX_RANK_MAX] = {0};

    if (!place || place->plain)
        return place ? place->plain : NULL;
    if (tensor->payload) {
        place->plain = read_weight(tf, tensor);
    } else if (place->cast) {
        place->plain =
            kf_tf_cast(tf, kf_tf_plain(tf, place->cast), place->cast->dtype, tensor->dtype);
    } else if (place->last) {
        for (unsigned i = 1; i < tensor->rank; i++)
            axes[i] = i == 1 ? tensor->rank - 1 : i - 1;
        place->plain = kf_tf_transpose(tf, tensor->dtype, place->last, axes, tensor->rank);
    }
    return place->plain;
}

const char *kf_tf_last(struct kf_tf *tf, struct kf_onnx_tensor *tensor)
{
    struct kf_tf_place *place = tensor ? place_of(tf, tensor) : NULL;
    int64_t axes[KF_ONNX_RANK_MAX] = {0};

    if (!place || place->last)
        return place ? place->last : NULL;
    if (!kf_tf_plain(tf, tensor))
        return NULL;
    for (unsigned i = 1; i < tensor->rank; i++)
        axes[i] = i + 1 < tensor->rank ? i + 1 : 1;
    place->last = tensor->rank > 2
                      ? kf_tf_transpose(tf, tensor->dtype, place->plain, axes, tensor->rank)
                      : place->plain;
    return place->last;
}

const char *kf_tf_given(struct kf_tf *tf, struct kf_onnx_tensor *tensor)
{
    struct kf_tf_place *place = tensor ? place_of(tf, tensor) : NULL;

    if (!place || place->given)
        return place ? place->given : NULL;
    if (place->cast)
        place->given =
            kf_tf_cast(tf, kf_tf_given(tf, place->cast), place->cast->dtype, tensor->dtype);
    else if (tensor->given == tensor->payload)
        return kf_tf_plain(tf, tensor);
    else if (tensor->given)
        place->given = add_variable(tf, tensor, tensor->given);
    return place->given;
}

bool kf_tf_is_last(const struct kf_onnx_tensor *tensor)
{
    const struct kf_tf_place *place = tensor ? tensor->place : NULL;

    return place && place->last && !place->plain;
}

int64_t kf_tf_axis_last(int64_t axis, unsigned rank)
{
    return axis == 0 ? 0 : axis == 1 ? (int64_t)rank - 1 : axis - 1;
}

struct kf_onnx_tensor *kf_tf_input(const struct kf_tf_call *call, size_t index)
{
    struct kf_onnx_tensor *tensor = index < call->node->n_in ? call->node->in[index] : NULL;

    return tensor && *tensor->name ? tensor : NULL; /* what is absent has no name */
}

const char *kf_tf_in_plain(struct kf_tf_call *call, size_t index)
{
    return kf_tf_plain(call->tf, kf_tf_input(call, index));
}

const int64_t *kf_tf_numbers(const struct kf_tf_call *call, size_t index, size_t *n)
{
    const struct kf_onnx_tensor *tensor = kf_tf_input(call, index);

    *n = 0;
    if (!tensor || !tensor->bytes || tensor->dtype != KF_DTYPE_INT64)
        return NULL;
    *n = (size_t)kf_payload_elements(tensor->payload);
    return tensor->bytes;
}

void kf_tf_give_as(struct kf_tf_call *call, size_t index, const char *tensor, bool last)
{
    struct kf_tf_place *place =
        index < call->node->n_out ? place_of(call->tf, call->node->out[index]) : NULL;

    if (place && last && call->node->out[index]->rank > 2)
        place->last = tensor;
    else if (place)
        place->plain = tensor;
}

void kf_tf_give(struct kf_tf_call *call, size_t index, const char *tensor)
{
    kf_tf_give_as(call, index, tensor, false);
}

void kf_tf_give_last(struct kf_tf_call *call, size_t index, const char *tensor)
{
    kf_tf_give_as(call, index, tensor, true);
}

void kf_tf_give_cast(struct kf_tf_call *call, struct kf_onnx_tensor *from)
{
    struct kf_tf_place *place = place_of(call->tf, call->node->out[0]);

    if (place)
        place->cast = from;
}

/* An operator's name is "<path of the layer>/<operator>_<number>". */
static const char *path_of(struct kf_tf *tf, const struct kf_onnx_node *node)
{
    const char *slash = strrchr(node->name, '/');
    const char *path = kf_arena_strndup(tf->arena, node->name,
                                        slash ? (size_t)(slash - node->name) : strlen(node->name));

    return path ? path : kf_tf_no_memory(tf);
}

static int translate_node(struct kf_tf *tf, const struct kf_onnx_node *node)
{
    struct kf_tf_call call = {.tf = tf, .node = node, .row = find_row(node->op)};

    tf->path = path_of(tf, node);
    if (!tf->path)
        return -KF_NO_MEMORY;
    if (!call.row)
        return kf_report_add(tf->rep, KF_NO_EQUAL, tf->path,
                             "nothing here writes %s for TensorFlow", node->op);
    kf_report_rule(tf->rep, call.row->rule);
    call.op = call.row->op;
    call.row->form(&call);
    for (size_t i = 0; i < node->n_out; i++) {
        const struct kf_tf_place *place = node->out[i]->place;
        bool made = place && (place->plain || place->last || place->cast);

        if (node->out[i]->used && !made)
            return kf_report_status(tf->rep) < 0
                       ? kf_report_status(tf->rep)
                       : kf_report_add(tf->rep, KF_NO_EQUAL, tf->path,
                                       "TensorFlow has no %s with these inputs", node->op);
    }
    return 0;
}

int kf_tf_translate(struct kf_tf *tf, const struct kf_onnx *onnx)
{
    for (size_t i = 0; i < onnx->n_nodes; i++)
        if (onnx->nodes[i]->used)
            KF_TRY(translate_node(tf, onnx->nodes[i]));
    return kf_report_status(tf->rep);
}
