/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "attention.h"
#include <math.h>
#include <string.h>

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
        x = kf_onnx_unsqueeze(onnx, x, &(int64_t){3}, 1);
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

    heads->query = kf_onnx_number(call, grouped ? "num_query_heads" : "num_heads", 0);
    heads->key = grouped ? kf_onnx_number(call, "num_key_value_heads", 0) : heads->query;
    heads->size = kf_onnx_number(call, grouped ? "head_dim" : "key_dim", 0);
    if (heads->query > 0 && heads->key > 0 && heads->size > 0 && heads->query % heads->key == 0 &&
        heads->query / heads->key <= 64)
        return true;
    kf_onnx_refuse(call, "its heads do not fit");
    return false;
}

/*
 * Tensors with more axes than one of steps, as sequences: those along which it attends are one, and
 * those beside them lie in the batch.
 */
struct fold {
    unsigned order[KF_ONNX_RANK_MAX]; /* batch, those beside, those attended along, features */
    unsigned rank, n_beside;
};

/* The axes along which it attends, all between batch and features where none are named. */
static bool read_axes(struct kf_onnx_call *call, struct fold *fold)
{
    const json_t *along = json_object_get(call->layer->config, "attention_axes");
    bool attended[KF_ONNX_RANK_MAX] = {false};
    int64_t axes[KF_ONNX_RANK_MAX], last = 0;
    size_t n = json_is_null(along) ? 0 : along ? kf_onnx_numbers(call, along, axes) : 0;
    unsigned at = 1;

    for (size_t i = 0; i < n; i++) {
        if (axes[i] <= last || axes[i] > (int64_t)fold->rank - 2)
            return false;
        last = axes[i];
        attended[last] = true;
    }
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 1; i + 1 < fold->rank; i++)
            if ((attended[i] || n == 0) == (pass == 1))
                fold->order[at++] = i;
        if (pass == 0)
            fold->n_beside = at - 1;
    }
    fold->order[at] = at;
    return true;
}

/* All sizes but that of the batch are known, and the axes beside are the same in all. */
static bool fits_fold(const struct fold *fold, struct kf_onnx_tensor *const *x)
{
    for (unsigned i = 1; i < fold->rank; i++)
        for (size_t k = 0; k < 3; k++)
            if (x[k]->dims[fold->order[i]] == KF_ONNX_FREE ||
                (i <= fold->n_beside && x[k]->dims[fold->order[i]] != x[0]->dims[fold->order[i]]))
                return false;
    return true;
}

static bool read_fold(struct kf_onnx_call *call, struct kf_onnx_tensor *const *x, struct fold *fold)
{
    bool grouped = strcmp(call->op, "grouped") == 0;

    fold->rank = x[0]->rank;
    if (fold->rank < 3 || x[1]->rank != fold->rank || x[2]->rank != fold->rank ||
        (grouped && fold->rank > 3))
        kf_onnx_refuse(call, "its inputs are no sequences of vectors");
    else if (!read_axes(call, fold))
        kf_onnx_refuse(call, "it attends along axes that it has not, or not in their order");
    else if (fold->rank > 3 && !fits_fold(fold, x))
        kf_onnx_refuse(call, "the sizes of its axes are not known, or not those of its keys");
    else
        return true;
    return false;
}

/* (batch and the axes beside, steps, features) */
static struct kf_onnx_tensor *fold_in(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                      const struct fold *fold)
{
    int64_t dims[3] = {-1, 1, x->dims[fold->rank - 1]};

    for (unsigned i = fold->n_beside + 1; i + 1 < fold->rank; i++)
        dims[1] *= x->dims[fold->order[i]];
    return fold->rank > 3 ? kf_onnx_reshape(onnx, kf_onnx_transpose(onnx, x, fold->order), dims, 3)
                          : x;
}

/* What came of `like`, its axes apart again and in their order. */
static struct kf_onnx_tensor *fold_out(struct kf_onnx *onnx, struct kf_onnx_tensor *y,
                                       const struct kf_onnx_tensor *like, const struct fold *fold)
{
    int64_t dims[2 * KF_ONNX_RANK_MAX] = {-1};
    unsigned back[2 * KF_ONNX_RANK_MAX] = {0}, n = 1;

    if (!y || fold->rank == 3)
        return y;
    for (; n + 1 < fold->rank; n++) {
        dims[n] = like->dims[fold->order[n]];
        back[fold->order[n]] = n;
    }
    for (unsigned i = 2; i < y->rank; i++, n++) {
        dims[n] = y->dims[i];
        back[n] = n;
    }
    return kf_onnx_transpose(onnx, kf_onnx_reshape(onnx, y, dims, n), back);
}

/* (batch, the axes beside, heads, axes of the queries, axes of the keys) */
static struct kf_onnx_tensor *fold_scores(struct kf_onnx *onnx, struct kf_onnx_tensor *scores,
                                          struct kf_onnx_tensor *const *x, const struct fold *fold)
{
    int64_t dims[2 * KF_ONNX_RANK_MAX] = {-1};
    unsigned n = 1, i;

    if (!scores || fold->rank == 3)
        return scores;
    for (; n <= fold->n_beside; n++)
        dims[n] = x[0]->dims[fold->order[n]];
    dims[n++] = scores->dims[1];
    for (unsigned k = 0; k < 2; k++)
        for (i = fold->n_beside + 1; i + 1 < fold->rank; i++)
            dims[n++] = x[k]->dims[fold->order[i]];
    return kf_onnx_reshape(onnx, scores, dims, n);
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

    if (kf_onnx_is_told(call, "use_causal_mask", 9))
        mask = kf_onnx_near_mask(onnx, x[0], x[1], 0);
    if (window > 0)
        mask = kf_onnx_both(onnx, mask, kf_onnx_near_mask(onnx, x[0], x[1], window));
    for (size_t i = 0; i < 3; i++) {
        json_t *told = i ? kf_onnx_argument(call, 3 + i, names[i]) : NULL;
        const int64_t axis = i ? 1 : 2;

        one = value[i] ? value[i]->mask : NULL;
        if (told)
            one =
                kf_onnx_cast(onnx, kf_onnx_plain(onnx, kf_onnx_resolve(call, told)), KF_DTYPE_BOOL);
        if (one)
            mask = kf_onnx_both(onnx, mask, kf_onnx_unsqueeze(onnx, one, &axis, 1));
    }
    if (given)
        mask = kf_onnx_both(
            onnx, mask,
            kf_onnx_cast(onnx, kf_onnx_plain(onnx, kf_onnx_resolve(call, given)), KF_DTYPE_BOOL));
    if (mask && mask->rank == 3)
        mask = kf_onnx_unsqueeze(onnx, mask, &(int64_t){1}, 1);
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
        scores =
            kf_onnx_where(onnx, mask, scores,
                          kf_onnx_scalar(onnx, scores->dtype, kf_onnx_far_below(scores->dtype)));
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

/* Masks are of steps, and of no other axes. */
static bool fits_masks(struct kf_onnx_call *call, const struct fold *fold,
                       const struct kf_onnx_tensor *mask)
{
    if (fold->rank > 3 && mask)
        kf_onnx_refuse(call, "it attends along several axes, with a mask");
    return fold->rank == 3 || !mask;
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
    struct kf_onnx_tensor *given[3], *x[3], *mask, *scores, *y;
    struct heads heads;
    struct fold fold = {.order = {0}};

    for (size_t i = 0; i < 3; i++)
        given[i] = kf_onnx_cast(onnx, kf_onnx_plain(onnx, value[i]), call->dtype);
    given[2] = value[2] ? given[2] : given[1];
    if (!given[0] || !given[1] || !given[2] || !read_heads(call, &heads) ||
        !read_fold(call, given, &fold))
        return;
    mask = seen(call, value, given);
    if (!fits_masks(call, &fold, mask))
        return;
    for (size_t i = 0; i < 3; i++)
        x[i] = fold_in(onnx, given[i], &fold);
    scores =
        weigh(call, &heads, project(call, x[0], "query", 1), project(call, x[2], "key", 1), mask);
    y = in_heads(onnx, project(call, x[1], "value", 1), heads.key, heads.query / heads.key, false);
    y = kf_onnx_transpose(onnx, kf_onnx_matmul(onnx, scores, y), back);
    y = kf_onnx_reshape(onnx, y, flat, 3);
    if (kf_onnx_flag(call, "use_gate", false))
        y = kf_onnx_binary(onnx, "Mul", y,
                           kf_onnx_unary(onnx, "Sigmoid", project(call, x[0], "gate", 1)));
    y = out_shape(call, project(call, y, "attention_output", 2));
    kf_onnx_give(call, fold_out(onnx, y, given[0], &fold));
    if (kf_onnx_is_told(call, "return_attention_scores", 7))
        kf_onnx_give(call, fold_scores(onnx, scores, given, &fold));
}
