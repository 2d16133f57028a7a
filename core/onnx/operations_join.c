/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "operation.h"
#include <stdlib.h>
#include <string.h>

/* Operations that join and cut. */

void kf_onnx_form_op_concatenate(struct kf_onnx_call *call)
{
    size_t n;
    struct kf_onnx_tensor **all = kf_onnx_operand_list(call, "xs", &n);
    int axis = all ? kf_onnx_operand_axis(call, all[0], "axis", 0) : -1;

    if (axis >= 0)
        kf_onnx_give(call, kf_onnx_concat(call->onnx, all, n, axis));
}

/* Along the axis of the row; what has fewer axes would get some in front. */
void kf_onnx_form_op_join(struct kf_onnx_call *call)
{
    size_t n;
    struct kf_onnx_tensor **all = kf_onnx_operand_list(call, "xs", &n);
    unsigned axis = (unsigned)strtol(call->op, NULL, 10);

    if (!all)
        return;
    if (all[0]->rank < 2 || all[0]->rank <= axis)
        kf_onnx_refuse(call, "what it joins has not enough axes");
    else
        kf_onnx_give(call, kf_onnx_concat(call->onnx, all, n, (int)axis));
}

void kf_onnx_form_op_append(struct kf_onnx_call *call)
{
    static const int64_t flat = -1;
    struct kf_onnx_tensor *x[2];
    bool whole = !kf_onnx_operand_json(call, "axis");
    int axis = 0;

    if (!kf_onnx_operand_pair(call, x))
        return;
    for (unsigned i = 0; i < 2 && whole; i++)
        x[i] = kf_onnx_reshape(call->onnx, x[i], &flat, 1);
    axis = x[0] && !whole ? kf_onnx_operand_axis(call, x[0], "axis", 0) : 0;
    if (axis >= 0)
        kf_onnx_give(call, kf_onnx_concat(call->onnx, x, 2, axis));
}

/* The first choice whose condition holds. */
void kf_onnx_form_op_select(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    json_t *conditions = kf_onnx_operand_json(call, "condlist");
    json_t *choices = kf_onnx_operand_json(call, "choicelist"), *other, **values;
    size_t n = json_array_size(choices);
    struct kf_onnx_tensor **x = kf_onnx_alloc(onnx, (n + 1) * sizeof(*x)), *y;

    values = kf_onnx_alloc(onnx, (n + 1) * sizeof(*values));
    other = kf_onnx_operand_json(call, "default");
    if (!x || !values || !n || !other || json_array_size(conditions) != n)
        return;
    for (size_t i = 0; i < n; i++)
        values[i] = json_array_get(choices, i);
    values[n] = other;
    if (!kf_onnx_operands(call, values, n + 1, x))
        return;
    y = x[n];
    for (size_t i = n; i-- > 0;)
        y = kf_onnx_where(
            onnx,
            kf_onnx_cast(onnx, kf_onnx_operand(call, json_array_get(conditions, i), KF_DTYPE_BOOL),
                         KF_DTYPE_BOOL),
            x[i], y);
    kf_onnx_give(call, y);
}

void kf_onnx_form_op_stack(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    size_t n;
    struct kf_onnx_tensor **all = kf_onnx_operand_list(call, "x", &n);
    json_t *given = kf_onnx_operand_json(call, "axis");
    int64_t axis = given ? json_integer_value(given) : 0;

    if (!all || axis > all[0]->rank || axis < -(int64_t)all[0]->rank - 1)
        return;
    axis = axis < 0 ? axis + all[0]->rank + 1 : axis;
    for (size_t i = 0; i < n; i++)
        if (!(all[i] = kf_onnx_unsqueeze(onnx, all[i], &axis, 1)))
            return;
    kf_onnx_give(call, kf_onnx_concat(onnx, all, n, (int)axis));
}

/* How many pieces an axis is cut in, at most. */
#define PIECES_MAX 4096

static void give_pieces(struct kf_onnx_call *call, struct kf_onnx_tensor *x, int axis,
                        const int64_t *sizes, size_t n, bool squeeze)
{
    struct kf_onnx_node *node = kf_onnx_split(call->onnx, x, axis, sizes, n);
    int64_t at = axis;

    for (size_t i = 0; node && i < node->n_out; i++)
        kf_onnx_give(call,
                     squeeze ? kf_onnx_squeeze(call->onnx, node->out[i], &at, 1) : node->out[i]);
}

/* A number of parts, the first ones larger by one where they cannot be equal; or the places where
 * it is cut. */
static void split(struct kf_onnx_call *call, struct kf_onnx_tensor *x, int axis)
{
    const json_t *how = kf_onnx_operand_json(call, "indices_or_sections"), *one;
    size_t n = json_is_integer(how) ? (size_t)json_integer_value(how) : json_array_size(how) + 1;
    int64_t *sizes, size = axis < 0 ? 0 : x->dims[axis], at = 0;
    size_t i;

    if (axis < 0 || n < 1 || n > PIECES_MAX || size == KF_ONNX_FREE) {
        kf_onnx_refuse(call, "the size of what it cuts is not known");
        return;
    }
    sizes = kf_onnx_alloc(call->onnx, n * sizeof(*sizes));
    if (!sizes)
        return;
    for (i = 0; i < n; i++)
        sizes[i] = size / (int64_t)n + ((int64_t)i < size % (int64_t)n);
    json_array_foreach(how, i, one)
    {
        int64_t place = json_integer_value(one);

        place = place < 0 ? place + size : place;
        if (!json_is_integer(one) || place < at || place > size) {
            kf_onnx_refuse(call, "it is not cut at places in order");
            return;
        }
        sizes[i] = place - at;
        at = place;
    }
    if (json_is_array(how))
        sizes[n - 1] = size - at;
    give_pieces(call, x, axis, sizes, n, false);
}

/* Along the axis of the call, or of the row. */
void kf_onnx_form_op_split(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);

    if (x && *call->op)
        split(call, x, kf_onnx_axis(call->onnx, x, strtol(call->op, NULL, 10)));
    else if (x)
        split(call, x, kf_onnx_operand_axis(call, x, "axis", 0));
}

void kf_onnx_form_op_unstack(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int axis = x ? kf_onnx_operand_axis(call, x, "axis", 0) : -1;
    int64_t *sizes, n = axis < 0 ? 0 : x->dims[axis];

    if (axis < 0 || n < 1 || n > PIECES_MAX) {
        kf_onnx_refuse(call, "the size of what it cuts is not known");
        return;
    }
    sizes = kf_onnx_alloc(call->onnx, (size_t)n * sizeof(*sizes));
    for (int64_t i = 0; sizes && i < n; i++)
        sizes[i] = 1;
    if (sizes)
        give_pieces(call, x, axis, sizes, (size_t)n, true);
}

/* Lists as the axes of a grid; "xy" has the first two the other way round. */
void kf_onnx_form_op_meshgrid(struct kf_onnx_call *call)
{
    static const int64_t flat = -1;
    struct kf_onnx *onnx = call->onnx;
    size_t n = json_array_size(call->args);
    bool turned = n > 1 && strcmp(kf_json_str(call->layer->config, "indexing", "xy"), "xy") == 0;
    struct kf_onnx_tensor *x[KF_ONNX_RANK_MAX], *sizes[KF_ONNX_RANK_MAX];
    int64_t dims[KF_ONNX_RANK_MAX], others[KF_ONNX_RANK_MAX];

    if (n < 1 || n > KF_ONNX_RANK_MAX)
        return;
    for (size_t i = 0; i < n; i++) {
        size_t at = turned && i < 2 ? 1 - i : i;

        x[i] = kf_onnx_operand(call, json_array_get(call->args, i), KF_DTYPE_NONE);
        x[i] = kf_onnx_reshape(onnx, x[i], &flat, 1);
        if (!x[i] || !(sizes[at] = kf_onnx_size(onnx, x[i], 0)))
            return;
        dims[at] = x[i]->dims[0];
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = turned && i < 2 ? 1 - i : i, n_others = 0;

        for (size_t k = 0; k < n; k++)
            if (k != at)
                others[n_others++] = (int64_t)k;
        if (n_others)
            x[i] = kf_onnx_unsqueeze(onnx, x[i], others, n_others);
        kf_onnx_give(
            call, kf_onnx_expand(onnx, x[i], kf_onnx_concat(onnx, sizes, n, 0), dims, (unsigned)n));
    }
}
