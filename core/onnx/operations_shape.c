/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Operations that move, pad and repeat. */

void kf_onnx_form_op_reshape(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t dims[KF_ONNX_RANK_MAX];
    json_t *shape = kf_onnx_operand_json(call, "newshape");
    size_t n = shape ? kf_onnx_numbers(call, shape, dims) : 0;

    for (size_t i = 0; i < n; i++)
        if (dims[i] == 0 || dims[i] < -1) {
            kf_onnx_refuse(call, "an axis of it has no size");
            return;
        }
    if (x && shape && n == (json_is_array(shape) ? json_array_size(shape) : 1))
        kf_onnx_give(call, kf_onnx_reshape(call->onnx, x, dims, (unsigned)n));
}

void kf_onnx_form_op_transpose(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t axes[KF_ONNX_RANK_MAX];
    unsigned perm[KF_ONNX_RANK_MAX], seen = 0;
    size_t n = x ? kf_onnx_operand_axes(call, x, "axes", axes) : 0;
    bool given = kf_onnx_operand_json(call, "axes") != NULL;

    for (size_t i = 0; i < n; i++) {
        perm[i] = (unsigned)(given ? axes[i] : axes[n - 1 - i]);
        seen |= 1U << perm[i];
    }
    if (x && n == x->rank && seen == (1U << n) - 1)
        kf_onnx_give(call, kf_onnx_transpose(call->onnx, x, perm));
}

void kf_onnx_form_op_ravel(struct kf_onnx_call *call)
{
    static const int64_t flat = -1;

    kf_onnx_give(call, kf_onnx_reshape(call->onnx, kf_onnx_operand_first(call), &flat, 1));
}

static void all_axes(unsigned *perm, unsigned rank)
{
    for (unsigned i = 0; i < rank; i++)
        perm[i] = i;
}

void kf_onnx_form_op_swap_axes(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    unsigned perm[KF_ONNX_RANK_MAX];
    int a = x ? kf_onnx_operand_axis(call, x, "axis1", 0) : -1,
        b = x ? kf_onnx_operand_axis(call, x, "axis2", 0) : -1;

    if (a < 0 || b < 0)
        return;
    all_axes(perm, x->rank);
    perm[a] = (unsigned)b;
    perm[b] = (unsigned)a;
    kf_onnx_give(call, kf_onnx_transpose(call->onnx, x, perm));
}

void kf_onnx_form_op_move_axis(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t from[KF_ONNX_RANK_MAX], to[KF_ONNX_RANK_MAX];
    unsigned perm[KF_ONNX_RANK_MAX], rest = 0;
    size_t n = x ? kf_onnx_operand_axes(call, x, "source", from) : 0;
    bool taken[KF_ONNX_RANK_MAX] = {false};

    if (!n || kf_onnx_operand_axes(call, x, "destination", to) != n)
        return;
    for (size_t i = 0; i < n; i++)
        taken[from[i]] = true;
    for (unsigned i = 0; i < x->rank; i++) {
        size_t k = 0;

        while (k < n && to[k] != (int64_t)i)
            k++;
        while (k == n && rest < x->rank && taken[rest])
            rest++;
        if (k == n && rest == x->rank)
            return;
        perm[i] = k < n ? (unsigned)from[k] : rest++;
    }
    kf_onnx_give(call, kf_onnx_transpose(call->onnx, x, perm));
}

void kf_onnx_form_op_squeeze(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = 0;

    if (!x)
        return;
    if (kf_onnx_operand_json(call, "axis"))
        n = kf_onnx_operand_axes(call, x, "axis", axes);
    else
        for (unsigned i = 0; i < x->rank; i++)
            if (x->dims[i] == 1)
                axes[n++] = i;
    kf_onnx_give(call, n ? kf_onnx_squeeze(call->onnx, x, axes, n) : x);
}

void kf_onnx_form_op_broadcast_to(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t dims[KF_ONNX_RANK_MAX];
    size_t n = kf_onnx_numbers(call, kf_onnx_operand_json(call, "shape"), dims);

    for (size_t i = 0; i < n; i++)
        if (dims[i] < 1) {
            kf_onnx_refuse(call, "its shape is not known");
            return;
        }
    if (x && n)
        kf_onnx_give(call, kf_onnx_expand(onnx, x, kf_onnx_list(onnx, dims, n), dims, (unsigned)n));
}

void kf_onnx_form_op_pad(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *value = NULL;
    const char *mode = kf_json_str(call->layer->config, "mode", "constant");
    const json_t *width = kf_onnx_operand_json(call, "pad_width"), *one;
    json_t *given = kf_onnx_operand_json(call, "constant_values");
    int64_t pads[2 * KF_ONNX_RANK_MAX], pair[KF_ONNX_RANK_MAX];
    size_t i;

    if (!x)
        return;
    if (!kf_in_words("constant reflect edge", mode) || json_array_size(width) != x->rank) {
        kf_onnx_refuse(call, "the mode %.40s, or not a pair for each axis", mode);
        return;
    }
    json_array_foreach(width, i, one)
    {
        size_t n = kf_onnx_numbers(call, one, pair);

        if (n < 1 || n > 2)
            return;
        pads[i] = pair[0];
        pads[i + x->rank] = pair[n - 1];
    }
    if (given &&
        !(value = kf_onnx_cast(call->onnx, kf_onnx_operand(call, given, x->dtype), x->dtype)))
        return;
    kf_onnx_give(call, kf_onnx_pad(call->onnx, x, pads, mode, value));
}

/* How often something is repeated, at most. */
#define PIECES_MAX 4096

/* Each element so many times: an axis of that size is put behind its own, and both become one. */
void kf_onnx_form_op_repeat(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), **copies;
    json_t *given = kf_onnx_operand_json(call, "repeats");
    int64_t n = json_is_integer(given) ? json_integer_value(given) : 0, behind;
    int axis = x ? kf_onnx_operand_axis(call, x, "axis", 0) : -1;
    int64_t dims[KF_ONNX_RANK_MAX];

    if (axis < 0)
        return;
    if (n < 1 || n > PIECES_MAX || x->dims[axis] == KF_ONNX_FREE ||
        !kf_onnx_operand_json(call, "axis")) {
        kf_onnx_refuse(call, "the size of what it repeats is not known, or how often");
        return;
    }
    behind = axis + 1;
    copies = kf_onnx_alloc(onnx, (size_t)n * sizeof(*copies));
    x = kf_onnx_unsqueeze(onnx, x, &behind, 1);
    for (int64_t i = 0; copies && i < n; i++)
        copies[i] = x;
    if (!copies || !x)
        return;
    for (unsigned i = 0; i < x->rank - 1; i++)
        dims[i] = i < (unsigned)axis ? 0 : i == (unsigned)axis ? x->dims[i] * n : x->dims[i + 1];
    for (unsigned i = (unsigned)axis + 1; i < x->rank - 1; i++)
        if (dims[i] == KF_ONNX_FREE) {
            kf_onnx_refuse(call, "a size of its input is not known");
            return;
        }
    x = kf_onnx_concat(onnx, copies, (size_t)n, axis + 1);
    kf_onnx_give(call, kf_onnx_reshape(onnx, x, dims, x ? x->rank - 1 : 0));
}

void kf_onnx_form_op_tile(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *in[2];
    int64_t repeats[KF_ONNX_RANK_MAX], dims[KF_ONNX_RANK_MAX];
    size_t n = kf_onnx_numbers(call, kf_onnx_operand_json(call, "repeats"), repeats);
    struct kf_onnx_node *node;

    if (!x)
        return;
    if (n != x->rank) {
        kf_onnx_refuse(call, "not a number for each axis");
        return;
    }
    in[0] = x;
    in[1] = kf_onnx_list(onnx, repeats, n);
    node = kf_onnx_node_new(onnx, "Tile", in, 2);
    for (size_t i = 0; i < n; i++)
        dims[i] = x->dims[i] == KF_ONNX_FREE ? KF_ONNX_FREE : x->dims[i] * repeats[i];
    kf_onnx_give(call, kf_onnx_output(onnx, node, x->dtype, x->rank, dims));
}

void kf_onnx_form_op_flip(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t axes[KF_ONNX_RANK_MAX];
    size_t n = x && !*call->op ? kf_onnx_operand_axes(call, x, "axis", axes) : 0;

    if (x && *call->op) { /* along the axis of the row */
        axes[0] = strtol(call->op, NULL, 10);
        n = axes[0] < (int64_t)x->rank;
    }
    for (size_t i = 0; i < n; i++)
        x = kf_onnx_slice(call->onnx, x, (int)axes[i], -1, -KF_ONNX_END, -1);
    if (n)
        kf_onnx_give(call, x);
}

/* A quarter of a turn from the first axis to the second, as often as it says. */
void kf_onnx_form_op_rot90(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t axes[KF_ONNX_RANK_MAX];
    int k = (int)fmod(fmod(kf_onnx_operand_number(call, "k", 1), 4) + 4, 4);
    size_t n = x ? kf_onnx_operand_axes(call, x, "axes", axes) : 0;
    unsigned perm[KF_ONNX_RANK_MAX];

    if (n != 2 || axes[0] == axes[1])
        return;
    all_axes(perm, x->rank);
    perm[axes[0]] = (unsigned)axes[1];
    perm[axes[1]] = (unsigned)axes[0];
    if (k == 1 || k == 2)
        x = kf_onnx_slice(onnx, x, (int)axes[1], -1, -KF_ONNX_END, -1);
    if (k == 2)
        x = kf_onnx_slice(onnx, x, (int)axes[0], -1, -KF_ONNX_END, -1);
    if (k == 1 || k == 3)
        x = kf_onnx_transpose(onnx, x, perm);
    kf_onnx_give(call, k == 3 ? kf_onnx_slice(onnx, x, (int)axes[1], -1, -KF_ONNX_END, -1) : x);
}

/* The end comes in front. */
void kf_onnx_form_op_roll(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *parts[2];
    json_t *given = kf_onnx_operand_json(call, "shift");
    int axis =
        x && kf_onnx_operand_json(call, "axis") ? kf_onnx_operand_axis(call, x, "axis", 0) : -1;
    int64_t shift, size = axis < 0 ? 0 : x->dims[axis];

    if (axis < 0 || !json_is_integer(given) || size < 1) {
        kf_onnx_refuse(call, "it does not turn one axis whose size is known");
        return;
    }
    shift = (json_integer_value(given) % size + size) % size;
    parts[0] = kf_onnx_slice(onnx, x, axis, size - shift, KF_ONNX_END, 1);
    parts[1] = kf_onnx_slice(onnx, x, axis, 0, size - shift, 1);
    kf_onnx_give(call, shift ? kf_onnx_concat(onnx, parts, 2, axis) : x);
}
