/* SPDX-License-Identifier: Apache-2.0 */
#include "translate.h"
#include <string.h>

/* Matrices, and what normalizes channels. */

/* Two matrices, or stacks of them that are broadcast. */
static const char *multiply(struct kf_tf *tf, enum kf_dtype dtype, const char *x, unsigned x_rank,
                            const char *y, unsigned y_rank)
{
    return kf_tf_binary(tf, x_rank == 2 && y_rank == 2 ? "MatMul" : "BatchMatMulV2", dtype, x, y);
}

/* int8 times int8, neither of them a vector: int32 comes of it. */
void kf_tf_form_matmul_whole(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0), *y = kf_tf_input(call, 1);
    const char *a = kf_tf_cast(tf, kf_tf_in_plain(call, 0), x->dtype, KF_DTYPE_INT32);
    const char *b = kf_tf_cast(tf, kf_tf_in_plain(call, 1), y->dtype, KF_DTYPE_INT32);

    kf_tf_give(call, 0, multiply(tf, KF_DTYPE_INT32, a, x->rank, b, y->rank));
}

/* A vector is a matrix with an axis that goes. */
void kf_tf_form_matmul(struct kf_tf_call *call)
{
    struct kf_tf *tf = call->tf;
    struct kf_onnx_tensor *x = kf_tf_input(call, 0), *y = kf_tf_input(call, 1);
    const char *a = kf_tf_in_plain(call, 0), *b = kf_tf_in_plain(call, 1), *z;
    unsigned rank = x->rank > y->rank ? x->rank : y->rank;
    int64_t gone[2];
    size_t n = 0;

    rank = rank < 2 ? 2 : rank;
    if (x->rank == 1) {
        a = kf_tf_expand(tf, x->dtype, a, 0);
        gone[n++] = rank - 2;
    }
    if (y->rank == 1) {
        b = kf_tf_expand(tf, y->dtype, b, 1);
        gone[n++] = rank - 1;
    }
    z = multiply(tf, x->dtype, a, x->rank == 1 ? 2 : x->rank, b, y->rank == 1 ? 2 : y->rank);
    kf_tf_give(call, 0, n ? kf_tf_squeeze(tf, x->dtype, z, gone, n) : z);
}

void kf_tf_form_gemm(struct kf_tf_call *call)
{
    enum kf_dtype dtype = kf_tf_input(call, 0)->dtype;
    const char *y =
        multiply(call->tf, dtype, kf_tf_in_plain(call, 0), 2, kf_tf_in_plain(call, 1), 2);

    if (kf_tf_input(call, 2))
        y = kf_tf_binary(call->tf, "BiasAdd", dtype, y, kf_tf_in_plain(call, 2));
    kf_tf_give(call, 0, y);
}

void kf_tf_form_einsum(struct kf_tf_call *call)
{
    const char *x = kf_tf_in_plain(call, 0), *y = kf_tf_in_plain(call, 1);
    const char *equation = kf_onnx_get_text(call->tf->arena, call->node, "equation");
    struct kf_tf_node node;

    if (!equation)
        return;
    kf_tf_begin(call->tf, &node, call->op);
    kf_tf_in(&node, x);
    kf_tf_in(&node, y);
    kf_tf_set_text(&node, "equation", equation);
    kf_tf_set_int(&node, "N", 2);
    kf_tf_set_type(&node, "T", kf_tf_input(call, 0)->dtype);
    kf_tf_give(call, 0, kf_tf_end(&node));
}

/* One op for images of floats. */
static const char *fused(struct kf_tf_call *call, const char *x, const char *const *weights)
{
    struct kf_tf_node node;

    kf_tf_begin(call->tf, &node, "FusedBatchNormV3");
    kf_tf_in(&node, x);
    for (size_t i = 0; i < 4; i++)
        kf_tf_in(&node, weights[i]);
    kf_tf_set_type(&node, "T", KF_DTYPE_FLOAT32);
    kf_tf_set_type(&node, "U", KF_DTYPE_FLOAT32);
    kf_tf_set_float(&node, "epsilon", kf_onnx_get_float(call->node, "epsilon", 1e-5));
    kf_tf_set_bool(&node, "is_training", false);
    return kf_tf_end(&node);
}

/* x * s + (beta - mean * s), where s is gamma / sqrt(variance + epsilon) */
static const char *spelt_out(struct kf_tf_call *call, const char *x, const char *const *weights)
{
    struct kf_tf *tf = call->tf;
    enum kf_dtype dtype = kf_tf_input(call, 0)->dtype;
    double epsilon = kf_onnx_get_float(call->node, "epsilon", 1e-5);
    const char *scale, *shift;

    scale = kf_tf_unary(tf, "Rsqrt", dtype, kf_tf_with(tf, "AddV2", dtype, weights[3], epsilon));
    scale = kf_tf_binary(tf, "Mul", dtype, scale, weights[0]);
    shift = kf_tf_binary(tf, "Sub", dtype, weights[1],
                         kf_tf_binary(tf, "Mul", dtype, weights[2], scale));
    return kf_tf_binary(tf, "AddV2", dtype, kf_tf_binary(tf, "Mul", dtype, x, scale), shift);
}

void kf_tf_form_batch_normalization(struct kf_tf_call *call)
{
    struct kf_onnx_tensor *x = kf_tf_input(call, 0);
    const char *in = kf_tf_last(call->tf, x), *weights[4];

    for (size_t i = 0; i < 4; i++)
        weights[i] = kf_tf_in_plain(call, i + 1);
    kf_tf_give_last(call, 0,
                    x->rank == 4 && x->dtype == KF_DTYPE_FLOAT32 ? fused(call, in, weights)
                                                                 : spelt_out(call, in, weights));
}

/* A number for each matrix. */
void kf_tf_form_of_matrix(struct kf_tf_call *call)
{
    kf_tf_give(
        call, 0,
        kf_tf_unary(call->tf, call->op, kf_tf_input(call, 0)->dtype, kf_tf_in_plain(call, 0)));
}
