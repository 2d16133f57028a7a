/* SPDX-License-Identifier: Apache-2.0 */
#include "translate.h"
#include <string.h>

/* Operators that change a shape. */

void kf_tf_form_shape(struct kf_tf_call *call)
{
    kf_tf_give(call, 0,
               kf_tf_shape_of(call->tf, kf_tf_input(call, 0)->dtype, kf_tf_in_plain(call, 0)));
}

/* True when a transposition takes axis 1 to the end, or, `back`, the last axis to place 1. */
static bool moves(const int64_t *perm, unsigned rank, bool back)
{
    if (perm[0] != 0)
        return false;
    for (unsigned i = 1; i < rank; i++) {
        unsigned to_end = i + 1 < rank ? i + 1 : 1, from_end = i == 1 ? rank - 1 : i - 1;

        if (perm[i] != (int64_t)(back ? from_end : to_end))
            return false;
    }
    return true;
}

/* What only says in which form a tensor is wanted needs no node. */
void kf_tf_form_transpose(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    const struct kf_tf_place *place = x->place;
    size_t n;
    const int64_t *perm = kf_onnx_get_ints(call->node, "perm", &n);

    if (!perm || n != x->rank)
        return;
    if (x->rank > 2 && kf_tf_is_last(x) && moves(perm, x->rank, false))
        kf_tf_give(call, 0, place->last);
    else if (x->rank > 2 && moves(perm, x->rank, true))
        kf_tf_give_last(call, 0, kf_tf_in_plain(call, 0));
    else
        kf_tf_give(call, 0,
                   kf_tf_transpose(call->tf, x->dtype, kf_tf_in_plain(call, 0), perm, x->rank));
}

/* Sizes of 0 are those of the input. They are put in where they are known, and one that is not
 * known is what is left, when it is the only one; else the list is put together. */
static const char *target_shape(struct kf_tf_call *call, const int64_t *dims, size_t n)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    int64_t known[KF_ONNX_RANK_MAX];
    const char *pieces[KF_ONNX_RANK_MAX];
    size_t n_free = 0;

    for (size_t i = 0; i < n; i++) {
        known[i] = dims[i] == 0 ? x->dims[i] : dims[i];
        if (dims[i] == -1 && call->node->out[0]->dims[i] != KF_ONNX_FREE)
            known[i] = call->node->out[0]->dims[i];
        n_free += known[i] < 0;
    }
    if (n_free <= 1)
        return kf_tf_list(call->tf, known, n);
    for (size_t i = 0; i < n; i++)
        pieces[i] = dims[i] == 0 && known[i] < 0
                        ? kf_tf_size(call->tf, x->dtype, kf_tf_in_plain(call, 0), (unsigned)i)
                        : kf_tf_list(call->tf, &known[i], 1);
    return kf_tf_concat(call->tf, KF_DTYPE_INT64, pieces, n, 0);
}

void kf_tf_form_reshape(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    size_t n;
    const int64_t *dims = kf_tf_numbers(call, 1, &n);
    const char *shape =
        dims && n <= KF_ONNX_RANK_MAX ? target_shape(call, dims, n) : kf_tf_in_plain(call, 1);

    kf_tf_give(call, 0, kf_tf_reshape(call->tf, x->dtype, kf_tf_in_plain(call, 0), shape));
}

/* The shape may be shorter or smaller than that of what is stretched: both are broadcast. */
void kf_tf_form_expand(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    const char *shape = kf_tf_in_plain(call, 1), *y = kf_tf_in_plain(call, 0);

    if (x->rank)
        shape = kf_tf_binary(tf, "BroadcastArgs", KF_DTYPE_INT64, kf_tf_shape_of(tf, x->dtype, y),
                             shape);
    kf_tf_give(call, 0, kf_tf_broadcast(tf, x->dtype, y, shape));
}

/* Axes that are put in count in the result: the first one first. */
void kf_tf_form_unsqueeze(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    const char *y = kf_tf_in_plain(call, 0);
    size_t n;
    const int64_t *axes = kf_tf_numbers(call, 1, &n);
    int64_t rank = call->node->out[0]->rank;

    for (int64_t at = 0; at < rank; at++)
        for (size_t i = 0; i < n; i++)
            if ((axes[i] < 0 ? axes[i] + rank : axes[i]) == at)
                y = kf_tf_expand(call->tf, x->dtype, y, at);
    if (axes)
        kf_tf_give(call, 0, y);
}

void kf_tf_form_squeeze(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    size_t n;
    const int64_t *axes = kf_tf_numbers(call, 1, &n);

    if (axes)
        kf_tf_give(call, 0, kf_tf_squeeze(call->tf, x->dtype, kf_tf_in_plain(call, 0), axes, n));
}

void kf_tf_form_tile(struct kf_tf_call *call)
{
    const char *x = kf_tf_in_plain(call, 0), *times = kf_tf_in_plain(call, 1);
    struct kf_tf_node node;

    kf_tf_begin(call->tf, &node, call->op);
    kf_tf_in(&node, x);
    kf_tf_in(&node, times);
    kf_tf_set_type(&node, "T", kf_tf_input(call, 0)->dtype);
    kf_tf_set_type(&node, "Tmultiples", KF_DTYPE_INT64);
    kf_tf_give(call, 0, kf_tf_end(&node));
}
