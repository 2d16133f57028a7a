/* SPDX-License-Identifier: Apache-2.0 */
#include "translate.h"
#include <string.h>

/* Operators that cut, join and pick. */

/* The axis of an attribute from the front. */
static int64_t axis_of(const struct kf_tf_call *call, unsigned rank, int64_t fallback)
{
    int64_t axis = kf_onnx_get_int(call->node, "axis", fallback);

    return axis < 0 ? axis + (int64_t)rank : axis;
}

/* True when all inputs, up to `n`, are there with axis 1 at the end. */
static bool all_last(const struct kf_tf_call *call)
{
    for (size_t i = 0; i < call->node->n_in; i++) {
        const struct kf_tf_place *place = call->node->in[i]->place;

        if (!place || !place->last)
            return false;
    }
    return kf_tf_is_last(call->node->in[0]);
}

void kf_tf_form_concat(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *first = kf_tf_input(call, 0);
    size_t n = call->node->n_in;
    const char **x = kf_arena_alloc(tf->arena, (n + 1) * sizeof(*x));
    int64_t axis = axis_of(call, first->rank, 0);
    bool last = all_last(call);

    if (!x) {
        kf_tf_no_memory(tf);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = last ? kf_tf_last(tf, call->node->in[i]) : kf_tf_plain(tf, call->node->in[i]);
        if (!x[i])
            return;
    }
    if (last)
        axis = kf_tf_axis_last(axis, first->rank);
    kf_tf_give_as(call, 0, kf_tf_concat(tf, first->dtype, x, n, axis), last);
}

/* Each list has one number: they are made for one axis. */
void kf_tf_form_slice(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    struct kf_tf_range ranges[KF_ONNX_RANK_MAX] = {{0}};
    bool last = kf_tf_is_last(x);
    const int64_t *numbers[4];
    size_t n[4];
    int64_t at;

    for (size_t i = 0; i < 4; i++)
        numbers[i] = kf_tf_numbers(call, i + 1, &n[i]);
    if (n[0] != 1 || n[1] != 1 || n[2] != 1 || n[3] > 1) {
        kf_tf_refuse(call, "along several axes");
        return;
    }
    for (unsigned i = 0; i < x->rank; i++)
        ranges[i] = (struct kf_tf_range){.step = 1, .from_start = true, .to_end = true};
    at = numbers[2][0] < 0 ? numbers[2][0] + (int64_t)x->rank : numbers[2][0];
    at = last ? kf_tf_axis_last(at, x->rank) : at;
    ranges[at] = (struct kf_tf_range){
        .start = numbers[0][0],
        .end = numbers[1][0],
        .step = n[3] ? numbers[3][0] : 1,
        .to_end = numbers[1][0] == INT64_MAX || numbers[1][0] == -INT64_MAX,
    };
    if (ranges[at].to_end)
        ranges[at].end = 0;
    kf_tf_give_as(call, 0,
                  kf_tf_slice(call->tf, x->dtype,
                              last ? kf_tf_last(call->tf, x) : kf_tf_in_plain(call, 0), ranges,
                              x->rank),
                  last);
}

void kf_tf_form_split(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    const char *in[3] = {kf_tf_in_plain(call, 0), kf_tf_in_plain(call, 1), NULL}, *made;
    struct kf_tf_node node;

    in[2] = kf_tf_scalar(tf, KF_DTYPE_INT32, (double)axis_of(call, x->rank, 0));
    kf_tf_begin(tf, &node, call->op);
    for (size_t i = 0; i < 3; i++)
        kf_tf_in(&node, in[i]);
    kf_tf_set_int(&node, "num_split", (int64_t)call->node->n_out);
    kf_tf_set_type(&node, "T", x->dtype);
    kf_tf_set_type(&node, "Tlen", KF_DTYPE_INT64);
    made = kf_tf_end(&node);
    for (unsigned i = 0; i < call->node->n_out; i++)
        kf_tf_give(call, i, kf_tf_output(tf, made, i));
}

/* The first or last element of an axis, so many times. */
static const char *edge(struct kf_tf_call *call, const char *x, unsigned axis, int64_t times,
                        bool end)
{
    struct kf_onnx_tensor *of = kf_tf_input(call, 0);
    struct kf_tf_range ranges[KF_ONNX_RANK_MAX];
    const char *pieces[KF_TF_EDGE_MAX];

    for (unsigned i = 0; i < of->rank; i++)
        ranges[i] = (struct kf_tf_range){.step = 1, .from_start = true, .to_end = true};
    if (end)
        ranges[axis] = (struct kf_tf_range){.start = -1, .step = 1, .to_end = true};
    else
        ranges[axis] = (struct kf_tf_range){.end = 1, .step = 1, .from_start = true};
    pieces[0] = kf_tf_slice(call->tf, of->dtype, x, ranges, of->rank);
    for (int64_t i = 1; i < times; i++)
        pieces[i] = pieces[0];
    return kf_tf_concat(call->tf, of->dtype, pieces, (size_t)times, axis);
}

static void pad_edges(struct kf_tf_call *call, const int64_t *pads)
{
    struct kf_onnx_tensor *of = kf_tf_input(call, 0);
    const char *x = kf_tf_in_plain(call, 0);

    for (unsigned i = 0; i < of->rank; i++) {
        const char *pieces[3];
        size_t n = 0;

        if (pads[2 * i] > KF_TF_EDGE_MAX || pads[2 * i + 1] > KF_TF_EDGE_MAX) {
            kf_tf_refuse(call, "that repeats an edge more than %d times", KF_TF_EDGE_MAX);
            return;
        }
        if (pads[2 * i])
            pieces[n++] = edge(call, x, i, pads[2 * i], false);
        pieces[n++] = x;
        if (pads[2 * i + 1])
            pieces[n++] = edge(call, x, i, pads[2 * i + 1], true);
        x = kf_tf_concat(call->tf, of->dtype, pieces, n, i);
    }
    kf_tf_give(call, 0, x);
}

static void pad_mirrored(struct kf_tf_call *call, const int64_t *pads)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    int64_t dims[2] = {x->rank, 2};
    const char *in[2] = {kf_tf_in_plain(call, 0),
                         kf_tf_constant(call->tf, KF_DTYPE_INT64, 2, dims, pads,
                                        (size_t)x->rank * 2 * sizeof(*pads))};
    struct kf_tf_node node;

    kf_tf_begin(call->tf, &node, "MirrorPad");
    kf_tf_in(&node, in[0]);
    kf_tf_in(&node, in[1]);
    kf_tf_set_type(&node, "T", x->dtype);
    kf_tf_set_type(&node, "Tpaddings", KF_DTYPE_INT64);
    kf_tf_set_text(&node, "mode", "REFLECT");
    kf_tf_give(call, 0, kf_tf_end(&node));
}

/* What each axis gets in front, then what each gets behind, becomes pairs. */
void kf_tf_form_pad(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    int64_t pairs[2 * KF_ONNX_RANK_MAX];
    bool last = kf_tf_is_last(x) && kf_onnx_is_text(call->node, "mode", 0, "constant");
    size_t n;
    const int64_t *pads = kf_tf_numbers(call, 1, &n);

    if (!pads || n != 2 * (size_t)x->rank)
        return;
    for (unsigned i = 0; i < x->rank; i++) {
        int64_t at = last ? kf_tf_axis_last(i, x->rank) : i;

        pairs[2 * at] = pads[i];
        pairs[2 * at + 1] = pads[i + x->rank];
        if (pads[i] < 0 || pads[i + x->rank] < 0) {
            kf_tf_refuse(call, "that takes away");
            return;
        }
    }
    if (kf_onnx_is_text(call->node, "mode", 0, "edge"))
        pad_edges(call, pairs);
    else if (kf_onnx_is_text(call->node, "mode", 0, "reflect"))
        pad_mirrored(call, pairs);
    else
        kf_tf_give_as(call, 0,
                      kf_tf_pad(call->tf, x->dtype,
                                last ? kf_tf_last(call->tf, x) : kf_tf_in_plain(call, 0), pairs,
                                x->rank, kf_tf_input(call, 2) ? kf_tf_in_plain(call, 2) : NULL),
                      last);
}

/* Places along an axis, those below 0 counted from the end. */
static const char *from_front(struct kf_tf_call *call, struct kf_onnx_tensor *x,
                              const struct kf_onnx_tensor *places, int64_t axis)
{
    struct kf_tf *tf = call->tf;
    const char *at = kf_tf_in_plain(call, 1);
    const char *size = kf_tf_size(tf, x->dtype, kf_tf_plain(tf, x), (unsigned)axis);

    size = kf_tf_cast(tf, size, KF_DTYPE_INT64, places->dtype);
    if (!places->rank)
        size = kf_tf_reshape(tf, places->dtype, size, kf_tf_list(tf, NULL, 0));
    return kf_tf_select(tf, places->dtype, kf_tf_with(tf, "Less", places->dtype, at, 0),
                        kf_tf_binary(tf, "AddV2", places->dtype, at, size), at);
}

/* Those of words in a table are never below 0. */
void kf_tf_form_gather(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0), *places = kf_tf_input(call, 1);
    const char *from = kf_tf_in_plain(call, 0), *at = kf_tf_in_plain(call, 1);
    int64_t axis = axis_of(call, x->rank, 0);

    if (!x->given && !(x->place && ((struct kf_tf_place *)x->place)->cast))
        at = from_front(call, x, places, axis);
    kf_tf_give(call, 0, kf_tf_gather(tf, x->dtype, from, at, places->dtype, axis, 0));
}

/* The place along an axis stands for each element: that axis goes to the end, the others are rows.
 */
void kf_tf_form_gather_elements(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0), *places = kf_tf_input(call, 1);
    int64_t axis = axis_of(call, x->rank, 0), end = (int64_t)x->rank - 1, axes[KF_ONNX_RANK_MAX];
    const char *from = kf_tf_in_plain(call, 0), *at = from_front(call, x, places, axis), *y;

    for (int64_t i = 0; i <= end; i++)
        axes[i] = i == axis ? end : i == end ? axis : i;
    if (axis != end) {
        from = kf_tf_transpose(tf, x->dtype, from, axes, x->rank);
        at = kf_tf_transpose(tf, places->dtype, at, axes, x->rank);
    }
    y = kf_tf_gather(tf, x->dtype, from, at, places->dtype, end, end);
    kf_tf_give(call, 0, axis == end ? y : kf_tf_transpose(tf, x->dtype, y, axes, x->rank));
}

/* Steps of each row of a batch, whose places stand in lists of one. */
void kf_tf_form_gather_steps(struct kf_tf_call *call)
{
    static const int64_t last = 2;
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0), *places = kf_tf_input(call, 1);
    const char *at;

    if (kf_onnx_get_int(call->node, "batch_dims", 0) != 1 || places->rank != 3 ||
        places->dims[2] != 1) {
        kf_tf_refuse(call, "with places of several axes");
        return;
    }
    at = kf_tf_squeeze(tf, places->dtype, kf_tf_in_plain(call, 1), &last, 1);
    kf_tf_give(call, 0,
               kf_tf_gather(tf, x->dtype, kf_tf_in_plain(call, 0), at, places->dtype, 1, 1));
}
