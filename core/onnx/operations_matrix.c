/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include <string.h>

/* Operations of matrices: products, triangles and diagonals. */

static const int64_t flat = -1;

/* Sum over pairs of axes; what is left of both stands in order. */
static void contract(struct kf_onnx_call *call, struct kf_onnx_tensor *const *x,
                     const int64_t *axes_x, const int64_t *axes_y, size_t n)
{
    char equation[4 * KF_ONNX_RANK_MAX + 4], *to = equation, letters[2][KF_ONNX_RANK_MAX];
    bool summed[26] = {false};

    for (unsigned i = 0; i < x[0]->rank; i++)
        letters[0][i] = (char)('a' + i);
    for (unsigned i = 0; i < x[1]->rank; i++)
        letters[1][i] = (char)('a' + x[0]->rank + i);
    for (size_t i = 0; i < n; i++) {
        letters[1][axes_y[i]] = letters[0][axes_x[i]];
        summed[axes_x[i]] = true;
    }
    memcpy(to, letters[0], x[0]->rank);
    to[x[0]->rank] = ',';
    to += x[0]->rank + 1;
    memcpy(to, letters[1], x[1]->rank);
    to += x[1]->rank;
    memcpy(to, "->", 2);
    to += 2;
    for (unsigned side = 0; side < 2; side++)
        for (unsigned i = 0; i < x[side]->rank; i++)
            if (!summed[letters[side][i] - 'a'])
                *to++ = letters[side][i];
    *to = '\0';
    kf_onnx_give(call, kf_onnx_einsum(call, equation, x[0], x[1]));
}

/* "Dot": the last axis of the first and the last but one of the second; "Inner": both last ones. */
void kf_onnx_form_op_dot(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x[2];
    int64_t axes[2];

    if (!kf_onnx_operand_pair(call, x))
        return;
    if (!x[0]->rank || !x[1]->rank) {
        kf_onnx_give(call, kf_onnx_binary(call->onnx, "Mul", x[0], x[1]));
        return;
    }
    axes[0] = (int64_t)x[0]->rank - 1;
    axes[1] = (int64_t)x[1]->rank - (strcmp(call->op, "Dot") == 0 && x[1]->rank > 1 ? 2 : 1);
    contract(call, x, &axes[0], &axes[1], 1);
}

/* The axes that a tensordot sums over: how many, 0 where they are not such. */
static size_t dot_axes(struct kf_onnx_call *call, struct kf_onnx_tensor *const *x, int64_t *of_x,
                       int64_t *of_y)
{
    const json_t *given = kf_onnx_operand_json(call, "axes");
    size_t n = json_is_integer(given) ? (size_t)json_integer_value(given) : 0;

    if (n > x[0]->rank || n > x[1]->rank)
        return 0;
    for (size_t i = 0; i < n; i++) {
        of_x[i] = (int64_t)(x[0]->rank - n + i);
        of_y[i] = (int64_t)i;
    }
    if (json_array_size(given) != 2)
        return n;
    n = kf_onnx_numbers(call, json_array_get(given, 0), of_x);
    if (kf_onnx_numbers(call, json_array_get(given, 1), of_y) != n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        of_x[i] = kf_onnx_axis(call->onnx, x[0], of_x[i]);
        of_y[i] = kf_onnx_axis(call->onnx, x[1], of_y[i]);
        if (of_x[i] < 0 || of_y[i] < 0)
            return 0;
    }
    return n;
}

void kf_onnx_form_op_tensordot(struct kf_onnx_call *call)
{
    int64_t of_x[KF_ONNX_RANK_MAX], of_y[KF_ONNX_RANK_MAX];
    struct kf_onnx_tensor *x[2];
    size_t n;

    if (!kf_onnx_operand_pair(call, x))
        return;
    n = dot_axes(call, x, of_x, of_y);
    if (n)
        contract(call, x, of_x, of_y, n);
    else
        kf_onnx_refuse(call, "it sums over no axes, or not over pairs of them");
}

/* Both operands as lists. */
static bool flat_pair(struct kf_onnx_call *call, struct kf_onnx_tensor **x)
{
    if (!kf_onnx_operand_pair(call, x))
        return false;
    for (unsigned i = 0; i < 2; i++)
        x[i] = kf_onnx_reshape(call->onnx, x[i], &flat, 1);
    return true;
}

/* Each of one times each of the other, or the sum of the products of pairs. */
void kf_onnx_form_op_outer(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2];

    if (!flat_pair(call, x))
        return;
    kf_onnx_give(call, kf_onnx_binary(onnx, "Mul", kf_onnx_unsqueeze(onnx, x[0], &flat, 1), x[1]));
}

void kf_onnx_form_op_vdot(struct kf_onnx_call *call)
{
    static const int64_t first = 0;
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2];

    if (!flat_pair(call, x))
        return;
    kf_onnx_give(call, kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_binary(onnx, "Mul", x[0], x[1]),
                                      &first, 1, false));
}

/* a[1] b[2] - a[2] b[1] and so on, of vectors along the last axis. */
void kf_onnx_form_op_cross(struct kf_onnx_call *call)
{
    static const int64_t once[3] = {1, 2, 0}, twice[3] = {2, 0, 1};
    static const char *const keys[4] = {"axisa", "axisb", "axisc", "axis"};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2], *left, *right;
    bool last = true;
    int end;

    if (!kf_onnx_operand_pair(call, x) || !x[0]->rank || !x[1]->rank)
        return;
    for (unsigned i = 0; i < 4; i++)
        last = last && kf_onnx_operand_number(call, keys[i], -1) < 0;
    if (!last || x[0]->rank != x[1]->rank || x[0]->dims[x[0]->rank - 1] != 3 ||
        x[1]->dims[x[1]->rank - 1] != 3) {
        kf_onnx_refuse(call, "its vectors do not have three numbers along the last axis");
        return;
    }
    end = (int)x[0]->rank - 1;
    left = kf_onnx_binary(onnx, "Mul", kf_onnx_gather(onnx, x[0], kf_onnx_list(onnx, once, 3), end),
                          kf_onnx_gather(onnx, x[1], kf_onnx_list(onnx, twice, 3), end));
    right =
        kf_onnx_binary(onnx, "Mul", kf_onnx_gather(onnx, x[0], kf_onnx_list(onnx, twice, 3), end),
                       kf_onnx_gather(onnx, x[1], kf_onnx_list(onnx, once, 3), end));
    kf_onnx_give(call, kf_onnx_binary(onnx, "Sub", left, right));
}

/* "lower" or "upper": what is on the other side of a diagonal becomes zero. */
void kf_onnx_form_op_triangle(struct kf_onnx_call *call)
{
    static const int64_t last = -1;
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *rows, *columns, *kept;
    bool lower = strcmp(call->op, "lower") == 0;

    if (!x || x->rank < 2 || x->dims[x->rank - 1] < 1 || x->dims[x->rank - 2] < 1) {
        kf_onnx_refuse(call, "the size of its matrices is not known");
        return;
    }
    rows = kf_onnx_range(onnx, x->dims[x->rank - 2]);
    rows = kf_onnx_binary_with(onnx, "Add", rows, kf_onnx_operand_number(call, "k", 0));
    columns = kf_onnx_range(onnx, x->dims[x->rank - 1]);
    kept = kf_onnx_compare(onnx, lower ? "LessOrEqual" : "GreaterOrEqual", columns,
                           kf_onnx_unsqueeze(onnx, rows, &last, 1));
    kf_onnx_give(call, kf_onnx_where(onnx, kept, x, kf_onnx_scalar(onnx, x->dtype, 0)));
}

/* The two axes of a diagonal at the end, as one; how long it is, 0 where that is not known. */
static struct kf_onnx_tensor *diagonal_of(struct kf_onnx_call *call, int64_t *first, int64_t *step,
                                          int64_t *n)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t offset = (int64_t)kf_onnx_operand_number(call, "offset", 0);
    int64_t dims[KF_ONNX_RANK_MAX] = {0}, height, width;
    unsigned order[KF_ONNX_RANK_MAX], rank = 0;
    int a = x ? kf_onnx_operand_axis(call, x, "axis1", 0) : -1;
    int b = x ? kf_onnx_operand_axis(call, x, "axis2", 1) : -1;

    *n = 0;
    if (a < 0 || b < 0 || a == b)
        return NULL;
    for (unsigned i = 0; i < x->rank; i++)
        if ((int)i != a && (int)i != b)
            order[rank++] = i;
    order[rank] = (unsigned)a;
    order[rank + 1] = (unsigned)b;
    dims[rank] = -1;
    height = x->dims[a] + (offset < 0 ? offset : 0);
    width = x->dims[b] - (offset > 0 ? offset : 0);
    *step = x->dims[b] + 1;
    *first = offset < 0 ? -offset * x->dims[b] : offset;
    if (x->dims[a] > 0 && x->dims[b] > 0)
        *n = height < width ? height : width;
    return kf_onnx_reshape(call->onnx, kf_onnx_transpose(call->onnx, x, order), dims, rank + 1);
}

/* "Diagonal", or "Trace", the sum of one. */
void kf_onnx_form_op_diagonal(struct kf_onnx_call *call)
{
    int64_t first = 0, step = 1, n, last[1];
    struct kf_onnx_tensor *x = diagonal_of(call, &first, &step, &n);

    if (!x || n < 1) {
        kf_onnx_refuse(call, "the size of its matrices is not known, or it has no such diagonal");
        return;
    }
    last[0] = (int64_t)x->rank - 1;
    x = kf_onnx_slice(call->onnx, x, (int)last[0], first, first + (n - 1) * step + 1, step);
    kf_onnx_give(call, strcmp(call->op, "Trace") == 0
                           ? kf_onnx_reduce(call->onnx, "ReduceSum", x, last, 1, false)
                           : x);
}

/* "": the determinant; "sign log": its sign and the logarithm of its size; "log": that alone. */
void kf_onnx_form_op_det(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_real(call), *y;
    struct kf_onnx_node *node;

    if (!x || x->rank < 2)
        return;
    node = kf_onnx_node_new(onnx, "Det", &x, 1);
    y = kf_onnx_output(onnx, node, x->dtype, x->rank - 2, x->dims);
    if (strcmp(call->op, "sign log") == 0)
        kf_onnx_give(call, kf_onnx_unary(onnx, "Sign", y));
    if (*call->op)
        y = kf_onnx_unary(onnx, "Log", kf_onnx_unary(onnx, "Abs", y));
    kf_onnx_give(call, y);
}

/* Each element of one times all of the other. */
void kf_onnx_form_op_kron(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x[2];
    int64_t dims[KF_ONNX_RANK_MAX], beside[2][KF_ONNX_RANK_MAX], known;
    unsigned rank, n_free = 0;

    if (!kf_onnx_operand_pair(call, x))
        return;
    rank = x[0]->rank;
    if (rank != x[1]->rank || 2 * rank > KF_ONNX_RANK_MAX) {
        kf_onnx_refuse(call, "one has more axes than the other, or both too many");
        return;
    }
    for (unsigned i = 0; i < rank; i++) {
        known = x[0]->dims[i] != KF_ONNX_FREE && x[1]->dims[i] != KF_ONNX_FREE;
        dims[i] = known ? x[0]->dims[i] * x[1]->dims[i] : -1;
        n_free += !known;
        beside[0][i] = 2 * i + 1;
        beside[1][i] = 2 * i;
    }
    if (n_free > 1) {
        kf_onnx_refuse(call, "more than one of its sizes is not known");
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        x[i] = kf_onnx_unsqueeze(onnx, x[i], beside[i], rank);
    kf_onnx_give(call, kf_onnx_reshape(onnx, kf_onnx_binary(onnx, "Mul", x[0], x[1]), dims, rank));
}
