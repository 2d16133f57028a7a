/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "layer.h"
#include <math.h>
#include <string.h>

/* Attention: scores of each query with each key, along two axes of steps. */

/* Far below all scores: what is masked gets no weight. */
static double far_below(enum kf_dtype dtype)
{
    return dtype == KF_DTYPE_FLOAT16 ? -4.5e4 : -1e9;
}

static struct kf_onnx_tensor *both(struct kf_onnx *onnx, struct kf_onnx_tensor *a,
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

static bool is_told(const struct kf_onnx_call *call, const char *name, size_t place)
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
    if (is_told(call, "use_causal_mask", 4))
        mask = both(onnx, mask, kf_onnx_near_mask(onnx, x[0], x[2], 0));
    if (mask && scores)
        scores = kf_onnx_where(onnx, mask, scores,
                               kf_onnx_binary_with(onnx, "Add", scores, far_below(scores->dtype)));
    scores = kf_onnx_along(onnx, "Softmax", scores, 2);
    y = kf_onnx_matmul(onnx, scores, x[1]);
    mask = mask_of(call, 0);
    if (mask && y)
        y = kf_onnx_where(onnx, unsqueeze(onnx, mask, 2), y, kf_onnx_scalar(onnx, y->dtype, 0));
    kf_onnx_give(call, y);
    if (is_told(call, "return_attention_scores", 3))
        kf_onnx_give(call, scores);
}

/* MultiHeadAttention and GroupQueryAttention. */

/* The same bytes, with the axes from `how` on as one, and those before it as one. */
static const struct kf_payload *
make_matrix(struct kf_arena *arena, const struct kf_payload *payload, const void *how, bool *fits)
{
    unsigned split = *(const unsigned *)how;
    struct kf_payload *flat = kf_arena_alloc(arena, sizeof(*flat));

    *fits = payload->rank >= split && payload->rank > 0;
    if (!*fits || !flat)
        return NULL;
    *flat = *payload;
    flat->rank = split ? 2 : 1;
    flat->dims[0] = flat->dims[1] = 1;
    for (unsigned i = 0; i < payload->rank; i++)
        flat->dims[split && i >= split] *= payload->dims[i];
    return flat;
}

/* x times a kernel whose first `n` axes are the inputs, plus its bias. */
static struct kf_onnx_tensor *project(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                      const char *name, unsigned n)
{
    static const unsigned none = 0;
    struct kf_onnx *onnx = call->onnx;
    const char *kernel = kf_arena_printf(onnx->arena, "%s/kernel", name);
    const char *bias = kf_arena_printf(onnx->arena, "%s/bias", name);

    if (!kernel || !bias)
        return kf_onnx_no_memory(onnx);
    x = kf_onnx_matmul(onnx, x, kf_onnx_weight_made(call, kernel, "as a matrix", make_matrix, &n));
    if (!kf_onnx_flag(call, "use_bias", true))
        return x;
    return kf_onnx_binary(onnx, "Add", x,
                          kf_onnx_weight_made(call, bias, "as a vector", make_matrix, &none));
}

/* (batch, steps, heads * size) with its heads behind the batch; keys stand upright. */
static struct kf_onnx_tensor *in_heads(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                       int64_t heads, int64_t times, bool upright)
{
    int64_t dims[4] = {0, 0, heads, -1}, again[4] = {0, 0, heads * times, -1};
    struct kf_onnx_tensor *copies[64];
    unsigned axes[4] = {0, 2, upright ? 3 : 1, upright ? 1 : 3};

    x = kf_onnx_reshape(onnx, x, dims, 4);
    if (times > 1) {
        x = unsqueeze(onnx, x, 3);
        for (int64_t i = 0; i < times; i++)
            copies[i] = x;
        again[3] = x ? x->dims[4] : -1;
        x = kf_onnx_reshape(onnx, kf_onnx_concat(onnx, copies, (size_t)times, 3), again, 4);
    }
    return kf_onnx_transpose(onnx, x, axes);
}

struct heads {
    int64_t query, key; /* how many */
    int64_t size;       /* of a key, whose root the scores are divided by */
};

static bool read_heads(struct kf_onnx_call *call, struct heads *heads)
{
    bool grouped = strcmp(call->op, "grouped") == 0;
    const json_t *along = json_object_get(call->layer->config, "attention_axes");
    int64_t axes[KF_ONNX_RANK_MAX] = {1};

    heads->query = kf_onnx_number(call, grouped ? "num_query_heads" : "num_heads", 0);
    heads->key = grouped ? kf_onnx_number(call, "num_key_value_heads", 0) : heads->query;
    heads->size = kf_onnx_number(call, grouped ? "head_dim" : "key_dim", 0);
    if (along && !json_is_null(along) &&
        (kf_onnx_numbers(call, along, axes) != 1 || axes[0] != 1)) {
        kf_onnx_refuse(call, "it attends along other axes than that of the steps");
        return false;
    }
    if (heads->query > 0 && heads->key > 0 && heads->size > 0 && heads->query % heads->key == 0 &&
        heads->query / heads->key <= 64)
        return true;
    kf_onnx_refuse(call, "its heads do not fit");
    return false;
}

/* Which keys a query sees: all masks that there are, at once. */
static struct kf_onnx_tensor *seen(struct kf_onnx_call *call, struct kf_onnx_value *const *value,
                                   struct kf_onnx_tensor *const *x)
{
    static const char *const names[3] = {"query_mask", "value_mask", "key_mask"};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *mask = NULL, *one;
    json_t *given = kf_onnx_argument(call, 6, "attention_mask");
    int64_t window = kf_onnx_number(call, "sliding_window", 0);

    if (is_told(call, "use_causal_mask", 9))
        mask = kf_onnx_near_mask(onnx, x[0], x[1], 0);
    if (window > 0)
        mask = both(onnx, mask, kf_onnx_near_mask(onnx, x[0], x[1], window));
    for (size_t i = 0; i < 3; i++) {
        json_t *told = i ? kf_onnx_argument(call, 3 + i, names[i]) : NULL;

        one = value[i] ? value[i]->mask : NULL;
        if (told)
            one =
                kf_onnx_cast(onnx, kf_onnx_plain(onnx, kf_onnx_resolve(call, told)), KF_DTYPE_BOOL);
        if (one)
            mask = both(onnx, mask, unsqueeze(onnx, one, i ? 1 : 2));
    }
    if (given)
        mask = both(
            onnx, mask,
            kf_onnx_cast(onnx, kf_onnx_plain(onnx, kf_onnx_resolve(call, given)), KF_DTYPE_BOOL));
    if (mask && mask->rank == 3)
        mask = unsqueeze(onnx, mask, 1);
    return mask;
}

/* The weights of each query's keys. */
static struct kf_onnx_tensor *weigh(struct kf_onnx_call *call, const struct heads *heads,
                                    struct kf_onnx_tensor *query, struct kf_onnx_tensor *key,
                                    struct kf_onnx_tensor *mask)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *scores;
    int64_t times = heads->query / heads->key;

    query = kf_onnx_binary_with(onnx, "Mul", query, 1 / sqrt((double)heads->size));
    scores = kf_onnx_matmul(onnx, in_heads(onnx, query, heads->query, 1, false),
                            in_heads(onnx, key, heads->key, times, true));
    if (mask && scores)
        scores = kf_onnx_where(onnx, mask, scores,
                               kf_onnx_scalar(onnx, scores->dtype, far_below(scores->dtype)));
    return kf_onnx_along(onnx, "Softmax", scores, 3);
}

/* What comes out may have several axes, which one matrix has given as one. */
static struct kf_onnx_tensor *out_shape(struct kf_onnx_call *call, struct kf_onnx_tensor *y)
{
    const json_t *shape = json_object_get(call->layer->config, "output_shape");
    int64_t dims[KF_ONNX_RANK_MAX + 2] = {0, 0};
    size_t n = json_is_array(shape) ? kf_onnx_numbers(call, shape, dims + 2) : 1;

    return n > 1 ? kf_onnx_reshape(call->onnx, y, dims, (unsigned)n + 2) : y;
}

/* Source: keras/src/layers/attention/multi_head_attention.py, MultiHeadAttention.call, and
 * grouped_query_attention.py (3.15.1) */
void kf_onnx_form_heads(struct kf_onnx_call *call)
{
    static const unsigned back[4] = {0, 2, 1, 3};
    static const int64_t flat[3] = {0, 0, -1};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_value *value[3] = {call->in[0], kf_onnx_argument_value(call, 1, "value"),
                                      kf_onnx_argument_value(call, 2, "key")};
    struct kf_onnx_tensor *x[3], *scores, *y;
    struct heads heads;

    for (size_t i = 0; i < 3; i++)
        x[i] = kf_onnx_cast(onnx, kf_onnx_plain(onnx, value[i]), call->dtype);
    x[2] = value[2] ? x[2] : x[1];
    if (!x[0] || !x[1] || !x[2] || !read_heads(call, &heads))
        return;
    if (x[0]->rank != 3 || x[1]->rank != 3 || x[2]->rank != 3) {
        kf_onnx_refuse(call, "its inputs are no sequences of vectors");
        return;
    }
    scores = weigh(call, &heads, project(call, x[0], "query", 1), project(call, x[2], "key", 1),
                   seen(call, value, x));
    y = in_heads(onnx, project(call, x[1], "value", 1), heads.key, heads.query / heads.key, false);
    y = kf_onnx_transpose(onnx, kf_onnx_matmul(onnx, scores, y), back);
    y = kf_onnx_reshape(onnx, y, flat, 3);
    if (kf_onnx_flag(call, "use_gate", false))
        y = kf_onnx_binary(onnx, "Mul", y,
                           kf_onnx_unary(onnx, "Sigmoid", project(call, x[0], "gate", 1)));
    y = project(call, y, "attention_output", 2);
    kf_onnx_give(call, out_shape(call, y));
    if (is_told(call, "return_attention_scores", 7))
        kf_onnx_give(call, scores);
}
