/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "window.h"
#include <string.h>

/* Layers that move, cut and repeat. */

/* True when the layer's channels stand behind the batch. */
void kf_onnx_form_flatten(struct kf_onnx_call *call)
{
    static const int64_t flat[2] = {0, -1}, column[2] = {0, 1};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_input(call);
    unsigned axes[KF_ONNX_RANK_MAX] = {0};

    if (!x)
        return;
    for (unsigned i = 1; i < x->rank; i++)
        axes[i] = i + 1 < x->rank ? i + 1 : 1;
    if (kf_onnx_channels_first(call) && x->rank > 2)
        x = kf_onnx_transpose(onnx, x, axes);
    kf_onnx_give(call, kf_onnx_reshape(onnx, x, x && x->rank > 1 ? flat : column, 2));
}

/* The same in either form where one axis alone is not of size 1: the numbers stand in one order. */
static void give_shaped(struct kf_onnx_call *call, struct kf_onnx_tensor *x, const int64_t *dims,
                        unsigned rank)
{
    struct kf_onnx_tensor *plain = kf_onnx_reshape(call->onnx, x, dims, rank), *moved = NULL;
    int64_t turned[KF_ONNX_RANK_MAX];
    bool thin = rank > 2 && rank <= KF_ONNX_RANK_MAX && !call->onnx->runtime->beyond;

    for (unsigned i = 1; i + 1 < rank; i++)
        thin = thin && dims[i] == 1;
    for (unsigned i = 0; thin && i < rank; i++)
        turned[kf_onnx_moved_axis((int)i, rank)] = dims[i];
    if (thin)
        moved = kf_onnx_reshape(call->onnx, x, turned, rank);
    kf_onnx_give_value(call, kf_onnx_value_new(call->onnx, plain, moved));
}

void kf_onnx_form_reshape(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_input(call);
    int64_t dims[KF_ONNX_RANK_MAX + 1] = {0};
    json_t *target = json_object_get(call->layer->config, "target_shape");
    size_t n = kf_onnx_numbers(call, target, dims + 1);
    size_t n_free = 0;

    for (size_t i = 1; i <= n; i++)
        n_free += dims[i] < 0;
    if (!x || n_free > 1 || (!n && json_array_size(target)))
        return;
    for (size_t i = 1; i <= n; i++)
        if (dims[i] == 0) {
            kf_onnx_refuse(call, "an axis of it has no size");
            return;
        }
    give_shaped(call, x, dims, (unsigned)n + 1);
}

void kf_onnx_form_permute(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_input(call);
    int64_t dims[KF_ONNX_RANK_MAX];
    size_t n = kf_onnx_numbers(call, json_object_get(call->layer->config, "dims"), dims);
    unsigned axes[KF_ONNX_RANK_MAX] = {0}, seen = 1;

    for (size_t i = 0; i < n; i++) {
        axes[i + 1 < KF_ONNX_RANK_MAX ? i + 1 : 0] = (unsigned)dims[i];
        seen |= dims[i] > 0 && dims[i] < KF_ONNX_RANK_MAX ? 1U << dims[i] : 0;
    }
    if (!x)
        return;
    if (n + 1 != x->rank || seen != (1U << x->rank) - 1) {
        kf_onnx_refuse(call, "its dims are not the axes of its input");
        return;
    }
    kf_onnx_give(call, kf_onnx_transpose(call->onnx, x, axes));
}

void kf_onnx_form_repeat_vector(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    static const int64_t second = 1;
    struct kf_onnx_tensor *x = kf_onnx_unsqueeze(onnx, kf_onnx_input(call), &second, 1);
    int64_t repeats[3] = {1, kf_onnx_number(call, "n", 1), 1}, dims[3];

    if (!x || x->rank != 3)
        return;
    dims[0] = x->dims[0];
    dims[1] = repeats[1];
    dims[2] = x->dims[2];
    kf_onnx_give(call, kf_onnx_expand(onnx, x, kf_onnx_list(onnx, repeats, 3), dims, 3));
}

/* What a config takes away or adds: a number, a list of numbers, or a list of pairs. */
static bool read_pairs(struct kf_onnx_call *call, const char *key, unsigned n, int64_t *before,
                       int64_t *after)
{
    const json_t *value = json_object_get(call->layer->config, key);

    for (unsigned i = 0; i < n; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        int64_t pair[KF_ONNX_RANK_MAX];
        size_t k;

        if (n == 1 && json_array_size(value) == 2)
            one = value;
        k = kf_onnx_numbers(call, one, pair);
        if (k < 1 || k > 2)
            return false;
        before[i] = pair[0];
        after[i] = pair[k - 1];
        if (before[i] < 0 || after[i] < 0)
            return false;
    }
    return true;
}

/* The axes in the middle, in the form in which the value is there. */
static unsigned first_axis(const struct kf_onnx_call *call, bool moved)
{
    return moved || kf_onnx_channels_first(call) ? 2 : 1;
}

/* The value in a form whose middle axes are at hand; a moved one is as good as a plain one. */
static struct kf_onnx_tensor *take(struct kf_onnx_call *call, bool *moved)
{
    struct kf_onnx_tensor *x = kf_onnx_either(call->in[0], moved);

    if (*moved && kf_onnx_channels_first(call)) {
        *moved = false;
        x = kf_onnx_plain(call->onnx, call->in[0]);
    }
    return x && x->rank > 2 ? x : NULL;
}

void kf_onnx_form_cropping(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    bool moved;
    struct kf_onnx_tensor *x = take(call, &moved);
    int64_t before[KF_ONNX_RANK_MAX], after[KF_ONNX_RANK_MAX];
    unsigned n = x ? x->rank - 2 : 0;

    if (!x || !read_pairs(call, "cropping", n, before, after))
        return;
    for (unsigned i = 0; i < n && x; i++)
        if (before[i] || after[i])
            x = kf_onnx_slice(onnx, x, (int)(first_axis(call, moved) + i), before[i],
                              after[i] ? -after[i] : KF_ONNX_END, 1);
    kf_onnx_give_as(call, x, moved);
}

void kf_onnx_form_zero_padding(struct kf_onnx_call *call)
{
    bool moved;
    struct kf_onnx_tensor *x = take(call, &moved);
    int64_t before[KF_ONNX_RANK_MAX], after[KF_ONNX_RANK_MAX], pads[2 * KF_ONNX_RANK_MAX] = {0};
    unsigned n = x ? x->rank - 2 : 0;

    if (!x || !read_pairs(call, "padding", n, before, after))
        return;
    for (unsigned i = 0; i < n; i++) {
        pads[first_axis(call, moved) + i] = before[i];
        pads[first_axis(call, moved) + i + x->rank] = after[i];
    }
    kf_onnx_give_as(call, kf_onnx_pad(call->onnx, x, pads, "constant", NULL), moved);
}
