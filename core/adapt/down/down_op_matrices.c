/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "down_ops.h"

/* Operations on matrices: what is left of them, their products and norms. */

static size_t rank_of(const struct kf_down_op *op, size_t index, const char *key)
{
    return kf_down_rank(kf_down_argument(op, index, key));
}

/* What is left between two diagonals; or, where a diagonal is on the other side of the main one,
 * what is not between them. */
static int between(struct kf_down_op *op, json_int_t lower, json_int_t upper, bool inside)
{
    json_object_clear(op->kwargs);
    KF_TRY(kf_down_set(op, "num_lower", json_integer(lower)));
    KF_TRY(kf_down_set(op, "num_upper", json_integer(upper)));
    return inside ? 0 : kf_down_recipe(op, "outside");
}

int kf_down_form_tril(struct kf_down_op *op)
{
    json_int_t k = kf_json_int(op->kwargs, "k", 0);

    return k >= 0 ? between(op, -1, k, true) : between(op, -k - 1, -1, false);
}

int kf_down_form_triu(struct kf_down_op *op)
{
    json_int_t k = kf_json_int(op->kwargs, "k", 0);

    return k <= 0 ? between(op, -k, -1, true) : between(op, -1, k - 1, false);
}

/* The last axis of the first tensor with the one before the last, or the only one, of the other. */
int kf_down_form_dot(struct kf_down_op *op)
{
    size_t a = rank_of(op, 0, "x1"), b = rank_of(op, 1, "x2");

    if (!a || !b)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    return json_object_get(op->kwargs, "axes")
               ? 0
               : kf_down_set(op, "axes", json_pack("[[i], [i]]", -1, b == 1 ? -1 : -2));
}

/* A vector is no matrix to TensorFlow. */
int kf_down_form_matmul(struct kf_down_op *op)
{
    size_t a = rank_of(op, 0, "x1"), b = rank_of(op, 1, "x2");

    if (a == 1)
        return kf_down_refuse(op, "it multiplies a vector by a matrix");
    if (a && b == 1)
        op->function = "linalg.matvec";
    return 0;
}

int kf_down_form_alike(struct kf_down_op *op)
{
    size_t a = rank_of(op, 0, "a"), b = rank_of(op, 1, "b");

    return !a || !b ? kf_down_refuse(op, KF_DOWN_NOT_TOLD)
           : a == b ? 0
                    : kf_down_refuse(op, "TensorFlow takes as many axes of both its tensors");
}

/* By the sum of squares along any axes, or of absolute values along one. */
int kf_down_form_norm(struct kf_down_op *op)
{
    json_t *ord = json_object_get(op->kwargs, "ord"), *axis = json_object_get(op->kwargs, "axis");
    size_t n = json_is_integer(axis) ? 1 : json_array_size(axis);
    double order = json_is_number(ord) ? json_number_value(ord) : 0;
    bool frobenius = n == 2 && kf_streq(json_string_value(ord), "fro");

    if (!ord || frobenius || (n == 1 && !(order < 2) && !(order > 2)))
        return kf_down_recipe(op, "Norm");
    return n == 1 && !(order < 1) && !(order > 1)
               ? kf_down_recipe(op, "Norm of 1")
               : kf_down_refuse(op, "no few functions compute a norm of this order");
}

/* A matrix of a line, or the line of a matrix. */
int kf_down_form_diag(struct kf_down_op *op)
{
    size_t rank = kf_down_rank(kf_down_argument(op, 0, "x"));

    if (rank == 1)
        return 0;
    if (rank != 2 || kf_json_int(op->kwargs, "k", 0) != 0)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    op->function = "linalg.diag_part";
    return 0;
}
