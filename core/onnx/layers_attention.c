/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "attention.h"
#include <string.h>

/* Attention: scores of each query with each key, along two axes of steps. */

double kf_onnx_far_below(enum kf_dtype dtype)
{
    return dtype == KF_DTYPE_FLOAT16 ? -4.5e4 : -1e9;
}

struct kf_onnx_tensor *kf_onnx_both(struct kf_onnx *onnx, struct kf_onnx_tensor *a,
                                    struct kf_onnx_tensor *b)
{
    return a && b ? kf_onnx_compare(onnx, "And", a, b) : a ? a : b;
}

static struct kf_onnx_tensor *unsqueeze(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                        int64_t axis)
{
    return kf_onnx_unsqueeze(onnx, x, &axis, 1);
}

/* 0, 1, 2, ... for the steps of a sequence. */
static struct kf_onnx_tensor *steps_of(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    struct kf_onnx_tensor *ones;

    if (!x)
        return NULL;
    ones = kf_onnx_expand(onnx, kf_onnx_scalar(onnx, KF_DTYPE_INT64, 1), kf_onnx_size(onnx, x, 1),
                          &x->dims[1], 1);
    return kf_onnx_binary_with(onnx, "Sub", kf_onnx_cumsum(onnx, ones, 0, false), 1);
}

struct kf_onnx_tensor *kf_onnx_near_mask(struct kf_onnx *onnx, struct kf_onnx_tensor *query,
                                         struct kf_onnx_tensor *key, int64_t window)
{
    struct kf_onnx_tensor *rows = unsqueeze(onnx, steps_of(onnx, query), 1);
    struct kf_onnx_tensor *columns = unsqueeze(onnx, steps_of(onnx, key), 0), *gap;

    if (!window)
        return kf_onnx_compare(onnx, "GreaterOrEqual", rows, columns);
    gap = kf_onnx_unary(onnx, "Abs", kf_onnx_binary(onnx, "Sub", rows, columns));
    return kf_onnx_compare(onnx, "Less", gap, kf_onnx_scalar(onnx, KF_DTYPE_INT64, (double)window));
}

bool kf_onnx_is_told(const struct kf_onnx_call *call, const char *name, size_t place)
{
    return json_is_true(kf_onnx_argument(call, place, name));
}

/* Attention and AdditiveAttention. */

static struct kf_onnx_tensor *sum_scores(struct kf_onnx_call *call, struct kf_onnx_tensor *query,
                                         struct kf_onnx_tensor *key)
{
    static const int64_t last = 3;
    struct kf_onnx *onnx = call->onnx;
    bool additive = strcmp(call->op, "additive") == 0;
    struct kf_onnx_tensor *x =
        kf_onnx_binary(onnx, "Add", unsqueeze(onnx, query, 2), unsqueeze(onnx, key, 1));

    if (!additive && kf_onnx_has_weight(call, "scale"))
        x = kf_onnx_binary(onnx, "Mul", x, kf_onnx_weight(call, "scale"));
    x = kf_onnx_unary(onnx, "Tanh", x);
    if (additive && kf_onnx_has_weight(call, "scale"))
        x = kf_onnx_binary(onnx, "Mul", x, kf_onnx_weight(call, "scale"));
    x = kf_onnx_reduce(onnx, "ReduceSum", x, &last, 1, false);
    if (additive)
        return x;
    return kf_onnx_binary(onnx, "Mul", x, kf_onnx_weight(call, "concat_score_weight"));
}

static struct kf_onnx_tensor *scores_of(struct kf_onnx_call *call, struct kf_onnx_tensor *query,
                                        struct kf_onnx_tensor *key)
{
    static const unsigned axes[3] = {0, 2, 1};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x;

    if (strcmp(call->op, "additive") == 0 ||
        kf_streq(kf_onnx_text(call, "score_mode", "dot"), "concat"))
        return sum_scores(call, query, key);
    x = kf_onnx_matmul(onnx, query, kf_onnx_transpose(onnx, key, axes));
    return kf_onnx_has_weight(call, "scale")
               ? kf_onnx_binary(onnx, "Mul", x, kf_onnx_weight(call, "scale"))
               : x;
}

/* The mask of input `index`: of the list that is given, or its own. */
static struct kf_onnx_tensor *mask_of(struct kf_onnx_call *call, size_t index)
{
    const json_t *given = kf_onnx_argument(call, 1, "mask"), *one = json_array_get(given, index);

    if (!given)
        return index < call->n_in ? call->in[index]->mask : NULL;
    return one && !json_is_null(one)
               ? kf_onnx_cast(call->onnx, kf_onnx_plain(call->onnx, kf_onnx_resolve(call, one)),
                              KF_DTYPE_BOOL)
               : NULL;
}

/* Source: keras/src/layers/attention/attention.py, Attention.call (3.15.1) */
void kf_onnx_form_attention(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[3] = {0}, *scores, *mask, *y;

    for (size_t i = 0; i < 3 && i < call->n_in; i++)
        x[i] = kf_onnx_cast(onnx, kf_onnx_plain(onnx, call->in[i]), call->dtype);
    x[2] = x[2] ? x[2] : x[1];
    if (!x[0] || !x[1] || x[0]->rank != 3 || x[1]->rank != 3 || x[2]->rank != 3)
        return;
    scores = scores_of(call, x[0], x[2]);
    mask = call->n_in > 1 ? mask_of(call, 1) : NULL;
    mask = mask ? unsqueeze(onnx, mask, 1) : NULL;
    if (kf_onnx_is_told(call, "use_causal_mask", 4))
        mask = kf_onnx_both(onnx, mask, kf_onnx_near_mask(onnx, x[0], x[2], 0));
    if (mask && scores)
        scores = kf_onnx_where(
            onnx, mask, scores,
            kf_onnx_binary_with(onnx, "Add", scores, kf_onnx_far_below(scores->dtype)));
    scores = kf_onnx_along(onnx, "Softmax", scores, 2);
    y = kf_onnx_matmul(onnx, scores, x[1]);
    mask = mask_of(call, 0);
    if (mask && y)
        y = kf_onnx_where(onnx, unsqueeze(onnx, mask, 2), y, kf_onnx_scalar(onnx, y->dtype, 0));
    kf_onnx_give(call, y);
    if (kf_onnx_is_told(call, "return_attention_scores", 3))
        kf_onnx_give(call, scores);
}
