/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/buf.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "layer.h"
#include <string.h>

void kf_onnx_form_same(struct kf_onnx_call *call)
{
    kf_onnx_give_value(call, call->in[0]);
}

static json_t *config(const struct kf_onnx_call *call, const char *key)
{
    return json_object_get(call->layer->config, key);
}

/* A matrix goes through one Gemm. */
static struct kf_onnx_tensor *multiply(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                       struct kf_onnx_tensor *kernel, struct kf_onnx_tensor *bias)
{
    struct kf_onnx_tensor *in[3] = {x, kernel, bias}, *y;
    struct kf_onnx_node *node;
    int64_t dims[2];

    if (!x || !kernel || x->rank != 2) {
        y = kf_onnx_matmul(onnx, x, kernel);
        return bias ? kf_onnx_binary(onnx, "Add", y, bias) : y;
    }
    node = kf_onnx_node_new(onnx, "Gemm", in, bias ? 3 : 2);
    dims[0] = x->dims[0];
    dims[1] = kernel->dims[1];
    return node ? kf_onnx_output(onnx, node, x->dtype, 2, dims) : NULL;
}

void kf_onnx_form_dense(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *kernel = kf_onnx_weight(call, "kernel"), *bias = NULL;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_input(call), call->dtype);
    bool has_bias = kf_onnx_flag(call, "use_bias", true);

    if (has_bias)
        bias = kf_onnx_weight(call, "bias");
    if (!x || !kernel || (has_bias && !bias))
        return;
    kf_onnx_give(call, kf_onnx_activate(call, config(call, "activation"),
                                        multiply(onnx, x, kernel, bias), false));
}

/* The output's axes that a word of the equation names, each as long as that of an input is. */
static bool einsum_dims(const char *equation, const struct kf_onnx_tensor *x,
                        const struct kf_onnx_tensor *y, int64_t *dims, unsigned *rank)
{
    const char *comma = strchr(equation, ','), *arrow = strstr(equation, "->"), *c;

    *rank = 0;
    if (!comma || !arrow || strchr(equation, '.') || comma > arrow ||
        (size_t)(comma - equation) != x->rank || (size_t)(arrow - comma - 1) != y->rank)
        return false;
    for (const char *out = arrow + 2; *out; out++) {
        if (*rank == KF_ONNX_RANK_MAX || !(c = memchr(equation, *out, (size_t)(arrow - equation))))
            return false;
        dims[(*rank)++] = c < comma ? x->dims[c - equation] : y->dims[c - comma - 1];
    }
    return true;
}

/* "..." stands for the axes that nothing names: letters of their own. */
const char *kf_onnx_spelt_out(struct kf_onnx *onnx, const char *equation, size_t rank)
{
    struct kf_buf text = {.max = 256};
    size_t named = 0, n_more;
    const char *done;

    for (const char *c = equation; *c && *c != ','; c++)
        named += *c != '.' && *c != ' ';
    n_more = strstr(equation, "...") && rank > named ? rank - named : 0;
    for (const char *c = equation; *c; c++)
        if (*c == '.') {
            for (size_t i = 0; i < n_more; i++)
                kf_buf_printf(&text, "%c", (char)('N' + i));
            c += strncmp(c, "...", 3) == 0 ? 2 : 0;
        } else if (*c != ' ') {
            kf_buf_add(&text, c, 1);
        }
    done = text.data ? kf_arena_strdup(onnx->arena, text.data) : NULL;
    if (!done)
        kf_onnx_no_memory(onnx);
    kf_buf_finish(&text);
    return done;
}

struct kf_onnx_tensor *kf_onnx_einsum(struct kf_onnx_call *call, const char *equation,
                                      struct kf_onnx_tensor *x, struct kf_onnx_tensor *y)
{
    struct kf_onnx_tensor *in[2] = {x, y};
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;
    const char *spelt = x && y ? kf_onnx_spelt_out(call->onnx, equation, x->rank) : NULL;
    unsigned rank;

    if (!x || !y || !spelt)
        return NULL;
    if (!einsum_dims(spelt, x, y, dims, &rank)) {
        kf_onnx_refuse(call, "the equation %.100s is not one of two tensors with these axes",
                       equation);
        return NULL;
    }
    node = kf_onnx_node_new(call->onnx, "Einsum", in, 2);
    kf_onnx_set_text(call->onnx, node, "equation", spelt);
    return kf_onnx_output(call->onnx, node, x->dtype, rank, dims);
}

void kf_onnx_form_einsum_dense(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_input(call), call->dtype);
    struct kf_onnx_tensor *y =
        kf_onnx_einsum(call, kf_onnx_text(call, "equation", ""), x, kf_onnx_weight(call, "kernel"));

    if (y && json_is_string(config(call, "bias_axes")))
        y = kf_onnx_binary(onnx, "Add", y, kf_onnx_weight(call, "bias"));
    if (y)
        kf_onnx_give(call, kf_onnx_activate(call, config(call, "activation"), y, false));
}

struct kf_onnx_tensor *kf_onnx_looked_up(struct kf_onnx_call *call, struct kf_onnx_tensor *table)
{
    struct kf_onnx_tensor *x = kf_onnx_input(call);

    if (x && x->dtype != KF_DTYPE_INT32 && x->dtype != KF_DTYPE_INT64)
        x = kf_onnx_cast(call->onnx, x, KF_DTYPE_INT32);
    return kf_onnx_gather(call->onnx, table, x, 0);
}

void kf_onnx_form_embedding(struct kf_onnx_call *call)
{
    kf_onnx_give(call, kf_onnx_looked_up(call, kf_onnx_weight(call, "embeddings")));
}

bool kf_onnx_is_reverse(struct kf_onnx_call *call, bool *fits)
{
    const json_t *dtype = config(call, "reverse_dtype");

    *fits = !dtype || json_is_null(dtype);
    if (!json_is_true(kf_onnx_argument(call, 1, "reverse")))
        return false;
    if (!*fits)
        kf_onnx_refuse(call, "it has a dtype of its own backwards");
    return true;
}

void kf_onnx_give_logits(struct kf_onnx_call *call, struct kf_onnx_tensor *x)
{
    struct kf_onnx *onnx = call->onnx;
    double cap = kf_onnx_real(call, "logit_soft_cap", 0);

    if (cap > 0)
        x = kf_onnx_binary_with(
            onnx, "Mul", kf_onnx_unary(onnx, "Tanh", kf_onnx_binary_with(onnx, "Div", x, cap)),
            cap);
    kf_onnx_give(call, x);
}

/* A table that is also gone backwards: scores of all its entries. */
void kf_onnx_form_reversible_embedding(struct kf_onnx_call *call)
{
    static const unsigned turned[2] = {1, 0};
    bool fits;

    if (!kf_onnx_is_reverse(call, &fits))
        kf_onnx_form_embedding(call);
    else if (fits)
        kf_onnx_give_logits(call,
                            kf_onnx_matmul(call->onnx, kf_onnx_input(call),
                                           kf_onnx_flag(call, "tie_weights", true)
                                               ? kf_onnx_weight_moved(call, "embeddings", turned, 2)
                                               : kf_onnx_weight(call, "reverse_embeddings")));
}

/* The masked steps become zeros. */
void kf_onnx_form_masking(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_input(call), *there;
    int64_t last[1] = {x ? (int64_t)x->rank - 1 : 0};

    if (!x)
        return;
    there = kf_onnx_compare(onnx, "Equal", x,
                            kf_onnx_scalar(onnx, x->dtype, kf_onnx_real(call, "mask_value", 0)));
    there = kf_onnx_cast(onnx, kf_onnx_test(onnx, "Not", there), x->dtype);
    there = kf_onnx_reduce(onnx, "ReduceMax", there, last, 1, true);
    kf_onnx_give(call, kf_onnx_binary(onnx, "Mul", x, there));
}

void kf_onnx_form_activation(struct kf_onnx_call *call)
{
    bool moved;
    struct kf_onnx_tensor *x = kf_onnx_either(call->in[0], &moved);

    kf_onnx_give_as(call, kf_onnx_activate(call, config(call, "activation"), x, moved), moved);
}

/* The layer that a wrapper holds, applied to these values. */
static struct kf_onnx_value *apply_part(struct kf_onnx_call *call, struct kf_onnx_value **in,
                                        size_t n_in)
{
    struct kf_onnx_call inner;

    if (call->layer->n_parts != 1 ||
        kf_onnx_apply(&inner, call, call->layer->parts[0], in, n_in) < 0 || inner.n_out != 1)
        return NULL;
    return inner.out[0];
}

void kf_onnx_form_wrapped(struct kf_onnx_call *call)
{
    struct kf_onnx_value *made = apply_part(call, call->in, call->n_in);

    if (made)
        kf_onnx_give_value(call, made);
}

/* Batch and steps become one axis for the layer, and two again. */
void kf_onnx_form_time_distributed(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_input(call), *y, *front[3];
    int64_t dims[KF_ONNX_RANK_MAX] = {-1};
    struct kf_onnx_value *value;

    if (!x)
        return;
    for (unsigned i = 2; i < x->rank; i++) {
        dims[i - 1] = x->dims[i];
        if (x->dims[i] == KF_ONNX_FREE) {
            kf_onnx_refuse(call, "a size of its input is not known");
            return;
        }
    }
    value = kf_onnx_value_new(onnx, kf_onnx_reshape(onnx, x, dims, x->rank - 1), NULL);
    y = kf_onnx_plain(onnx, apply_part(call, &value, 1));
    if (!y)
        return;
    dims[0] = x->dims[0];
    dims[1] = x->dims[1];
    for (unsigned i = 1; i < y->rank && i + 1 < KF_ONNX_RANK_MAX; i++)
        dims[i + 1] = y->dims[i];
    front[0] = kf_onnx_size(onnx, x, 0);
    front[1] = kf_onnx_size(onnx, x, 1);
    front[2] = y->rank > 1 ? kf_onnx_list(onnx, dims + 2, y->rank - 1) : NULL;
    if (x->dims[1] != KF_ONNX_FREE) {
        dims[0] = -1;
        kf_onnx_give(call, kf_onnx_reshape(onnx, y, dims, y->rank + 1));
    } else {
        kf_onnx_give(call, kf_onnx_reshape_to(onnx, y,
                                              kf_onnx_concat(onnx, front, y->rank > 1 ? 3 : 2, 0),
                                              dims, y->rank + 1));
    }
}
