/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "layer.h"
#include <string.h>

/*
 * Layers that are quantized to int8: what was multiplied by a scale and rounded. The inputs are,
 * too, by the largest of each vector.
 *
 * Source: _int8_call() of the classes in keras/src/layers/core (3.15.1)
 */

struct quantizer {
    bool any; /* inputs are quantized */
    double low, high, epsilon;
};

/* Before it was in the config, there was one. False (reported) for another. */
static bool read_quantizer(struct kf_onnx_call *call, struct quantizer *quantizer)
{
    const json_t *whole = json_object_get(call->layer->config, "quantization_config");
    const json_t *given = json_object_get(json_object_get(whole, "config"), "activation_quantizer");
    const json_t *config = json_object_get(given, "config");
    const json_t *range = json_object_get(config, "value_range");
    const json_t *axis = json_object_get(config, "axis");

    *quantizer = (struct quantizer){true, -127, 127, 1e-7};
    if (!json_is_object(whole))
        return true;
    quantizer->any = json_is_object(given);
    if (!quantizer->any)
        return true;
    quantizer->low = json_number_value(json_array_get(range, 0));
    quantizer->high = json_number_value(json_array_get(range, 1));
    quantizer->epsilon = json_number_value(json_object_get(config, "epsilon"));
    if (kf_streq(kf_json_str(given, "class_name", NULL), "AbsMaxQuantizer") &&
        kf_streq(kf_json_str(config, "output_dtype", NULL), "int8") &&
        (!axis || json_is_null(axis)) && quantizer->low < 0 && quantizer->high > 0)
        return true;
    kf_onnx_refuse(call, "another quantizer than AbsMaxQuantizer makes its inputs int8");
    return false;
}

/* Source: keras/src/quantizers/quantizers.py, abs_max_quantize (3.15.1) */
static struct kf_onnx_tensor *quantized(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                        const struct quantizer *how, const int64_t *axes, size_t n,
                                        struct kf_onnx_tensor **scale)
{
    struct kf_onnx_tensor *most =
        kf_onnx_reduce(onnx, "ReduceMax", kf_onnx_unary(onnx, "Abs", x), axes, n, true);

    *scale = x ? kf_onnx_binary(onnx, "Div", kf_onnx_scalar(onnx, x->dtype, how->high),
                                kf_onnx_binary_with(onnx, "Add", most, how->epsilon))
               : NULL;
    x = kf_onnx_unary(onnx, "Round", kf_onnx_binary(onnx, "Mul", x, *scale));
    return kf_onnx_cast(onnx, kf_onnx_clip(onnx, x, how->low, how->high), KF_DTYPE_INT8);
}

static struct kf_onnx_tensor *multiply(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                       struct kf_onnx_tensor *kernel)
{
    struct kf_onnx_tensor *in[2] = {x, kernel};
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;

    if (!x || !kernel || x->rank < 2 || kernel->rank != 2)
        return NULL;
    memcpy(dims, x->dims, sizeof(dims));
    dims[x->rank - 1] = kernel->dims[1];
    node = kf_onnx_node_new(onnx, "MatMulInteger", in, 2);
    return kf_onnx_output(onnx, node, KF_DTYPE_INT32, x->rank, dims);
}

/* x times a kernel of int8 whose columns have scales. */
static struct kf_onnx_tensor *product(struct kf_onnx_call *call, struct kf_onnx_tensor *kernel,
                                      struct kf_onnx_tensor *scale)
{
    static const int64_t last = -1;
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_input(call), call->dtype), *own;
    struct quantizer how;

    if (!read_quantizer(call, &how))
        return NULL;
    if (!how.any)
        return kf_onnx_binary(
            onnx, "Div", kf_onnx_matmul(onnx, x, kf_onnx_cast(onnx, kernel, call->dtype)), scale);
    x = multiply(onnx, quantized(onnx, x, &how, &last, 1, &own), kernel);
    return kf_onnx_binary(onnx, "Div", kf_onnx_cast(onnx, x, call->dtype),
                          kf_onnx_binary(onnx, "Mul", scale, own));
}

static void give_activated(struct kf_onnx_call *call, struct kf_onnx_tensor *x, bool shifted)
{
    if (x && shifted)
        x = kf_onnx_binary(call->onnx, "Add", x, kf_onnx_weight(call, "bias"));
    if (x)
        kf_onnx_give(call, kf_onnx_activate(
                               call, json_object_get(call->layer->config, "activation"), x, false));
}

void kf_onnx_form_dense_int8(struct kf_onnx_call *call)
{
    give_activated(
        call, product(call, kf_onnx_weight(call, "kernel"), kf_onnx_weight(call, "kernel_scale")),
        kf_onnx_flag(call, "use_bias", true));
}

/* The letters of an equation: of the inputs up to the comma, of the outputs behind the arrow. */
static bool is_in(const char *letters, size_t n, char letter)
{
    return memchr(letters, letter, n) != NULL;
}

/* A scale (inputs, 1 for what is summed up) where its axes are among those of the outputs. */
static struct kf_onnx_tensor *among_outputs(struct kf_onnx *onnx, struct kf_onnx_tensor *scale,
                                            const char *equation, size_t n_in)
{
    const char *out = strstr(equation, "->") + 2;
    int64_t gone[KF_ONNX_RANK_MAX], added[KF_ONNX_RANK_MAX];
    unsigned order[KF_ONNX_RANK_MAX], place[128] = {0}, n = 0;
    size_t n_gone = 0, n_added = 0, n_out = strlen(out);

    for (size_t i = 0; i < n_in; i++)
        if (is_in(out, n_out, equation[i]))
            place[(unsigned char)equation[i] & 127] = n++;
        else
            gone[n_gone++] = (int64_t)i;
    n = 0;
    for (size_t i = 0; i < n_out; i++)
        if (is_in(equation, n_in, out[i]))
            order[n++] = place[(unsigned char)out[i] & 127];
        else
            added[n_added++] = (int64_t)i;
    scale = n_gone ? kf_onnx_squeeze(onnx, scale, gone, n_gone) : scale;
    scale = kf_onnx_transpose(onnx, scale, order);
    return n_added ? kf_onnx_unsqueeze(onnx, scale, added, n_added) : scale;
}

/* The axes of the inputs that are summed up. */
static size_t summed(const char *equation, size_t n_in, int64_t *axes)
{
    const char *out = strstr(equation, "->") + 2;
    size_t n = 0;

    for (size_t i = 0; i < n_in; i++)
        if (!strchr(out, equation[i]))
            axes[n++] = (int64_t)i;
    return n;
}

void kf_onnx_form_einsum_dense_int8(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_input(call), call->dtype), *y, *own;
    struct kf_onnx_tensor *kernel = kf_onnx_weight(call, "kernel");
    struct kf_onnx_tensor *scale = kf_onnx_weight(call, "kernel_scale");
    const char *equation =
        x ? kf_onnx_spelt_out(onnx, kf_onnx_text(call, "equation", ""), x->rank) : NULL;
    int64_t axes[KF_ONNX_RANK_MAX];
    struct quantizer how;

    if (!equation || !read_quantizer(call, &how))
        return;
    y = kf_onnx_einsum(call, equation, x, kf_onnx_cast(onnx, kernel, call->dtype));
    if (!y)
        return; /* the equation is one of these axes from here on */
    if (how.any) {
        x = quantized(onnx, x, &how, axes, summed(equation, x->rank, axes), &own);
        y = kf_onnx_einsum(call, equation, kf_onnx_cast(onnx, x, KF_DTYPE_INT32),
                           kf_onnx_cast(onnx, kernel, KF_DTYPE_INT32));
        y = kf_onnx_cast(onnx, y, call->dtype);
        scale = x ? kf_onnx_binary(onnx, "Mul", among_outputs(onnx, own, equation, x->rank), scale)
                  : NULL;
    }
    give_activated(call, kf_onnx_binary(onnx, "Div", y, scale),
                   json_is_string(json_object_get(call->layer->config, "bias_axes")));
}

void kf_onnx_form_embedding_int8(struct kf_onnx_call *call)
{
    static const int64_t last = -1;
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_looked_up(call, kf_onnx_weight(call, "embeddings"));
    struct kf_onnx_tensor *scale =
        kf_onnx_looked_up(call, kf_onnx_weight(call, "embeddings_scale"));

    kf_onnx_give(call, kf_onnx_binary(onnx, "Div", kf_onnx_cast(onnx, x, call->dtype),
                                      kf_onnx_unsqueeze(onnx, scale, &last, 1)));
}

void kf_onnx_form_reversible_int8(struct kf_onnx_call *call)
{
    static const unsigned turned[2] = {1, 0};
    bool fits, tied = kf_onnx_flag(call, "tie_weights", true);

    if (!kf_onnx_is_reverse(call, &fits))
        kf_onnx_form_embedding_int8(call);
    else if (fits)
        kf_onnx_give_logits(call, product(call,
                                          tied ? kf_onnx_weight_moved(call, "embeddings", turned, 2)
                                               : kf_onnx_weight(call, "reverse_embeddings"),
                                          kf_onnx_weight(call, tied ? "embeddings_scale"
                                                                    : "reverse_embeddings_scale")));
}
