/* SPDX-License-Identifier: Apache-2.0 */
#include "../model/numbers.h"
#include "formula.h"
#include "window.h"
#include <string.h>

/* Operations that are a formula of their row: its letters are the arguments, in order. */

#define OPERANDS_MAX 4

/* The arguments that the row names, in one dtype that is a float. */
static bool operands(struct kf_onnx_formula *formula, bool *moved)
{
    struct kf_onnx_call *call = formula->call;
    json_t *values[OPERANDS_MAX] = {NULL};
    const char *names = call->row->names;
    char name[32];
    size_t n = 0;

    for (; *names && n < OPERANDS_MAX; n++) {
        size_t length = strcspn(names, " ");

        memcpy(name, names, length < sizeof(name) ? length : sizeof(name) - 1);
        name[length < sizeof(name) ? length : sizeof(name) - 1] = '\0';
        values[n] = kf_onnx_operand_json(call, name);
        names += length + (names[length] == ' ');
        if (!values[n])
            return false;
    }
    if (!kf_onnx_operands_either(call, values, n, formula->named, moved))
        return false;
    for (size_t i = 0; i < n; i++)
        formula->named[i] = kf_onnx_as_real(call->onnx, formula->named[i]);
    formula->dtype = formula->named[0] ? formula->named[0]->dtype : KF_DTYPE_FLOAT32;
    return true;
}

void kf_onnx_form_op_formula(struct kf_onnx_call *call)
{
    struct kf_onnx_formula formula = {.onnx = call->onnx, .call = call};
    bool moved;

    if (operands(&formula, &moved))
        kf_onnx_give_as(call, kf_onnx_evaluate(&formula, call->op), moved);
}

/* A formula for each of three channels, of a, b and c, the channels that it is given. */
void kf_onnx_form_op_colours(struct kf_onnx_call *call)
{
    static const int64_t each[3] = {1, 1, 1};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *out[3];
    struct kf_onnx_formula formula = {.onnx = call->onnx, .call = call};
    const char *text = call->op;
    struct kf_onnx_node *node;
    unsigned axis;

    if (!x)
        return;
    axis = x->rank - (kf_onnx_channels_first(call) ? 3 : 1);
    if (x->rank < 3 || x->dims[axis] != 3 || !kf_number_is_float(x->dtype)) {
        kf_onnx_refuse(call, "its images have no three channels of floats");
        return;
    }
    formula.dtype = x->dtype;
    node = kf_onnx_split(onnx, x, (int)axis, each, 3);
    for (unsigned i = 0; node && i < 3; i++) {
        memcpy(formula.named, node->out, 3 * sizeof(*node->out));
        out[i] = kf_onnx_evaluate(&formula, text);
        text += strcspn(text, ";") + 1;
    }
    if (node)
        kf_onnx_give(call, kf_onnx_concat(onnx, out, 3, (int)axis));
}
