/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../model/numbers.h"
#include "operation.h"
#include <string.h>

/* Operations of whole numbers bit by bit, and of their divisors. */

/* The first operators set that has operators for bits. */
#define BITS_OPSET 18

static bool has_bits(struct kf_onnx_call *call)
{
    if (call->onnx->opset >= BITS_OPSET || call->onnx->runtime->beyond)
        return true;
    kf_onnx_refuse(call, "its operators come with opset %d of ONNX", BITS_OPSET);
    return false;
}

/* Of truths the bits are the truths. */
void kf_onnx_form_op_bits(struct kf_onnx_call *call)
{
    static const char prefix[] = "Bitwise";
    struct kf_onnx_tensor *x[2];

    if (!kf_onnx_operand_pair(call, x))
        return;
    if (x[0]->dtype == KF_DTYPE_BOOL)
        kf_onnx_give(call, kf_onnx_compare(call->onnx, call->op + strlen(prefix), x[0], x[1]));
    else if (has_bits(call))
        kf_onnx_give(call, kf_onnx_binary(call->onnx, call->op, x[0], x[1]));
}

void kf_onnx_form_op_bits_not(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);

    if (x && x->dtype == KF_DTYPE_BOOL)
        kf_onnx_give(call, kf_onnx_test(call->onnx, "Not", x));
    else if (x && has_bits(call))
        kf_onnx_give(call, kf_onnx_unary(call->onnx, "BitwiseNot", x));
}

/* Numbers without a sign as many bits wide, which are what is shifted; NONE for others. */
static enum kf_dtype bits_of(enum kf_dtype dtype)
{
    switch (dtype) {
    case KF_DTYPE_INT32:
    case KF_DTYPE_UINT32:
        return KF_DTYPE_UINT32;
    case KF_DTYPE_INT64:
    case KF_DTYPE_UINT64:
        return KF_DTYPE_UINT64;
    default:
        return KF_DTYPE_NONE;
    }
}

/* "LEFT", or "RIGHT", where the bits of a number below zero are those of its opposite. */
void kf_onnx_form_op_shift(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2], *below, *y;
    struct kf_onnx_node *node;
    enum kf_dtype dtype, bits;
    bool right = strcmp(call->op, "RIGHT") == 0;

    if (!kf_onnx_operand_pair(call, x))
        return;
    dtype = x[0]->dtype;
    bits = bits_of(dtype);
    if (bits == KF_DTYPE_NONE) {
        kf_onnx_refuse(call, "numbers of 32 or 64 bits alone are shifted");
        return;
    }
    below = right && dtype != bits
                ? kf_onnx_compare(onnx, "Less", x[0], kf_onnx_scalar(onnx, dtype, 0))
                : NULL;
    y = below ? kf_onnx_where(onnx, below,
                              kf_onnx_binary(onnx, "Sub", kf_onnx_scalar(onnx, dtype, -1), x[0]),
                              x[0])
              : x[0];
    x[0] = kf_onnx_cast(onnx, y, bits);
    x[1] = kf_onnx_cast(onnx, x[1], bits);
    y = kf_onnx_binary(onnx, "BitShift", x[0], x[1]);
    node = y ? onnx->nodes[onnx->n_nodes - 1] : NULL;
    kf_onnx_set_text(onnx, node, "direction", call->op);
    y = kf_onnx_cast(onnx, y, dtype);
    kf_onnx_give(
        call,
        below ? kf_onnx_where(onnx, below,
                              kf_onnx_binary(onnx, "Sub", kf_onnx_scalar(onnx, dtype, -1), y), y)
              : y);
}

/* The rest of a division has the sign of what is divided. */
void kf_onnx_form_op_fmod(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2], *rest, *sizes[2];

    if (!kf_onnx_operand_pair(call, x))
        return;
    for (unsigned i = 0; i < 2; i++)
        sizes[i] = kf_onnx_unary(onnx, "Abs", x[i]);
    rest = kf_onnx_binary(onnx, "Mod", sizes[0], sizes[1]);
    if (rest && kf_number_is_float(rest->dtype))
        kf_onnx_set_int(onnx, onnx->nodes[onnx->n_nodes - 1], "fmod", 1);
    kf_onnx_give(call, kf_onnx_binary(onnx, "Mul", kf_onnx_unary(onnx, "Sign", x[0]), rest));
}

/*
 * The greatest common divisor by Euclid's steps, written one by one: numbers of 32 bits need no
 * more than this.
 */
#define EUCLID_MAX 46

static struct kf_onnx_tensor *divisor(struct kf_onnx *onnx, struct kf_onnx_tensor *a,
                                      struct kf_onnx_tensor *b)
{
    struct kf_onnx_tensor *zero = kf_onnx_scalar(onnx, KF_DTYPE_INT64, 0);
    struct kf_onnx_tensor *one = kf_onnx_scalar(onnx, KF_DTYPE_INT64, 1);

    for (unsigned i = 0; i < EUCLID_MAX; i++) {
        struct kf_onnx_tensor *done = kf_onnx_compare(onnx, "Equal", b, zero);
        struct kf_onnx_tensor *rest =
            kf_onnx_binary(onnx, "Mod", a, kf_onnx_where(onnx, done, one, b));

        a = kf_onnx_where(onnx, done, a, b);
        b = kf_onnx_where(onnx, done, zero, rest);
    }
    return a;
}

/* "greatest", or "least": the common multiple. */
void kf_onnx_form_op_divisor(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2], *y, *zero = kf_onnx_scalar(onnx, KF_DTYPE_INT64, 0);
    enum kf_dtype dtype;

    if (!kf_onnx_operand_pair(call, x))
        return;
    dtype = x[0]->dtype;
    if (kf_number_is_float(dtype) || kf_dtype_size(dtype) > 4) {
        kf_onnx_refuse(call, "it is of numbers of 64 bits, or of such that are not whole");
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        x[i] = kf_onnx_unary(onnx, "Abs", kf_onnx_cast(onnx, x[i], KF_DTYPE_INT64));
    y = divisor(onnx, x[0], x[1]);
    if (strcmp(call->op, "least") == 0) {
        struct kf_onnx_tensor *none = kf_onnx_compare(onnx, "Equal", y, zero);

        y = kf_onnx_binary(onnx, "Div", x[1],
                           kf_onnx_where(onnx, none, kf_onnx_scalar(onnx, KF_DTYPE_INT64, 1), y));
        y = kf_onnx_binary(onnx, "Mul", x[0], y);
    }
    kf_onnx_give(call, kf_onnx_cast(onnx, y, dtype));
}
